"""Whether the database has every migration of the code, and how SQLite gets those it lacks."""

from django.core.management import call_command
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor


def missing() -> list[str]:
    """Return the names of the migrations not applied yet, in order.

    Raises `django.db.Error` when the database does not answer.
    """
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def prepare_sqlite() -> None:
    """Apply what is missing to an SQLite database; leave any other to `manage.py migrate`.

    SQLite belongs to the one place that runs it, so nobody else can be using an older schema.
    Raises `SystemExit` with one sentence when the file cannot be used.
    """
    if connection.vendor != "sqlite":
        return
    try:
        if missing():
            call_command("migrate", interactive=False, verbosity=1)
    except Error as error:
        raise SystemExit(
            f"The database {connection.settings_dict['NAME']} cannot be used ({error}): see that this "
            "user may write to its folder and that its disk has room, or point DATABASE_URL elsewhere."
        ) from None
    finally:
        # The workers are forked from this process and must not share its connection.
        connection.close()
