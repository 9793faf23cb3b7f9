"""The overlay: what it makes of a site's own settings. Each module of settings is read by a Python of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import ROOT

OVERLAY = ROOT / "serving/overlay.py"
INSECURE = "django-insecure-0123456789012345678901234567890123456789012345"
SHOW = """
import json
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in dir(settings) if name.isupper()}, default=str))
"""
SECURITY, WHITENOISE = "django.middleware.security.SecurityMiddleware", "whitenoise.middleware.WhiteNoiseMiddleware"
SQLITE, POSTGRES = "django.db.backends.sqlite3", "django.db.backends.postgresql"
URL = "postgres://site@db/site"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's folder, in which the overlay runs after shop.settings."""
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving/__init__.py").touch()
    for name in ("cache.py", "csp.py", "database.py", "key.py", "mail.py", "static.py", "volume.py"):
        (tmp_path / "serving" / name).write_bytes((ROOT / "serving" / name).read_bytes())
    text = OVERLAY.read_text(encoding="utf-8").replace("from myproj.settings import", "from shop.settings import")
    (tmp_path / "serving/overlay.py").write_text(text, encoding="utf-8")
    return tmp_path


def asked(root: Path, settings: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (root / "shop").mkdir(exist_ok=True)
    (root / "shop/settings.py").write_text(settings, encoding="utf-8")
    own = {"DJANGO_SETTINGS_MODULE": "serving.overlay", "PYTHONPATH": str(root), "SECRET_KEY": "k", **environment}
    own = {"PATH": os.environ["PATH"], **{name: value for name, value in own.items() if value}}
    return subprocess.run([sys.executable, "-c", SHOW], env=own, cwd=root, capture_output=True, text=True, check=False)


def served(root: Path, settings: str = "", **environment: str) -> dict[str, Any]:
    """Return the settings of a site as it is served."""
    answer = asked(root, settings, **environment)
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def test_overlay_is_short() -> None:
    assert len(OVERLAY.read_text(encoding="utf-8").splitlines()) <= 60


DEBUGGING = [({}, False), ({"DEBUG": "0"}, False), ({"DEBUG": "1"}, True), ({"DEBUG": "True"}, True)]


@pytest.mark.parametrize(("environment", "debug"), DEBUGGING, ids=str)
def test_debug_is_off_unless_the_environment_turns_it_on(root: Path, environment: dict[str, str], debug: bool) -> None:
    assert served(root, "DEBUG = True", **environment)["DEBUG"] is debug
    assert served(root, "", **environment)["DEBUG"] is debug


def test_key_of_the_environment_wins(root: Path) -> None:
    assert served(root, f"SECRET_KEY = '{INSECURE}'", SECRET_KEY="fresh")["SECRET_KEY"] == "fresh"
    assert served(root, "SECRET_KEY = 'from-a-vault'", SECRET_KEY="")["SECRET_KEY"] == "from-a-vault"


def test_key_that_the_site_read_from_a_variable_of_its_own_stays(root: Path) -> None:
    own = "import os\nSECRET_KEY = os.environ['DJANGO_SECRET_KEY']"
    assert served(root, own, DJANGO_SECRET_KEY="own", SECRET_KEY="fresh")["SECRET_KEY"] == "own"


def test_settings_that_were_made_of_the_key_follow_it(root: Path) -> None:
    made = "SIMPLE_JWT = {'SIGNING_KEY': SECRET_KEY, 'ALGORITHM': 'HS256'}\nJWT_KEY = SECRET_KEY"
    found = served(root, f"SECRET_KEY = '{INSECURE}'\n{made}", SECRET_KEY="fresh")
    assert found["SIMPLE_JWT"] == {"SIGNING_KEY": "fresh", "ALGORITHM": "HS256"}
    assert found["JWT_KEY"] == "fresh"


def test_key_that_another_variable_happens_to_have_is_not_read_from_it(root: Path) -> None:
    found = served(root, "SECRET_KEY = 'change-me'", SECRET_KEY="fresh", PHONE="change-me")
    assert found["SECRET_KEY"] == "fresh"
    own = f"import os\nSECRET_KEY = os.getenv('DJANGO_SECRET_KEY', '{INSECURE}')"
    assert served(root, own, SECRET_KEY="fresh", DJANGO_SECRET_KEY=INSECURE)["SECRET_KEY"] == "fresh"


def test_text_that_is_translated_later_stops_nothing(root: Path) -> None:
    own = "from django.utils.translation import gettext_lazy as _\nSECRET_KEY = 'old'\n"
    own += "A_TITLE = _('a')\nB = {'C': _('a')}"
    environment = {"SECRET_KEY": "fresh", "DJANGO_SETTINGS_MODULE": "serving.overlay", "PYTHONPATH": str(root)}
    (root / "shop").mkdir()
    (root / "shop/settings.py").write_text(own)
    code = "import django; django.setup(); from django.conf import settings; print(settings.SECRET_KEY)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert (ran.stdout, ran.stderr) == ("fresh\n", "")


def test_key_that_startproject_made_serves_nobody(root: Path) -> None:
    refused = asked(root, f"SECRET_KEY = '{INSECURE}'", SECRET_KEY="")
    assert "`inv env --set SECRET_KEY` sets another" in refused.stderr
    assert served(root, f"SECRET_KEY = '{INSECURE}'", SECRET_KEY="", DEBUG="1")["SECRET_KEY"] == INSECURE


def test_www_is_only_for_a_site_that_people_reach_by_https(root: Path) -> None:
    own = "PREPEND_WWW = True"
    found = [served(root, own, HTTPS=https)["PREPEND_WWW"] for https in ("0", "1")]
    assert found == [False, True]
    assert served(root, "", HTTPS="1")["PREPEND_WWW"] is False


def test_localhost_is_allowed_beside_the_sites_hosts(root: Path) -> None:
    here = ["localhost", "127.0.0.1", "[::1]"]
    assert served(root)["ALLOWED_HOSTS"] == here
    assert served(root, "ALLOWED_HOSTS = ('a.example',)")["ALLOWED_HOSTS"] == ["a.example", *here]
    more = served(root, "ALLOWED_HOSTS = None", ALLOWED_HOSTS="b.example, c")["ALLOWED_HOSTS"]
    assert more == [*here, "b.example", "c"]


def test_origins_of_the_environment_are_added_once(root: Path) -> None:
    one, two = "https://a.example", "https://b.example"
    both = served(root, f"CSRF_TRUSTED_ORIGINS = ['{one}']", CSRF_TRUSTED_ORIGINS=f"{one},{two}")
    assert both["CSRF_TRUSTED_ORIGINS"] == [one, two]


SECURE = "SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True"
HTTPS = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")


def test_https_is_asked_of_clients_only_where_it_is_spoken_and_secure_cookies_stay(root: Path) -> None:
    plain, secure = served(root, SECURE), served(root, "", HTTPS="1")
    assert [plain[name] for name in HTTPS] == [False, True, True]
    assert [secure[name] for name in HTTPS] == [True] * 3
    assert [served(root, "")[name] for name in HTTPS] == [False] * 3
    assert plain["SECURE_PROXY_SSL_HEADER"] is None
    assert secure["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    own = served(root, "SECURE_PROXY_SSL_HEADER = ('HTTP_X_SCHEME', 'https')", HTTPS="1")
    assert own["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_SCHEME", "https"]


def database(**parts: object) -> str:
    return f"DATABASES = {{'default': {parts!r}}}"


FILES = [
    ("/app/src/db.sqlite3", "{data}/db.sqlite3"),
    ("db.sqlite3", "{data}/db.sqlite3"),
    ("store", "{data}/store"),
    ("{data}/sub/db.sqlite3", "{data}/sub/db.sqlite3"),
    # Nothing could be migrated there, and each process would have its own.
    (":memory:", "{data}/db.sqlite3"),
    ("file:memorydb_default?mode=memory", "{data}/db.sqlite3"),
]


@pytest.mark.parametrize(("name", "moved"), FILES)
def test_sqlite_of_a_container_is_in_its_volume(root: Path, name: str, moved: str) -> None:
    settings = database(ENGINE=SQLITE, NAME=name.format(data=root / "data"))
    inside = served(root, settings, PLACE="container")["DATABASES"]["default"]["NAME"]
    assert inside == moved.format(data=root / "data")
    outside = served(root, settings)["DATABASES"]["default"]["NAME"]
    assert outside == name.format(data=root / "data")


def test_sqlite_in_memory_besides_the_default_database_stays(root: Path) -> None:
    """Two must not share one file."""
    other = f"{database(ENGINE=SQLITE, NAME='a')}\nDATABASES['other'] = {{'ENGINE': {SQLITE!r}, 'NAME': ':memory:'}}"
    assert served(root, other, PLACE="container")["DATABASES"]["other"]["NAME"] == ":memory:"


def test_another_database_of_a_container_is_left_alone(root: Path) -> None:
    kept = served(root, database(ENGINE=POSTGRES, NAME="shop", HOST="h"), PLACE="container")["DATABASES"]["default"]
    assert (kept["NAME"], kept["HOST"]) == ("shop", "h")


def test_url_wins_over_the_sites_own_database(root: Path) -> None:
    own = database(ENGINE=SQLITE, NAME="db.sqlite3", OPTIONS={"timeout": 20}, ATOMIC_REQUESTS=True)
    found = served(root, own, DATABASE_URL="postgres://site@db:5433/site", PLACE="compose")["DATABASES"]["default"]
    assert {name: found[name] for name in ("ENGINE", "NAME", "USER", "HOST", "PORT")} == {
        "ENGINE": POSTGRES,
        "NAME": "site",
        "USER": "site",
        "HOST": "db",
        "PORT": 5433,
    }
    assert (found["OPTIONS"], found["ATOMIC_REQUESTS"]) == ({}, True)  # a timeout is for SQLite, the other for any


def test_url_wins_over_variables_of_the_sites_own(root: Path) -> None:
    own = database(ENGINE=POSTGRES, PASSWORD="old")
    own += "\nimport os\nDATABASES['default']['HOST'] = os.environ['DB_HOST']"
    found = served(root, own, DATABASE_URL=URL, DB_HOST="elsewhere")["DATABASES"]["default"]
    assert (found["HOST"], found["PASSWORD"]) == ("db", "")


def test_engine_of_the_sites_own_stays_with_the_same_kind_of_database(root: Path) -> None:
    postgis = "django.contrib.gis.db.backends.postgis"
    own = database(ENGINE=postgis, NAME="shop", OPTIONS={"pool": True})
    found = served(root, own, DATABASE_URL=URL)["DATABASES"]["default"]
    assert (found["ENGINE"], found["NAME"], found["OPTIONS"]) == (postgis, "site", {"pool": True})


@pytest.mark.parametrize("url", ["postgres://site@db/site?sslmode=disable", "postgres://db/x?sslmode=disable"])
def test_url_says_whether_the_connection_is_encrypted(root: Path, url: str) -> None:
    """As a site that wants it, for its database in a cloud, is tried with the one of compose/db.yaml."""
    own = database(ENGINE=POSTGRES, NAME="site", USER="site", HOST="db", PASSWORD="p", OPTIONS={"sslmode": "require"})
    assert served(root, own, DATABASE_URL=URL)["DATABASES"]["default"]["OPTIONS"] == {"sslmode": "require"}
    assert served(root, own, DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"] == {"sslmode": "disable"}


def test_password_of_mysql_reaches_a_driver_in_python(root: Path) -> None:
    itself = "import dj_database_url\nDATABASES = {'default': dj_database_url.config()}"
    for own in ("", itself):
        found = served(root, own, DATABASE_URL="mysql://site@db/site", MYSQL_PWD="secret")["DATABASES"]["default"]
        assert found["PASSWORD"] == "secret"


REDIS = """
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://:p@127.0.0.1:6379/1"}}
CELERY_BROKER_URL = "redis://localhost"
CHANNEL_LAYERS = {"default": {"BACKEND": "x", "CONFIG": {"hosts": [("127.0.0.1", 6379)]}}}
RQ_QUEUES = {"default": {"HOST": "localhost", "PORT": 6379, "DB": 2}, "far": {"HOST": "r.example.com", "PORT": 1}}
CELERY_RESULT_BACKEND = "redis://r.example.com/3"
BROKER_URL = "amqp://localhost"
"""


def test_redis_of_a_container_is_where_cache_url_says(root: Path) -> None:
    found = served(root, REDIS, CACHE_URL="redis://cache:6379/0", PLACE="container")
    assert found["CACHES"]["default"]["LOCATION"] == "redis://cache:6379/1"
    assert found["CELERY_BROKER_URL"] == "redis://cache:6379"
    assert found["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"] == [["cache", 6379]]
    assert found["RQ_QUEUES"] == {
        "default": {"HOST": "cache", "PORT": 6379, "DB": 2},
        "far": {"HOST": "r.example.com", "PORT": 1},
    }
    assert (found["CELERY_RESULT_BACKEND"], found["BROKER_URL"]) == ("redis://r.example.com/3", "amqp://localhost")
    own = "import os\nCELERY_BROKER_URL = os.environ['BROKER']\nRQ_QUEUES = {'default': {'HOST': 'localhost'}}"
    elsewhere = {"CACHE_URL": "redis://[2001:db8::1]/0", "PLACE": "container", "BROKER": "redis://:pw@redis:6379/0"}
    found = served(root, own, **elsewhere)
    assert found["CELERY_BROKER_URL"] == "redis://:pw@redis:6379/0"
    assert found["RQ_QUEUES"]["default"]["HOST"] == "2001:db8::1"
    for environment in ({"CACHE_URL": "redis://cache:6379/0"}, {"PLACE": "container"}):
        assert served(root, REDIS, **environment)["CELERY_BROKER_URL"] == "redis://localhost"


def test_memcached_of_a_container_is_where_cache_url_says(root: Path) -> None:
    def cached(at: str | list[str], **environment: str) -> str:
        own = f"CACHES = {{'default': {{'BACKEND': 'django.core.cache.backends.memcached.X', 'LOCATION': {at!r}}}}}"
        return str(served(root, own, CACHE_URL="cache:11211", **environment)["CACHES"]["default"]["LOCATION"])

    assert cached("127.0.0.1:11211", PLACE="container") == "cache:11211"
    assert cached(["127.0.0.1:11211"], PLACE="container") == "cache:11211"
    assert cached("m.example.com:11211", PLACE="container") == "m.example.com:11211"
    assert cached("127.0.0.1:11211") == "127.0.0.1:11211"
    assert cached("unix:/run/memcached.sock", PLACE="container") == "cache:11211"
    assert cached(["/run/memcached.sock"], PLACE="container") == "cache:11211"


@pytest.mark.parametrize(
    ("at", "moved"),
    [
        ("unix:///run/redis.sock?db=2", "redis://cache:6379/0?db=2"),
        ("/run/redis.sock", "redis://cache:6379/0"),
        ("redis://localhost:6379/1", "redis://cache:6379/1"),
    ],
)
def test_redis_at_a_socket_is_on_the_same_machine_too(root: Path, at: str, moved: str) -> None:
    file = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": "/tmp/files"}
    caches = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": at}, "file": file}
    found = served(root, f"CACHES = {caches!r}", CACHE_URL="redis://cache:6379/0", PLACE="container")["CACHES"]
    assert (found["default"]["LOCATION"], found["file"]["LOCATION"]) == (moved, f"{root}/data/files")


def test_words_of_a_socket_follow_those_of_the_url(root: Path) -> None:
    caches = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "unix:///run/redis.sock?db=2"}}
    url = "rediss://cache:6379/0?ssl_cert_reqs=none"
    found = served(root, f"CACHES = {caches!r}", CACHE_URL=url, PLACE="container")["CACHES"]
    assert found["default"]["LOCATION"] == f"{url}&db=2"


def test_url_that_the_site_followed_changes_nothing(root: Path) -> None:
    own = database(ENGINE=POSTGRES, NAME="site", USER="site", HOST="db", CONN_MAX_AGE=7, PASSWORD="from-a-file")
    found = served(root, own, DATABASE_URL=URL)["DATABASES"]["default"]
    assert (found["CONN_MAX_AGE"], found["PASSWORD"]) == (7, "from-a-file")


def test_url_brings_a_database_where_there_was_none(root: Path) -> None:
    assert served(root, "", DATABASE_URL=URL)["DATABASES"]["default"]["ENGINE"] == POSTGRES


def test_database_that_is_left_to_a_local_settings_is_sqlite(root: Path) -> None:
    found = served(root, database(ENGINE="django.db.backends.", NAME=""), PLACE="container")["DATABASES"]["default"]
    assert (found["ENGINE"], found["NAME"]) == (SQLITE, f"{root}/data/db.sqlite3")
    found = served(root, database(ENGINE="django.db.backends."), DATABASE_URL=URL)["DATABASES"]["default"]
    assert found["ENGINE"] == POSTGRES
    assert served(root, "DATABASES = {'default': {}}", PLACE="container")["DATABASES"] == {"default": {}}


def test_url_of_a_file_is_that_file(root: Path) -> None:
    found = served(root, database(ENGINE=SQLITE, NAME="x"), DATABASE_URL="sqlite:////mnt/y.db", PLACE="container")
    assert found["DATABASES"]["default"]["NAME"] == "/mnt/y.db"


def test_url_of_a_file_without_a_folder_is_in_the_volume(root: Path) -> None:
    own = database(ENGINE=SQLITE, NAME="db.sqlite3")
    for url, name in (("sqlite:///db.sqlite3", str(root / "data/db.sqlite3")), ("sqlite://", ":memory:")):
        found = served(root, own, DATABASE_URL=url, PLACE="container")
        assert str(found["DATABASES"]["default"]["NAME"]) == name
    assert served(root, own, DATABASE_URL="sqlite:///y.db")["DATABASES"]["default"]["NAME"] == "y.db"


@pytest.mark.parametrize("url", ["hunter2", "postgres://u:hunter2@[/x"])
def test_url_that_is_none_is_one_sentence_without_it(root: Path, url: str) -> None:
    said = asked(root, "", DATABASE_URL=url).stderr.strip().rpartition("\n")[2]
    assert "write postgres://USER:PASSWORD@HOST" in said
    assert "hunter2" not in said


def test_uploads_of_a_container_are_in_its_volume(root: Path) -> None:
    assert served(root, "MEDIA_ROOT = '/srv/uploads'", PLACE="container")["MEDIA_ROOT"] == f"{root}/data/media"
    for own in (f"{root}/data", f"{root}/data/files"):
        assert served(root, f"MEDIA_ROOT = '{own}'", PLACE="container")["MEDIA_ROOT"] == own
    assert served(root, "MEDIA_ROOT = '/srv/uploads'")["MEDIA_ROOT"] == "/srv/uploads"


LOGGING = """
LOGGING = {
    "version": 1,
    "handlers": {
        "file": {"class": "logging.handlers.RotatingFileHandler", "filename": "/nowhere/a.log", "level": "INFO"},
        "mail": {"class": "django.utils.log.AdminEmailHandler"},
        "syslog": {"class": "logging.handlers.SysLogHandler", "address": "/dev/log", "facility": "local6"},
        "of_this_host": {"class": "logging.handlers.SysLogHandler", "formatter": "brief"},
        "remote": {"()": "logging.handlers.SysLogHandler", "address": ("logs.example.com", 514)},
    },
}
"""


def test_sessions_mail_and_a_cache_in_files_are_in_the_volume(root: Path) -> None:
    (root / "data").mkdir()
    own = "SESSION_FILE_PATH, EMAIL_FILE_PATH = 'sessions', '/app/sent'\n"
    own += "HAYSTACK_CONNECTIONS = {'default': {'ENGINE': 'w', 'PATH': '/app/index'}, 'other': {'ENGINE': 's'}}\n"
    own += (
        "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.filebased.FileBasedCache', 'LOCATION': '/a/b'}}"
    )
    found = served(root, own, PLACE="container")
    assert found["HAYSTACK_CONNECTIONS"]["default"]["PATH"] == f"{root}/data/index"
    assert (found["SESSION_FILE_PATH"], found["EMAIL_FILE_PATH"]) == (f"{root}/data/sessions", f"{root}/data/sent")
    assert found["CACHES"]["default"]["LOCATION"] == f"{root}/data/b"
    assert served(root, own)["SESSION_FILE_PATH"] == "sessions"


def test_log_of_a_container_is_on_the_console(root: Path) -> None:
    """Without this, Django would not start: it opens the file."""
    handlers = served(root, LOGGING, PLACE="container")["LOGGING"]["handlers"]
    assert handlers["file"] == {"class": "logging.StreamHandler", "level": "INFO"}
    assert handlers["mail"] == {"class": "django.utils.log.AdminEmailHandler"}
    assert handlers["syslog"] == {"class": "logging.StreamHandler"}
    assert handlers["of_this_host"] == {"class": "logging.StreamHandler", "formatter": "brief"}
    assert handlers["remote"]["address"] == ["logs.example.com", 514]
    assert "/nowhere/a.log" in asked(root, LOGGING + "import logging.config; logging.config.dictConfig(LOGGING)").stderr


def test_static_files_are_gathered_beside_the_code(root: Path) -> None:
    assert served(root)["STATIC_ROOT"] == f"{root}/staticfiles"
    assert served(root, f"STATIC_ROOT = '{root}/a/b'")["STATIC_ROOT"] == f"{root}/a/b"
    assert served(root, "STATIC_ROOT = '/srv/static'")["STATIC_ROOT"] == f"{root}/staticfiles"


STACKS = [
    ([], [WHITENOISE]),
    ([SECURITY, "a"], [SECURITY, WHITENOISE, "a"]),
    (["cors", SECURITY, "a"], ["cors", SECURITY, WHITENOISE, "a"]),
    ((SECURITY, "a"), [SECURITY, WHITENOISE, "a"]),
    ((SECURITY, "a", "shop.whitenoise.Mine"), [SECURITY, "a", "shop.whitenoise.Mine"]),
]


@pytest.mark.parametrize(("own", "found"), STACKS, ids=str)
def test_whitenoise_serves_static_files_where_nothing_does(root: Path, own: object, found: list[str]) -> None:
    assert served(root, f"MIDDLEWARE = {own!r}", CSP="0")["MIDDLEWARE"] == found


S3 = "storages.backends.s3.S3Storage"


def test_static_files_for_a_bucket_are_served_from_the_image(root: Path) -> None:
    own = f"STORAGES = {{'default': {{'BACKEND': '{S3}'}}, 'staticfiles': {{'BACKEND': '{S3}'}}}}\n"
    assert served(root, f"{own}STATIC_URL = '//b.example.com/static/'")["STATIC_URL"] == "/static/"
    found = served(root, f"{own}STATIC_URL = 'https://b.example.com/static/'")
    assert found["STORAGES"]["staticfiles"]["BACKEND"] == "whitenoise.storage.CompressedStaticFilesStorage"
    assert (found["STORAGES"]["default"]["BACKEND"], found["STATIC_URL"]) == (S3, "/static/")


def test_pages_have_a_policy_unless_the_site_sends_its_own(root: Path) -> None:
    assert "csp" in served(root, "MIDDLEWARE = ['a']")["MIDDLEWARE"][0]
    own = ["a.whitenoise", "shop.csp.Mine"]
    assert served(root, f"MIDDLEWARE = {own}", CSP="img-src 'self'")["MIDDLEWARE"] == own


def test_app_of_the_site_may_be_called_csp(root: Path) -> None:
    (root / "csp").mkdir()
    (root / "csp/__init__.py").touch()
    assert served(root, "MIDDLEWARE = ['a.whitenoise']")["MIDDLEWARE"] == ["a.whitenoise"]


def test_names_of_the_overlay_are_no_settings(root: Path) -> None:
    """A site may have settings of any name, as ROOT and DATA."""
    own = "ROOT, DATA, HTTPS, CONTAINER = 'their', 'own', 'as it', 'was'\nimport os\nPath = os = None"
    found = served(root, own)
    assert [found[name] for name in ("ROOT", "DATA", "HTTPS", "CONTAINER")] == ["their", "own", "as it", "was"]


def test_plain_django_is_enough(root: Path) -> None:
    """A recipe that is measured has no other packages (bench/recipes.py)."""
    hide = "import sys\nsys.modules |= dict.fromkeys(['whitenoise', 'dj_database_url', 'csp'])\n"
    assert served(root, f"{hide}MIDDLEWARE = ['a']")["MIDDLEWARE"] == ["a"]


@pytest.mark.parametrize(
    ("place", "user", "mode"), [("container", 0, 0o644), ("container", 7, 0o666), ("host", 0, 0o666)]
)
def test_who_builds_makes_nothing_that_others_may_write(root: Path, place: str, user: int, mode: int) -> None:
    own = f"import os\nos.getuid = lambda: {user}\nFILE_UPLOAD_PERMISSIONS = 0o666"
    assert served(root, own, PLACE=place)["FILE_UPLOAD_PERMISSIONS"] == mode
