"""What is said about a project besides its facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from djk8s.adopt import remarks
from djk8s.adopt.ask import Answer
from djk8s.facts import Facts

Asked = Callable[..., Answer]
FACTS = Facts("shop", "shop.settings", "shop.wsgi:application")
MEDIA = "MEDIA_URL, MEDIA_ROOT = '/media/', '/app/media'\n"


def test_uploads_that_nothing_shows(asked: Asked) -> None:
    [said] = remarks.uploads(asked(MEDIA))
    assert 're_path(r"^media/(?P<path>.*)$"' in said
    assert remarks.uploads(asked()) == []


def test_uploads_that_a_url_shows(asked: Asked) -> None:
    urls = "from django.urls import re_path\nfrom django.views.static import serve\n"
    urls += "urlpatterns = [re_path('^media/(?P<path>.*)$', serve, {'document_root': '/app/media'})]\n"
    assert remarks.uploads(asked(MEDIA, {"shop/urls.py": urls})) == []


def test_uploads_in_a_bucket(asked: Asked) -> None:
    s3 = "STORAGES = {'default': {'BACKEND': 'a.S3Storage'}, 'staticfiles': {'BACKEND': 'a.S3Static'}}\n"
    assert remarks.uploads(asked(MEDIA + s3)) == []
    [said] = remarks.static(asked(s3), FACTS, [])
    assert "serving/static.py has the image serve them" in said


def test_static_files_that_git_has_where_they_are_gathered(asked: Asked) -> None:
    answer = asked()
    [said] = remarks.static(answer, FACTS, ["staticfiles/site.css"])
    assert said.startswith("staticfiles/ is in git, and the image gathers it anew")
    assert remarks.static(answer, FACTS, ["static/site.css"]) == []


def test_front_end_that_no_setting_names(asked: Asked) -> None:
    facts = replace(FACTS, node="web/client")
    plain = asked()
    [said] = remarks.node(plain, facts, ["web/client/package.json"])
    assert said.startswith("Node builds web/client/, and neither STATICFILES_DIRS nor TEMPLATES names a folder in it:")
    for setting in ("STATICFILES_DIRS = ['/app/web/client/dist']\n", "TEMPLATES[0]['DIRS'] = ['/app/web/client']\n"):
        assert remarks.node(asked(f"TEMPLATES = [{{}}]\n{setting}"), facts, []) == []
    assert remarks.node(asked("STATICFILES_DIRS = [('a', '/app/web/client/dist')]\n"), facts, []) == []
    assert remarks.node(plain, facts, ["web/__init__.py"]) == []
    assert remarks.node(plain, replace(FACTS, node="."), []) == []


def test_packages_of_node_that_are_served_as_they_are(asked: Asked) -> None:
    """Django passes over a folder that is not there."""
    answer = asked("STATICFILES_DIRS = ['/app/web/node_modules/bootstrap/dist']\n")
    [said] = remarks.node(answer, FACTS, ["web/package.json"])
    assert said.startswith("node_modules is not in the image")


def test_uploads_at_another_site(asked: Asked) -> None:
    assert remarks.uploads(asked("MEDIA_URL = 'https://cdn.example.com/media/'\n")) == []


def test_data_that_git_tracks_is_taken_over_by_hand(asked: Asked) -> None:
    answer = asked(f"{MEDIA}DATABASES['default']['NAME'] = '/app/site.db'\n")
    database, media = remarks.data(answer, ["site.db", "media/a.png"])
    assert "./inv shell -- sh -c 'cat > /app/data/site.db' < site.db" in database
    assert "tar c -C media ." in media
    assert remarks.data(answer, ["manage.py"]) == []
    spaced = asked("DATABASES['default']['NAME'] = '/app/my site.db'\n")
    [said] = remarks.data(spaced, ["my site.db"])
    assert said.endswith("""-- sh -c 'cat > '"'"'/app/data/my site.db'"'"'' < 'my site.db'` takes it over.""")


def test_what_looks_secret_is_named(asked: Asked) -> None:
    secret = ["client_secret.json", "keys/jwt.pem", "backup.sql", "id_rsa", "google-service-account.json", "x.key"]
    [said] = remarks.secrets([*secret, "shop/secrets.py", "tests/a.pem", "package.json"])
    assert said == f"In git, and so in the image: {', '.join(secret[:5])} and 1 more. Take out what is secret."


def test_secrets_of_others_are_placeholders_too(asked: Asked) -> None:
    answer = asked('import os\nA = os.environ["PHONE"], os.environ["CLOUD_API_SECRET"]\n', given={"B": "1"})
    [said] = remarks.placeholders(answer, {"B": "1"})
    assert said.endswith("placeholders: PHONE=change-me, CLOUD_API_SECRET.")
    assert remarks.placeholders(Answer({}, {"MY_DEBUG": "0", "DJANGO_ENV": "production"}), {}) == []


def test_server_of_their_own() -> None:
    assert remarks.server(["deploy/gunicorn.conf.py"]) == [
        "deploy/gunicorn.conf.py is not read: what it sets belongs in serving/gunicorn.conf.py."
    ]


def test_broker_in_the_code() -> None:
    answer = Answer({"broker": "", "celery_broker": "redis://localhost"})
    [said] = remarks.literal(answer, Facts("shop", "s", "a", cache="redis"))
    assert 'os.environ.get("CACHE_URL"' in said
    assert remarks.literal(answer, FACTS) == []
    assert (
        remarks.literal(Answer({"broker": "", "celery_broker": "amqp://h"}), Facts("shop", "s", "a", cache="redis"))
        == []
    )


MODELS = "from django.db import models\nclass Pet(models.Model):\n    name = models.TextField()\n"


def test_models_without_migrations(asked: Asked) -> None:
    answer = asked("INSTALLED_APPS += ['pets']\n", {"pets/__init__.py": "", "pets/models.py": MODELS})
    [said] = remarks.migrations(answer)
    assert "`python manage.py makemigrations pets`" in said
    made = {"pets/migrations/__init__.py": "", "pets/migrations/0001_initial.py": ""}
    assert (
        remarks.migrations(
            asked("INSTALLED_APPS += ['pets']\n", {"pets/__init__.py": "", "pets/models.py": MODELS, **made})
        )
        == []
    )


def test_translations_that_are_not_compiled() -> None:
    paths = ["locale/fa/LC_MESSAGES/django.po"]
    [said] = remarks.translations(paths)
    assert "compilemessages" in said
    assert remarks.translations([*paths, "locale/fa/LC_MESSAGES/django.mo"]) == []


def test_database_whose_driver_is_there() -> None:
    [said] = remarks.database(Facts("shop", "s", "a", offered=("db",)))
    assert "`./inv up --with db` brings PostgreSQL" in said
    assert remarks.database(FACTS) == []


@pytest.mark.parametrize("broker", ["amqp://localhost", "pyamqp://guest@localhost//"])
def test_rabbitmq_is_not_brought(asked: Asked, broker: str) -> None:
    [said] = remarks.rabbitmq(asked(f"CELERY_BROKER_URL = {broker!r}\n"))
    assert said.startswith("Its broker is RabbitMQ, which `inv up` does not bring:")
    assert remarks.rabbitmq(asked("CELERY_BROKER_URL = 'redis://localhost'\n")) == []


DEBUGGING = """DEBUG = True
if DEBUG:
    EMAIL_BACKEND = "console"
    INTERNAL_IPS = []
else:
    if True:
        SECURE_HSTS_SECONDS = 1
CORS_ALLOW_ALL_ORIGINS = DEBUG
INSTALLED_APPS += ["a"] if DEBUG else []
SESSION_COOKIE_SECURE = not DEBUG
"""


def test_what_follows_a_literal_debug_is_named(asked: Asked, root: Path) -> None:
    answer = asked(DEBUGGING.replace('["a"]', "[]"))
    [said] = remarks.debug(root, answer, replace(FACTS, src="."))
    names = "CORS_ALLOW_ALL_ORIGINS, EMAIL_BACKEND, INSTALLED_APPS, SECURE_HSTS_SECONDS"
    assert said.startswith(f"shop/settings.py has DEBUG = True; what it sets stays as while debugging: {names}.")


def test_literal_debug_that_nothing_follows(asked: Asked, root: Path) -> None:
    [said] = remarks.debug(root, asked("DEBUG = True\nSESSION_COOKIE_SECURE = not DEBUG\n"), FACTS)
    assert said == "shop.settings has DEBUG on: serving/overlay.py turns it off."
    assert remarks.debug(root, asked("DEBUG = False\nA = DEBUG\n"), FACTS) == []


def test_databases_besides_the_default_one(asked: Asked) -> None:
    own = "DATABASES |= {'old': {'ENGINE': 'django.db.backends.dummy'}, 'log': DATABASES['default']}\n"
    answer = asked(own)
    assert remarks.more_databases(answer) == []
    answer.says["databases"]["old"]["ENGINE"] = "django.db.backends.mysql"
    [said] = remarks.more_databases(answer)
    assert said.startswith("DATABASES has old too, which nothing here brings or migrates:")
    assert said.endswith("migrate --database old` does.")


@pytest.mark.parametrize("at", ["redis://localhost:6379/2", "unix:/run/redis.sock", "/run/redis.sock"])
def test_cache_of_another_kind_on_the_same_machine_is_named(asked: Asked, at: str) -> None:
    caches = {
        "default": {"BACKEND": "django.core.cache.backends.memcached.PyLibMCCache", "LOCATION": ["127.0.0.1:11211"]},
        "pages": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": at},
        "far": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://r.example.com:6379/0"},
        "file": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": "/tmp/a"},
    }
    answer = asked(f"CACHES = {caches}\n")
    [said] = remarks.caches(answer, replace(FACTS, cache="memcached"))
    assert said.startswith("CACHES has pages on this machine, where a container finds nothing, and only memcached")
    [said] = remarks.caches(answer, replace(FACTS, cache="redis"))
    assert said.startswith("CACHES has default on this machine")
