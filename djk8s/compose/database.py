"""The database of compose/db.yaml: dump it to a file, restore it, and open a shell in it."""

import re
from pathlib import Path

from invoke import Exit

from djk8s import engine
from djk8s.project import Project, printable
from djk8s.shell.command import Command
from djk8s.shell.run import output, run
from djk8s.shell.talk import at_terminal, confirm, refuse, say

FILE = "compose/db.yaml"
IMAGE = r"(?:postgres|postgis/postgis):(\d+)"  # https://hub.docker.com/r/postgis/postgis begins with the official one
LOGIN = ("--username", "site", "--dbname", "site")  # the names of compose/db.yaml
PSQL = ("psql", *LOGIN)
SQL = "/tmp/restore.sql"
# Ownership and rights belong to the database that is restored to.
PLAIN = ("--no-owner", "--no-privileges")
# All of it or nothing; fails if somebody holds a table for longer than this (in ms).
AT_ONCE = ("--quiet", "--output", "/dev/null", "--single-transaction", "--set", "ON_ERROR_STOP=1")
PATIENT = ("--command", "SET lock_timeout = 10000; SET client_min_messages = error")
# PostGIS, and sites of several tenants, have schemas besides public; those of an extension are its own to drop.
SCHEMAS = (
    "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)' AND NOT EXISTS "
    "(SELECT FROM pg_depend WHERE classid = 'pg_namespace'::regclass AND objid = pg_namespace.oid AND deptype = 'e')"
)
DROP = (
    f"DO $$ DECLARE s name; BEGIN FOR s IN {SCHEMAS} "
    "LOOP EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', s); END LOOP; END $$"
)
EMPTY = ("--command", f"{DROP}; CREATE SCHEMA public")


def dump_command(project: Project, database: str, file: Path) -> Command:
    """Return the command that dumps the database to a file, in PostgreSQL's own compressed format."""
    argv = (project.engine, "exec", database, "pg_dump", "--format", "custom", *PLAIN, *LOGIN)
    return Command(argv, writes=file)


def read_command(project: Project, database: str, file: Path) -> Command:
    """Return the command that converts a whole dump to SQL, in a file beside the database."""
    argv = (project.engine, "exec", "--interactive", database, "pg_restore", *PLAIN, "--file", SQL)
    return Command(argv, reads=file)


def restore_command(project: Project, database: str) -> Command:
    """Return the command that replaces the contents of the database by that SQL."""
    argv = (project.engine, "exec", database, *PSQL, *AT_ONCE, *PATIENT, *EMPTY, "--file", SQL)
    return Command(argv)


def require_postgres(project: Project) -> None:
    """Raise `Exit` if compose/db.yaml is of another kind."""
    file = project.root / FILE
    if project.dry:
        return
    if not file.is_file():
        refuse("This project has no compose/db.yaml, so no database of its own: `inv db` is for PostgreSQL there.")
    if not re.search(r"image: (?:postgres|postgis/postgis)\b", file.read_text(encoding="utf-8")):
        refuse("compose/db.yaml is not PostgreSQL, which is all that `inv db` knows: `docker exec` reaches the client.")


def version(project: Project) -> int:
    """Return the version of PostgreSQL that compose/db.yaml has, or 0 if it says none."""
    found = re.search(f"image: {IMAGE}", (project.root / FILE).read_text(encoding="utf-8"))
    return int(found[1]) if found else 0


def dump(project: Project, name: str) -> None:
    """Dump the database to a new file, which is removed again if that fails."""
    file, name = Path.cwd() / name, printable(name)
    command = dump_command(project, running(project), file)
    if project.dry:
        run(project, command)
        return
    try:
        file.open("xb").close()
    except FileExistsError:
        refuse(f"{name} is there already: name another, or remove it.")
    except OSError as error:
        refuse(f"{name} cannot be written ({error.strerror}): name another.")
    try:
        run(project, command, f"The database was not dumped, see above; {name} is gone.")
    except Exit:
        file.unlink()
        raise
    say(f"{name}: all of the database, {file.stat().st_size:,} bytes. `inv db restore {name}` puts it back.")


def restore(project: Project, name: str) -> None:
    """Replace the contents of the database by a dump, completely or not at all."""
    file, name = Path.cwd() / name, printable(name)
    database = running(project)
    try:
        if not project.dry:
            file.open("rb").close()
    except OSError as error:
        refuse(f"{name} cannot be read ({error.strerror}): name a file that `inv db dump` wrote.")
    if not project.dry:
        confirm(f"This replaces all that is in the database of `inv up` by what {name} holds. Go on?")
    try:
        broken = f"{name} is not a whole dump: nothing was changed. `inv db dump FILE` writes one."
        run(project, read_command(project, database, file), broken)
        run(project, restore_command(project, database), "It was not restored, see above: nothing was changed.")
    finally:
        if not project.dry:
            output(project, (project.engine, "exec", database, "rm", "--force", SQL))
    if not project.dry:
        say(f"The database holds what {name} does. `inv manage --place compose -- migrate` takes it to newer code.")


def shell(project: Project) -> None:
    run(project, engine.exec_command(project, running(project), PSQL, at_terminal()))


def running(project: Project) -> str:
    require_postgres(project)
    missing = "No database of this project runs: `inv up --with db --detach` starts it."
    return engine.service(project, "db", missing)
