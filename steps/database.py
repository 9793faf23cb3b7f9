"""The database of compose/db.yaml: all of it in a file, and back, and a shell."""

from __future__ import annotations

from pathlib import Path

from invoke import Context, Exit

from steps import container, engine
from steps.command import Command, dry, output, refuse, run, say
from steps.project import Project

TO_IT = ("--username", "site", "--dbname", "site")  # compose/db.yaml names both so
AS_SQL = "/tmp/restore.sql"
# Ownership and rights belong to where it is restored.
PLAIN = ("--no-owner", "--no-privileges")
# All of it or nothing; whoever holds a table for longer than this (in ms) is to be ended first.
AT_ONCE = (
    "--quiet",
    "--output",
    "/dev/null",
    "--single-transaction",
    "--set",
    "ON_ERROR_STOP=1",
    "--command",
    "SET lock_timeout = 10000; SET client_min_messages = error",
)
EMPTY = ("--command", "DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def dump_command(project: Project, database: str, file: Path) -> Command:
    """Return the command that writes all of the database to a file, in PostgreSQL's own compressed form."""
    argv = (project.engine, "exec", database, "pg_dump", "--format", "custom", *PLAIN, *TO_IT)
    return Command(argv, writes=file)


def read_command(project: Project, database: str, file: Path) -> Command:
    """Return the command that reads all of a dump and makes SQL of it, beside the database."""
    argv = (project.engine, "exec", "--interactive", database, "pg_restore", *PLAIN, "--file", AS_SQL)
    return Command(argv, reads=file)


def restore_command(project: Project, database: str) -> Command:
    """Return the command that puts that SQL in the stead of all that is in the database."""
    argv = (project.engine, "exec", database, "psql", *TO_IT, *AT_ONCE, *EMPTY, "--file", AS_SQL)
    return Command(argv)


def dump(c: Context, project: Project, name: str) -> None:
    """Write all that is in the database to a new file.

    Raises `Exit` where the file is there already or cannot be written, no database runs, or the dump fails; then there
    is no such file.
    """
    file, name = Path.cwd() / name, shown(name)
    database = running(c, project)
    if dry(c):
        run(c, dump_command(project, database, file))
        return
    try:
        file.open("xb").close()
    except FileExistsError:
        refuse(f"{name} is there already: name another, or remove it.")
    except OSError as error:
        refuse(f"{name} cannot be written ({error.strerror}): name another.")
    try:
        run(c, dump_command(project, database, file), failed=f"The database was not dumped, see above; {name} is gone.")
    except Exit:
        file.unlink()
        raise
    say(f"{name}: all of the database, {file.stat().st_size:,} bytes. `inv db restore {name}` puts it back.")


def restore(c: Context, project: Project, name: str) -> None:
    """Put in the database what is in a dump, in the stead of all that is there.

    Raises `Exit` where the file is no whole dump, no database runs, or the restoring fails; then nothing is changed.
    """
    file, name = Path.cwd() / name, shown(name)
    database = running(c, project)
    try:
        if not dry(c):
            file.open("rb").close()
    except OSError as error:
        refuse(f"{name} cannot be read ({error.strerror}): name a file that `inv db dump` wrote.")
    try:
        whole = f"{name} is no whole dump: nothing was changed. `inv db dump FILE` writes one."
        run(c, read_command(project, database, file), failed=whole)
        run(c, restore_command(project, database), failed="It was not restored, see above: nothing was changed.")
    finally:
        if not dry(c):
            output((project.engine, "exec", database, "rm", "--force", AS_SQL))
    if not dry(c):
        say(f"The database holds what {name} does. `inv manage --place compose -- migrate` takes it to newer code.")


def shell(c: Context, project: Project) -> None:
    """Speak SQL to the database, until the end of the input."""
    run(c, container.enter_command(project, running(c, project), ("psql", *TO_IT), container.at_terminal()))


def shown(name: str) -> str:
    """Return the name of a file as it was typed, in one line."""
    return name if name.isprintable() else repr(name)


def running(c: Context, project: Project) -> str:
    """Return the container of the database; raises `Exit` where none runs."""
    engine.require(c, project)
    if dry(c):
        return "CONTAINER"
    found = engine.service(project, "db")
    if not found:
        refuse("No database of this project runs: `inv up --with db --detach` starts it.")
    return found[0]
