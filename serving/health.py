"""The probes: /livez, the process answers; /readyz, its database does too and has every migration."""

import logging
from typing import Any

migrated = False  # stays true: the code of a process does not change


def readiness() -> str:
    """Return whether the database answers and has every migration."""
    global migrated
    from django.db import Error, close_old_connections, connection

    if connection.vendor == "unknown":  # the site has no database
        return "200 ready"
    close_old_connections()  # before and after, as Django does around a request
    try:
        connection.cursor().execute("SELECT 1")
        if not migrated and (missing := missing_migrations(connection)):
            logging.error("not ready: migrations are missing: %s", ", ".join(missing))
            return "503 migrations"
    except Error as error:
        logging.error("not ready: the database does not answer: %s", error)
        return "503 database"
    finally:
        close_old_connections()
    migrated = True
    return "200 ready"


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
