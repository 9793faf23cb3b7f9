"""Read a variable, load a site, and bring its SQLite database up to date."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

from serving import health, metrics, slow_queries, telemetry, wrapper


def choice(name: str, *words: str) -> str:
    """Return a variable that is one of these words, the first by default."""
    value = os.environ.get(name) or words[0]
    return value if value in words else sys.exit(f"{name} is {value!r}: write {' or '.join(words)}.")


def load(server: Any, asgi: bool) -> Any:
    """Return the application that gunicorn was asked for, or the one of asgi.py beside it."""
    from django.core.exceptions import ImproperlyConfigured

    if asgi:
        server.app.app_uri = server.app.app_uri.replace(".wsgi", ".asgi", 1)
    try:
        watch(server.log)
        application = server.app.load()
        leave_a_trace()
        explain_refused_forms()
        server.log.setup(server.cfg)  # again, for the handlers that the site brought
        migrate_sqlite()
    except ImproperlyConfigured as error:
        sys.exit(f"The site cannot start: {' '.join(str(error).split())}")
    return wrapper.asgi(application) if asgi else wrapper.wsgi(application)


def watch(log: Any) -> None:
    """Start what the variables ask for to watch the site; raises `ImproperlyConfigured` if that cannot be."""
    telemetry.trace(log)
    if metrics.TOKEN:
        metrics.prepare()
    if os.environ.get("SLOW_QUERY"):
        slow_queries.watch()


def leave_a_trace() -> None:
    """Show errors of pages on the console where the site's own log does not, as Django's does not outside DEBUG."""
    if not logging.root.handlers:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    requests = logger = logging.getLogger("django.request")
    error = logger.makeRecord(logger.name, logging.ERROR, "", 0, "", (), None)
    handlers = [*logger.handlers]
    while logger.propagate and logger.parent:
        logger = logger.parent
        handlers += logger.handlers
    consoles = [one for one in handlers if isinstance(one, logging.StreamHandler)]
    if not any(one.filter(error) and one.level <= error.levelno for one in consoles):
        requests.addHandler(logging.StreamHandler())


def explain_refused_forms() -> None:
    """Answer a form of another origin with the line to write, where the site has no view of its own for it."""
    from django.conf import global_settings, settings

    if global_settings.CSRF_FAILURE_VIEW == settings.CSRF_FAILURE_VIEW:
        settings.CSRF_FAILURE_VIEW = "serving.csrf.failure"


def migrate_sqlite() -> None:
    """Apply missing migrations to SQLite databases; another may serve older code, so it is `inv manage`'s to do.

    Those besides the default one are the site's where it has routers, which say what belongs there.
    """
    from django.conf import settings
    from django.db import DEFAULT_DB_ALIAS, connections

    for alias, one in settings.DATABASES.items():
        is_ours = alias == DEFAULT_DB_ALIAS or settings.DATABASE_ROUTERS
        if is_ours and "lite" in one.get("ENGINE", "") and not str(one.get("NAME")).startswith((":", "file:")):
            migrate(connections[alias])


def migrate(connection: Any) -> None:
    """Apply missing migrations to one SQLite database."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import DEFAULT_DB_ALIAS, Error

    path = Path(connection.settings_dict["NAME"])
    try:
        if not path.exists():
            path.touch()
            path.chmod(0o664)  # SQLite's 0644 would keep out another user of the group (compose/dev.yaml)
        if health.missing_migrations(connection):
            call_command("migrate", database=connection.alias, interactive=False, verbosity=0)
        cached = any("DatabaseCache" in cache["BACKEND"] for cache in settings.CACHES.values())
        if cached and connection.alias == DEFAULT_DB_ALIAS:
            call_command("createcachetable", verbosity=0)
    except (Error, OSError) as error:
        # Pages that need no database are served all the same; /readyz says that it is missing.
        logging.error("The database %s cannot be used (%s): check the owner of its folder and the disk.", path, error)
    finally:
        connection.close()  # the workers must not share it
