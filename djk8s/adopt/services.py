"""The server, the database, the cache and the workers of a project, from what Django said of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from djk8s.adopt.found import Found

Said = Mapping[str, Any]  # what inside.py answered
DJANGO = "Django"

# A part of the name of an engine, and the kind of database; the first that fits counts.
DATABASES = {"postgis": "postgis", "postgres": "postgres", "psycopg": "postgres", "mysql": "mysql"}
CACHES = {"redis": "redis", "valkey": "redis", "memcached": "memcached", "pylibmc": "memcached"}
# Apps with a worker of their own, and the manage.py command that runs it.
WORKERS = {
    "huey.contrib.djhuey": "run_huey",
    "django_q": "qcluster",
    "django_rq": "rqworker default",
    "django_tasks_db": "db_worker",
    "django_tasks.backends.database": "db_worker",
    "django_dramatiq": "rundramatiq",
}


def server(said: Said, given: str | None) -> Found[str]:
    """Return `asgi` where a part of the site needs it, and else `threads`."""
    if given:
        return Found(given, "--server")
    installed = set(said["settings"]["INSTALLED_APPS"])
    if needing := sorted({"channels", "daphne"} & installed):
        return Found("asgi", f"{needing[0]} in INSTALLED_APPS")
    if said.get("asgi_is_more"):
        return Found("asgi", f"{said['asgi']} has more than Django")
    if said.get("coroutine") and said.get("asgi"):
        return Found("asgi", f"the async view {said['coroutine']}")
    return Found("threads", "nothing needs asgi")


def application(said: Said, server: str, wsgi: str) -> str:
    """Return what gunicorn loads, as `shop.wsgi:application`; `wsgi` is that of the files."""
    path = said.get("asgi") if server == "asgi" else said["settings"]["WSGI_APPLICATION"]
    return ":".join(path.rsplit(".", 1)) if path else wsgi


def database(said: Said) -> Found[str]:
    """Return the kind of the default database: sqlite, postgres, postgis or mysql; "none" where there is none."""
    engine = said["databases"].get("default", {}).get("ENGINE", "")
    if engine.endswith(("sqlite3", "spatialite")):
        return Found("sqlite", DJANGO)
    kind = next((kind for part, kind in DATABASES.items() if part in engine), "none")
    return Found(kind, f"{DJANGO}: {engine}" if engine else DJANGO)


def cache(said: Said) -> Found[str]:
    """Return the kind of server that caches, Celery's broker or Channels' layers need: redis, memcached or ""."""
    backends = [f"{one['BACKEND']} {one['LOCATION']}" for one in said["caches"].values()]
    layers = [one["BACKEND"] or "" for one in said["channel_layers"].values()]
    brokers = [said.get("broker", ""), said.get("celery_broker", "")]
    needing = [*backends, *layers, *brokers]
    for part, kind in CACHES.items():
        if found := next((one for one in needing if part in one.lower()), ""):
            return Found(kind, f"{DJANGO}: {found.split()[0]}")
    return Found("", DJANGO)


def cache_variables(sources: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the variables of the site that hold the address of a cache or a broker, by the lines that read them."""
    address = re.compile(r"redis|valkey|cache|broker|memcache|celery|channel", re.IGNORECASE)
    location = re.compile(r"URL|URI|LOCATION|SERVER|BROKER|RESULT_BACKEND|ADDR", re.IGNORECASE)
    named = {name for name in known if address.search(name) and location.search(name)}
    read = {name for source in sources for name in re.findall(r"""["']([A-Z][A-Z0-9_]+)["']""", source)}
    return tuple(sorted(named & read))


def workers(said: Said) -> Found[dict[str, str]]:
    """Return the command of each service that works in the background, by the name of the service."""
    if package := said.get("celery"):
        found = {"worker": f"celery --app {package} worker --loglevel info"}
        if said.get("beat") or said.get("celery_beat") or "django_celery_beat" in said["settings"]["INSTALLED_APPS"]:
            found["beat"] = f"celery --app {package} beat --loglevel info --schedule /app/data/celerybeat-schedule"
        return Found(found, f"the Celery app {package}")
    for app in said["settings"]["INSTALLED_APPS"]:
        for known, command in WORKERS.items():
            if app == known or app.startswith(f"{known}.apps."):
                return Found({"worker": f"python manage.py {command}"}, f"{app} in INSTALLED_APPS")
    return Found({}, DJANGO)
