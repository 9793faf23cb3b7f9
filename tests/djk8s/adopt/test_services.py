"""The server, the database, the cache and the workers of a project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from invoke import Exit

from djk8s.adopt import remarks, services, variables
from djk8s.adopt.ask import Answer
from djk8s.adopt.found import Found
from repository_of import ASGI, committed

Asked = Callable[..., Answer]

MORE = ASGI.replace("application = get", "async def application(scope, receive, send): ...\nplain = get")
VIEW = "from django.urls import path\nasync def home(request): ...\nurlpatterns = [path('', home)]\n"
VIEWS = """\
from django.urls import include, path
from django.views import View
class Home(View):
    async def get(self, request): ...
urlpatterns = [path("a/", include([path("", Home.as_view())]))]
"""


def test_plain_project_is_served_by_threads(asked: Asked, root: Path) -> None:
    answer = asked()
    assert services.server(answer).value == "threads"
    assert services.application(root, ".", answer, "threads").value == "shop.wsgi:application"


@pytest.mark.parametrize("files", [{"shop/asgi.py": MORE}, {"shop/urls.py": VIEW}, {"shop/urls.py": VIEWS}],
                         ids=["an asgi.py of their own", "a coroutine", "a class with coroutines"])  # fmt: skip
def test_what_is_asynchronous_is_served_by_asgi(asked: Asked, root: Path, files: dict[str, str]) -> None:
    answer = asked(files=files)
    assert services.server(answer).value == "asgi"
    assert services.application(root, ".", answer, "asgi").value == "shop.asgi:application"


def test_project_without_wsgi_application_has_that_of_its_wsgi_file(asked: Asked, root: Path) -> None:
    answer = asked("WSGI_APPLICATION = None\n")
    assert services.application(root, ".", answer, "threads").value == "shop.wsgi:application"


def with_engine(engine: str, **more: object) -> Answer:
    says = {"databases": {"default": {"ENGINE": engine}}, "installed": [], "settings": {"INSTALLED_APPS": []}}
    return Answer({**says, **more})


ENGINES = [
    ("django.db.backends.postgresql", "postgres"),
    ("django.contrib.gis.db.backends.postgis", "postgis"),
    ("django_prometheus.db.backends.postgresql", "postgres"),
    ("django.db.backends.mysql", "mysql"),
    ("django.contrib.gis.db.backends.spatialite", "sqlite"),
    ("django.db.backends.dummy", "sqlite"),
]


@pytest.mark.parametrize(("engine", "kind"), ENGINES)
def test_kind_of_a_database(engine: str, kind: str) -> None:
    assert services.database(with_engine(engine)).value == kind


def test_database_that_only_our_own_value_made_sqlite_is_that_of_its_driver() -> None:
    filled = {"DATABASE_URL": "sqlite:///db.sqlite3"}
    says = with_engine("django.db.backends.sqlite3", installed=["psycopg"]).says
    assert services.database(Answer(says)).value == "sqlite"
    assert services.database(Answer(says, filled)).value == "postgres"
    assert services.database(Answer(says, filled), "mysql://db/shop").value == "mysql"


def test_database_that_settings_leave_open_is_that_of_its_driver() -> None:
    assert services.database(with_engine("", installed=["psycopg2"])).value == "postgres"
    assert services.database(with_engine("", installed=["psycopg2"]), "mysql://db/shop").value == "mysql"
    assert services.database(with_engine("")).value == "sqlite"


LOCMEM = "CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}\n"
REDIS = """
import os
REDIS_URL, REDIS_HOST = os.environ.get("REDIS_URL"), os.getenv("REDIS_HOST", "localhost")
CACHE_AT = os.environ.get("REDIS_URL", "redis://here")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_AT}}
CELERY_BROKER_URL = f"redis://{os.environ.get('BROKER_HOST', 'localhost')}:{os.environ.get('BROKER_PORT', '6379')}/1"
"""


def test_cache_of_one_process_needs_none_beside_it(asked: Asked) -> None:
    assert services.cache(asked(LOCMEM)).value == ""


def test_cache_and_the_variables_with_its_address(asked: Asked, root: Path) -> None:
    answer = asked(REDIS)
    assert services.cache(answer).value == "redis"
    assert services.cache_variables(answer, variables.of(root), "redis") == {
        "BROKER_HOST": "cache",
        "BROKER_PORT": "6379",
        "REDIS_URL": "redis://cache:6379/0",
    }


def test_variable_of_a_class_of_settings_holds_its_address(asked: Asked, root: Path) -> None:
    answer = asked('import os\nclass S:\n    url = os.environ["MY_REDIS_URL"]\nCELERY_BROKER_URL = S.url\n')
    assert services.cache_variables(answer, variables.of(root), "redis") == {"MY_REDIS_URL": "redis://cache:6379/0"}


def test_every_queue_of_rq_has_a_worker(asked: Asked, root: Path) -> None:
    answer = asked("RQ_QUEUES = {'high': {'PASSWORD': 'a'}, 'default': {}}\n")
    assert answer.settings["RQ_QUEUES"] == ["high", "default"]
    answer.says["settings"]["INSTALLED_APPS"].append("django_rq")
    assert services.workers(root, ".", answer).value == {"worker": "python manage.py rqworker high default"}


def test_memcached(asked: Asked) -> None:
    backend = "django.core.cache.backends.memcached.PyMemcacheCache"
    assert services.cache(asked(f"CACHES = {{'default': {{'BACKEND': '{backend}'}}}}\n")).value == "memcached"


def test_cache_of_several_kinds_is_that_of_the_default_one(asked: Asked) -> None:
    caches = {
        "pages": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://localhost:6379/0"},
        "default": {"BACKEND": "django.core.cache.backends.memcached.PyLibMCCache", "LOCATION": "127.0.0.1:11211"},
    }
    answer = asked(f"CACHES = {caches}\n")
    assert services.cache(answer) == Found("memcached", "CACHES")
    assert services.cache(asked(f"CACHES = {caches}\nCELERY_BROKER_URL = 'redis://localhost'\n")).value == "redis"
    caches["default"] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": ""}
    assert services.cache(asked(f"CACHES = {caches}\n")).value == "redis"


def test_cache_in_the_database_has_its_table_made(asked: Asked) -> None:
    backend = "django.core.cache.backends.db.DatabaseCache"
    answer = asked(f"CACHES = {{'default': {{'BACKEND': '{backend}', 'LOCATION': 'cached'}}}}\n")
    assert services.after_migrate(answer).value == ("createcachetable",)


def answered(apps: list[str], tasks: dict[str, str] | None = None, installed: tuple[str, ...] = ()) -> Answer:
    settings = {"INSTALLED_APPS": apps, "TASKS": tasks or {}, "RQ_QUEUES": []}
    return Answer({"settings": settings, "installed": installed, "beat": False})


WORKERS = [
    (["huey.contrib.djhuey"], "python manage.py run_huey"),
    (["django_rq"], "python manage.py rqworker default"),
    (["django_q"], "python manage.py qcluster"),
    (["django_dramatiq"], "python manage.py rundramatiq"),
]


@pytest.mark.parametrize(("apps", "command"), WORKERS)
def test_worker_of_an_app(root: Path, apps: list[str], command: str) -> None:
    assert services.workers(root, ".", answered(apps)).value == {"worker": command}


def test_worker_of_tasks_in_the_database(root: Path) -> None:
    tasks = {"default": "django_tasks_db.DatabaseBackend"}
    assert services.workers(root, ".", answered([], tasks)).value == {"worker": "python manage.py db_worker"}
    assert (
        services.workers(root, ".", answered([], {"default": "django.tasks.backends.immediate.ImmediateBackend"})).value
        == {}
    )


CELERY = "from celery import Celery\napp = Celery('shop')\n"
NAMES = [("shop/celery.py", "shop"), ("shop/__init__.py", "shop"), ("config/celery_app.py", "config.celery_app")]


@pytest.mark.parametrize(("path", "name"), NAMES)
def test_worker_of_celery(root: Path, path: str, name: str) -> None:
    committed(root, {f"src/{path}": CELERY})
    found = services.workers(root, "src", answered([], installed=("celery",))).value
    assert found == {"worker": f"celery -A {name} worker --loglevel info"}


LISTENS = [
    pytest.param(
        "docker-compose.yml", "    command: celery -A shop worker -l info -Q a,b --concurrency=2\n", id="Compose"
    ),
    pytest.param("Procfile", "worker: celery -A shop worker --queues=a,b\n", id="Procfile"),
    pytest.param("docker/Dockerfile", 'CMD ["celery", "-A", "shop", "worker", "-Q", "a,b"]\n', id="Dockerfile"),
    pytest.param("worker.sh", "exec celery -A shop worker -Q a &\nexec celery -A shop worker -Q b\n", id="two workers"),
]


LISTENS_TO_ALL = [
    pytest.param("command: celery -A shop worker\ncommand: celery -A shop worker -Q emails\n", id="one without"),
    pytest.param("command: celery -A shop worker -Q celery,$MORE\n", id="a variable"),
]


@pytest.mark.parametrize("text", LISTENS_TO_ALL)
def test_worker_of_celery_is_not_kept_from_a_queue(root: Path, text: str) -> None:
    committed(root, {"shop/celery.py": CELERY, "docker-compose.yml": text})
    found = services.workers(root, ".", answered([], installed=("celery",))).value
    assert found == {"worker": "celery -A shop worker --loglevel info"}


@pytest.mark.parametrize(("path", "text"), LISTENS)
def test_worker_of_celery_listens_to_the_queues_that_are_deployed(root: Path, path: str, text: str) -> None:
    committed(root, {"shop/celery.py": CELERY, path: text})
    found = services.workers(root, ".", answered([], installed=("celery",))).value
    assert found == {"worker": "celery -A shop worker --loglevel info --queues a,b"}


def test_beat_where_there_is_a_schedule(root: Path) -> None:
    committed(root, {"shop/celery.py": CELERY})
    answer = answered(["django_celery_beat"], installed=("celery",))
    assert services.workers(root, ".", answer).value["beat"].endswith("django_celery_beat.schedulers:DatabaseScheduler")
    answer.says["settings"]["INSTALLED_APPS"] = []
    answer.says["beat"] = True
    assert services.workers(root, ".", answer).value["beat"].endswith("--schedule /app/data/celerybeat-schedule")


def test_celery_that_runs_tasks_at_once_needs_no_worker(asked: Asked, root: Path) -> None:
    eager = "CELERY_TASK_ALWAYS_EAGER = True\n"
    for own, found in ((eager, []), ("", ["worker"]), (f"{eager}CELERY_BROKER_URL = 'redis://r'\n", ["worker"])):
        answer = asked(own, {"shop/celery.py": CELERY})
        answer.says["installed"] = ["celery"]
        assert [*services.workers(root, ".", answer).value] == found
        assert len(remarks.at_once(answer)) == (not found)


def test_broker_of_rabbitmq_is_no_redis(asked: Asked, root: Path) -> None:
    own = 'import os\nURL = os.environ.get("BROKER_URL", "amqp://guest@rabbitmq//")\n'
    own += 'DRAMATIQ_BROKER = {"OPTIONS": {"url": URL}}\n'
    assert services.cache_variables(asked(own), variables.of(root), "redis") == {}


def test_redis_in_their_example(asked: Asked) -> None:
    answer = asked()
    assert services.cache(answer, ["", "redis://localhost:6379/0"]).value == "redis"
    assert services.cache(answer, ["", "amqp://localhost"]).value == ""


@pytest.mark.parametrize(("huey", "cache"), [("{'name': 'a'}", "redis"), ("{'huey_class': 'huey.MemoryHuey'}", "")])
def test_huey_without_redis(asked: Asked, huey: str, cache: str) -> None:
    assert services.cache(asked(f"HUEY = {huey}\n")).value == cache


def test_asgi_that_cannot_be_loaded(asked: Asked, root: Path) -> None:
    broken = {"shop/asgi.py": "raise RuntimeError('a mistake of theirs')\n"}
    answer = asked("", broken)
    assert services.server(answer) == Found("threads", "its asgi.py cannot be loaded")
    answer.settings["INSTALLED_APPS"].append("channels")
    with pytest.raises(Exit, match=r"cannot be loaded: RuntimeError: a mistake of theirs, .*shop/asgi.py:1; mend that"):
        services.server(answer)


def test_cache_has_the_names_by_which_the_settings_look_for_it(asked: Asked) -> None:
    own = """
CACHES = {"default": {"BACKEND": "x.RedisCache", "LOCATION": ["redis://:pw@redis:6379/1", "redis://r.example.com"]}}
CHANNEL_LAYERS = {"default": {"BACKEND": "x", "CONFIG": {"hosts": [("channels-redis", 6379), ("127.0.0.1", 6379)]}}}
RQ_QUEUES = {"default": {"HOST": "queue", "PORT": 6379}, "other": {"HOST": "localhost"}, "x": {"URL": "redis://cache"}}
"""
    assert services.cache_names(asked(own)) == ("channels-redis", "queue", "redis")


def test_channels_in_memory_are_for_one_process(asked: Asked) -> None:
    layer = "CHANNEL_LAYERS = {'default': {'BACKEND': 'channels.layers.InMemoryChannelLayer'}}\n"
    assert services.concurrency(asked(layer)) == {"WEB_CONCURRENCY": "1"}
    assert services.concurrency(asked("CHANNEL_LAYERS = {}\n")) == {}
