"""The probes: /livez, the process answers; /readyz, its database has every migration, and its urls can be imported."""

import logging
import traceback
from typing import Any

from serving.frames import own_line

complete = False  # stays true: the code of a process does not change
first_fault = ""  # of the urls


def readiness() -> str:
    """Return "200 ready", or 503 and what is wrong: the database, its migrations, or the urls."""
    global complete
    from django.db import close_old_connections

    close_old_connections()  # before and after, as Django does around a request
    try:
        wrong = fault_of_database() or ("" if complete else fault_of_urls())
    finally:
        close_old_connections()
    complete |= not wrong
    return wrong or "200 ready"


def fault_of_database() -> str:
    """Return what is wrong if the database does not answer or lacks a migration; else ""."""
    from django.db import Error, connection

    if connection.vendor == "unknown":  # the site has no database
        return ""
    try:
        connection.cursor().execute("SELECT 1")
        if not complete and (missing := missing_migrations(connection)):
            logging.error("not ready: migrations are missing: %s", ", ".join(missing))
            return "503 migrations"
    except Error as error:
        logging.error("not ready: the database does not answer: %s", error)
        return "503 database"
    return ""


def fault_of_urls() -> str:
    """Return what is wrong if the urls cannot be imported, which would be an error on every page; else ""."""
    global first_fault
    from django.conf import settings
    from django.urls import get_resolver

    if not getattr(settings, "ROOT_URLCONF", None):  # an ASGI application may need none
        return ""
    try:
        get_resolver().url_patterns  # noqa: B018 - imports them
    except Exception as error:  # whatever the site's code raises
        # A module that failed halfway may fail in another way the next time.
        first_fault = first_fault or f"{error!r} ({own_line(traceback.extract_tb(error.__traceback__))})"
        logging.error("not ready: the urls cannot be imported: %s", first_fault)
        return "503 urls"
    return ""


def missing_migrations(connection: Any) -> list[str]:
    """Return the migrations that a database lacks; raises `django.db.Error` where it does not answer."""
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return [str(step) for step, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def is_news(record: logging.LogRecord) -> bool:
    """Return whether a line of the access log says anything: a probe comes every few seconds, and most succeed."""
    parts = (
        record.args if isinstance(record.args, dict) else {"U": record.__dict__["path"], "s": record.__dict__["status"]}
    )
    return parts["U"] not in PROBES or str(parts["s"]) != "200"


# The answer to each probe begins with its status.
PROBES = {"/livez": lambda: "200 alive", "/readyz": readiness}
