"""What serves a project and stands beside it: the server, the database, the cache, and workers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from djk8s.adopt.ask import Answer, told
from djk8s.adopt.found import Found
from djk8s.adopt.layout import apart, below, deploys, module_of, name_of, read
from djk8s.dotenv.reads import Reads
from djk8s.git import tracked
from djk8s.project import APPLICATION
from djk8s.shell.talk import refuse

KINDS = ("sqlite", "postgres", "postgis", "mysql")
ENGINES = (("postgis", "postgis"), ("spatialite", "sqlite"), ("sqlite", "sqlite"), ("mysql", "mysql"))
# Settings that may hold the address of a cache or a broker.
ADDRESSES = (
    "CACHES", "CHANNEL_LAYERS", "CELERY_BROKER_URL", "BROKER_URL", "CELERY_RESULT_BACKEND", "RQ_QUEUES", "HUEY",
    "Q_CLUSTER", "DRAMATIQ_BROKER", "DRAMATIQ_RESULT_BACKEND",
)  # fmt: skip
QUEUES = r"""(?:-Q|--queues)["', =]+([\w.-]+(?:,[\w.-]+)*)(?![\w.,$-])"""
REDIS = {"HOST": "cache", "PORT": "6379", "URL": "redis://cache:6379/0"}
MEMCACHED = {"HOST": "cache", "PORT": "11211", "URL": "cache:11211"}


def server(answer: Answer, given: str | None = None) -> Found[str]:
    """Return `asgi` or `threads`."""
    if given is not None:
        return Found(given, "--server")
    apps = {app.partition(".")[0] for app in answer.settings["INSTALLED_APPS"]}
    if failed := [one for one in answer.says["failures"] if one["step"] == "asgi"]:
        if {"channels", "daphne"} & apps:
            refuse(
                f"Its ASGI application cannot be loaded: {told(failed[0])}; mend that first, or add --server threads."
            )
        return Found("threads", "its asgi.py cannot be loaded")
    if not answer.says.get("asgi"):
        return Found("threads", "no asgi.py")
    for name in sorted({"channels", "daphne"} & apps):
        return Found("asgi", f"INSTALLED_APPS has {name}")
    if answer.says.get("asgi_is_more"):
        return Found("asgi", f"{answer.says['asgi']} is more than Django's own")
    if answer.says.get("coroutine"):
        return Found("asgi", f"the view {answer.says['coroutine']} is a coroutine")
    return Found("threads", "no view is a coroutine")


def concurrency(answer: Answer) -> dict[str, str]:
    """Return the variable for one process, where a message to a channel would not reach the others."""
    layers = answer.says["channel_layers"].values()
    return {"WEB_CONCURRENCY": "1"} if any("InMemory" in str(one["BACKEND"]) for one in layers) else {}


def application(root: Path, src: str, answer: Answer, serves: str, given: str | None = None) -> Found[str]:
    """Return the application for a server, such as shop.wsgi:application; raises `Exit` if there is none."""
    if given is not None:
        if not re.fullmatch(APPLICATION, given):
            refuse(f"--application is {given!r}, and has to be as shop.wsgi:application.")
        return Found(given, "--application")
    if serves == "asgi" and answer.says.get("asgi"):
        return Found(
            dotted(answer.says["asgi"]), "ASGI_APPLICATION" if answer.settings["ASGI_APPLICATION"] else "asgi.py"
        )
    if answer.settings["WSGI_APPLICATION"]:
        return Found(dotted(answer.settings["WSGI_APPLICATION"]), "WSGI_APPLICATION")
    entry = "asgi.py" if serves == "asgi" else "wsgi.py"
    files = [path for path in tracked(root) if name_of(path) == entry]
    files = sorted((path for path in files if below(path, src) and not apart(path)), key=lambda path: path.count("/"))
    if files:
        return Found(f"{module_of(root, src, files[0])}:application", files[0])
    return refuse("It has no WSGI_APPLICATION and no wsgi.py: name its application with --application.")


def dotted(path: str) -> str:
    module, _, name = path.rpartition(".")
    return f"{module}:{name}"


def database(answer: Answer, hint: str = "", given: str | None = None) -> Found[str]:
    """Return the kind of its database.

    Where only a value that we filled in says SQLite, the address in their example, `hint`, or a driver says more.
    """
    if given is not None:
        return Found(given, "--database")
    default = answer.says["databases"].get("default", {})
    found = kind(default.get("ENGINE", ""))
    filled = [name for name, value in answer.required.items() if "sqlite" in value]
    installed = set(answer.says["installed"])
    is_open = not default.get("ENGINE")  # as by dj_database_url.config()
    if found != "sqlite" or not (filled or is_open):
        return Found(found, "ENGINE")
    spatial = "django.contrib.gis" in answer.settings["INSTALLED_APPS"]
    if "://" in hint and kind(hint.partition("://")[0]) != "sqlite":
        return Found(kind(hint.partition("://")[0]), f"their example of {(filled or ['DATABASE_URL'])[0]}")
    if {"psycopg", "psycopg2"} & installed:
        return Found("postgis" if spatial else "postgres", "psycopg is installed")
    if {"MySQLdb", "pymysql"} & installed:
        return Found("mysql", "a driver of MySQL is installed")
    return Found("sqlite", "no driver of another is installed")


def kind(engine: str) -> str:
    """Return the kind of database of an ENGINE, or of the scheme of an address."""
    if not engine or engine.endswith("dummy"):
        return "sqlite"
    for word, name in ENGINES:
        if word in engine:
            return name
    return "postgres" if re.search("postg|psql|psycopg|pgsql", engine) else "sqlite"


def after_migrate(answer: Answer) -> Found[tuple[str, ...]]:
    """Return the commands of manage.py that follow the migrations."""
    if any("DatabaseCache" in one["BACKEND"] for one in answer.says["caches"].values()):
        return Found(("createcachetable",), "CACHES")
    return Found((), "no DatabaseCache")


def cache(answer: Answer, hints: Iterable[str] = ()) -> Found[str]:
    """Return redis, memcached, or "" where it needs neither; `hints` are the addresses in their example."""
    says, settings = answer.says, answer.settings
    kinds = cache_kinds(answer)
    of_caches = kinds.get("default") or max(kinds.values(), default="")  # redis before memcached
    layers = [str(one["BACKEND"]).lower() for one in says["channel_layers"].values()]
    broker = says.get("celery_broker") or says["broker"]
    if of_caches == "redis":
        return Found("redis", "CACHES")
    if any("redis" in one for one in layers):
        return Found("redis", "CHANNEL_LAYERS")
    if re.match("rediss?:|valkey", broker):
        return Found("redis", "Celery's broker")
    for name in ("RQ_QUEUES", "HUEY", "DRAMATIQ_BROKER", "Q_CLUSTER"):
        if settings[name]:
            return Found("redis", name)
    if of_caches:
        return Found("memcached", "CACHES")
    if any(re.match("rediss?:", hint) for hint in hints):
        return Found("redis", "their example")
    return Found("", "neither CACHES nor a broker needs one")


def cache_kinds(answer: Answer) -> dict[str, str]:
    """Return, by its alias, the kind of each cache that is a service."""
    backends = {alias: one["BACKEND"].lower() for alias, one in answer.says["caches"].items()}
    kinds = {"redis": "redis|valkey", "memcached": "memcached|pylibmc|pymemcache"}
    return {alias: kind for alias, one in backends.items() for kind, words in kinds.items() if re.search(words, one)}


def cache_variables(answer: Answer, reads: Reads, kind: str) -> dict[str, str]:
    """Return the variables of theirs that hold its address, with the values that they get beside our cache."""
    values = {"redis": REDIS, "memcached": MEMCACHED}.get(kind)
    if not values:
        return {}
    by_end = dict.fromkeys(("HOST", "HOSTNAME", "SERVER"), values["HOST"]) | {"PORT": values["PORT"]}
    addresses = ("URL", "URI", "DSN", "LOCATION", "BROKER", "BACKEND", "ADDRESS", "REDIS", "MEMCACHED")
    by_end |= dict.fromkeys(addresses, values["URL"])
    of_rabbitmq = {one.name for one in reads.found if "amqp" in (one.default or "")}
    names = [name for name in reads.of(*ADDRESSES) if "DATABASE" not in name and name not in of_rabbitmq]
    # Those of a class of settings have no setting of their own: what was filled in for one says what it is.
    names += [name for name, value in answer.required.items() if re.match("rediss?://", value) and name not in names]
    return {name: by_end[end] for name in names if (end := name.rpartition("_")[2]) in by_end}


def cache_names(answer: Answer) -> tuple[str, ...]:
    """Return the names by which its settings look for it, but for those of our own services."""
    return tuple(name for name in answer.says.get("cache_hosts", ()) if name not in {"cache", "db", "web"})


def workers(root: Path, src: str, answer: Answer) -> Found[dict[str, str]]:
    """Return the command of each worker by the name of its service."""
    apps, settings = set(answer.settings["INSTALLED_APPS"]), answer.settings
    if at_once(answer):
        return Found({}, "CELERY_TASK_ALWAYS_EAGER, and no broker")
    if "celery" in answer.says["installed"] and (app := celery_app(root, src)):
        return Found(of_celery(root, src, app, answer), "Celery")
    if "huey.contrib.djhuey" in apps:
        return Found({"worker": "python manage.py run_huey"}, "huey")
    if "django_rq" in apps:
        queues = " ".join(map(shlex.quote, settings["RQ_QUEUES"] or ["default"]))
        return Found({"worker": f"python manage.py rqworker {queues}"}, "django-rq")
    if "django_q" in apps:
        return Found({"worker": "python manage.py qcluster"}, "django-q")
    if "django_dramatiq" in apps:
        return Found({"worker": "python manage.py rundramatiq"}, "django-dramatiq")
    if any("database" in str(backend).lower() for backend in settings["TASKS"].values()):
        return Found({"worker": "python manage.py db_worker"}, "TASKS")
    return Found({}, "none found")


def at_once(answer: Answer) -> bool:
    """Return whether Celery runs tasks where they are called, without any broker."""
    says = answer.says
    return bool(says.get("eager")) and not (says.get("celery_broker") or says.get("broker"))


def celery_app(root: Path, src: str) -> str:
    """Return the package or module for `celery -A`; "" if no file makes an app of Celery's."""
    files = [path for path in tracked(root) if path.endswith(".py") and below(path, src) and not apart(path)]
    makes = [path for path in files if re.search(r"=\s*(celery\.)?Celery\(", read(root, path))]
    for path in sorted(makes, key=lambda path: path.count("/")):
        module = module_of(root, src, path)
        return re.sub(r"\.(celery|__init__)$", "", module)  # which Celery finds in a package by itself
    return ""


def queues(root: Path) -> str:
    """Return the option for the queues of Celery's workers, as all that the files deploy listen to some; else ""."""
    texts = [read(root, path) for path in tracked(root) if deploys(path) or path.endswith(".sh")]
    workers = [line for text in texts for line in re.findall(r"celery\b[^\n]*\bworker\b([^\n]*)", text)]
    listens = [re.search(QUEUES, line) for line in workers]
    if not all(listens):
        return ""
    each = dict.fromkeys(name for found in listens if found for name in found[1].split(","))
    return f" --queues {','.join(each)}" if each else ""


def of_celery(root: Path, src: str, app: str, answer: Answer) -> dict[str, str]:
    """Return the worker of Celery, and beat where there is a schedule."""
    command = f"celery -A {app}"
    found = {"worker": f"{command} worker --loglevel info{queues(root)}"}
    files = [path for path in tracked(root) if path.endswith(".py") and below(path, src) and not apart(path)]
    if "django_celery_beat" in answer.settings["INSTALLED_APPS"]:
        found["beat"] = f"{command} beat --loglevel info --scheduler django_celery_beat.schedulers:DatabaseScheduler"
    elif (
        answer.says["beat"]
        or answer.says.get("celery_beat")
        or any(re.search(r"beat_schedule\s*=|add_periodic_task\(", read(root, path)) for path in files)
    ):
        found["beat"] = f"{command} beat --loglevel info --schedule /app/data/celerybeat-schedule"
    return found
