"""Bring the database up to date before a new version is served: `python -m serving.migrate [--allow-unsafe]`.

It waits for its turn, and refuses what the version that is served meanwhile cannot live with. It is about the database
`default`; a project with more of them adds a `call_command("migrate", database=…)` for each.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from io import StringIO
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

UNSAFE = 3  # exit code
REFUSED = (
    "Nothing was applied, as the version that is served cannot live with it: give a new column `null=True` or, from "
    "Django 5 on, `db_default=`; split another change into two deploys, the first of what both versions can live with; "
    "or allow it with `--allow-unsafe-migrations`."
)
PATIENCE = 0.5  # seconds between two questions whether it is our turn
UNSEEN = "Whether the version that is served can live with the migrations is not looked at: {}."
# The database's own lock, which ends with its session: how to take it, and how to ask who has it. It is asked for again
# and again: a session that waits within PostgreSQL holds up the CREATE INDEX CONCURRENTLY of the one that it waits for.
LOCKS = {
    "postgresql": (
        "SELECT pg_try_advisory_lock(1684695864), set_config('application_name', %s, false)",
        "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory' AND objid = 1684695864 AND granted AND datname = current_database()",
    ),
    # The name is the whole server's.
    "mysql": (
        "SELECT GET_LOCK(CONCAT('migrate ', LEFT(DATABASE(), 50)), 0), %s",
        "SELECT host FROM information_schema.processlist "
        "WHERE id = IS_USED_LOCK(CONCAT('migrate ', LEFT(DATABASE(), 50)))",
    ),
}


def main(allow_unsafe: bool) -> None:
    """Migrate the site's database; ends the process with code 3, before anything is applied, if that is unsafe."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "serving.overlay")
    try:
        django.setup()
        if connection.vendor == "unknown":
            return say("The site has no database.")
        connection.ensure_connection()
    except ImproperlyConfigured as error:
        sys.exit(f"The site cannot start: {one_line(error)}")
    except OperationalError as error:
        sys.exit(f"The database does not answer: {one_line(error)}")
    with turn():
        found = list(unsafe(new_migrations()))
        for line in found:
            say(line)
        if found and not allow_unsafe:
            say(REFUSED)
            sys.exit(UNSAFE)
        if found:
            say("They are applied all the same, as --allow-unsafe-migrations asks for it.")
        call_command("migrate", interactive=False)
        if any("DatabaseCache" in cache["BACKEND"] for cache in settings.CACHES.values()):
            call_command("createcachetable")
    return None


@contextmanager
def turn() -> Iterator[None]:
    """Wait until nobody else migrates the database, and let others wait; SQLite has no such lock, and one machine."""
    if connection.vendor not in LOCKS:
        yield
        return
    take, ask = LOCKS[connection.vendor]
    # A session of its own, which neither the site nor a pool of connections ends.
    session, told = connection.copy("migrate"), ""
    session.settings_dict["OPTIONS"].pop("pool", None)
    with closing(session), session.cursor() as cursor:
        while not answer(cursor, take, f"migrate on {socket.gethostname()}"):
            if (holder := answer(cursor, ask)) and holder != told:
                say(f"Waiting for {holder}, which came first.")
                told = holder
            time.sleep(PATIENCE)
        yield


def answer(cursor: Any, query: str, *values: str) -> Any:
    """Return the first value of what the database answers."""
    cursor.execute(query, values)
    row = cursor.fetchone()
    return row and row[0]


def new_migrations() -> Iterator[Any]:
    """Yield the migrations to apply whose tables the version that is served may know.

    It knows none of an app's of which nothing is applied, as that of a package that is new, or on an empty database.
    """
    executor = MigrationExecutor(connection)
    known = {app for app, _ in executor.loader.applied_migrations}
    for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes()):
        if migration.app_label in known:
            yield migration


def unsafe(migrations: Iterable[Any]) -> Iterator[str]:
    """Yield a line for each migration that older code cannot live with, and why, as django-migration-linter says."""
    try:
        from django_migration_linter import MigrationLinter
        from django_migration_linter.constants import DJANGO_APPS_WITH_MIGRATIONS
    except ImportError:
        return say(UNSEEN.format("django-migration-linter is not installed"))
    if connection.vendor not in ("postgresql", "mysql", "sqlite"):
        return say(UNSEEN.format(f"the linter does not know {connection.vendor}"))
    options = getattr(settings, "MIGRATION_LINTER_OPTIONS", {})
    linter = MigrationLinter(
        analyser_string=connection.vendor,
        exclude_apps=options.get("exclude_apps"),
        # A model that is imported is a fault of the migration, but none that older code would notice.
        exclude_migration_tests=["RUNPYTHON_MODEL_IMPORT", *options.get("exclude_migration_tests", [])],
        quiet=["warning"],
    )
    for migration in migrations:
        if migration.app_label in DJANGO_APPS_WITH_MIGRATIONS:
            continue
        before, said = linter.nb_erroneous, StringIO()
        try:
            with redirect_stdout(said):
                linter.lint_migration(migration)
        except Exception as error:  # as of the SQL of a migration that needs one before it in the database
            yield f"{migration}: it cannot be looked at ({one_line(error)})"
        if linter.nb_erroneous > before:
            yield f"{migration}: {'; '.join(line.strip() for line in said.getvalue().splitlines()[1:])}"
    return None


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m serving.migrate", description=__doc__)
    parser.add_argument("--allow-unsafe", action="store_true", help="apply what older code cannot live with, too")
    main(parser.parse_args().allow_unsafe)
