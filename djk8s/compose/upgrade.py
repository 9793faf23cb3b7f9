"""The database of compose/db.yaml to a newer PostgreSQL: the older one dumps its rows, and the newer one restores them.

The older files stay where they are, in a folder of the volume, until somebody removes them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from invoke import Exit

from djk8s import engine
from djk8s.compose import database, stack
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import ended_by_signals, output, run
from djk8s.shell.talk import refuse, say

NEWEST = 18
FILES = (database.FILE, "compose/backup.yaml")
AT = "/var/lib/postgresql"  # from 18 on; before that, /data in it: https://hub.docker.com/_/postgres
# Each table, and how many rows it has.
COUNT = """SELECT string_agg(format('%s.%s: %s', n, t, (xpath('/row/c/text()', query_to_xml(
format('SELECT count(*) AS c FROM %I.%I', n, t), false, true, '')))[1]), E'\\n' ORDER BY n, t) FROM (SELECT schemaname
AS n, tablename AS t FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')) AS tables"""
POSTGIS = (
    "PostGIS is not upgraded by this: `inv db dump FILE`, then `inv down --volumes`, write the newer image in "
    "compose/db.yaml and compose/backup.yaml, `inv up --with db --detach`, and `inv db restore FILE`."
)
NOTHING_CHANGED = "The database is as it was: `inv up` with what you use brings the project up again."


def upgrade(project: Project, to: str | None) -> None:
    """Upgrade the database of `inv up --with db`; if anything fails, it is as it was. The project is down afterwards.

    Raises `Exit` if there is none, it is that new already, or a step failed.
    """
    database.require_postgres(project)
    written = database.version(project)
    if not written:
        refuse(f"{database.FILE} has no `image: postgres:17`, or another number: write it so.")
    if "postgis" in (project.root / database.FILE).read_text(encoding="utf-8"):
        refuse(POSTGIS)
    new = version_asked(to, written)
    engine.require(project)
    held = written if project.dry else version_of(project, f"postgres:{written}")
    if new <= held:
        refuse(f"The database is on PostgreSQL {held} already: name a newer one with --to.{cut_off(project)}")
    dump = project.root / "data" / f"database-{held}.dump"
    if not project.dry:
        require(project, held, new, dump)
    run(project, stack.down_command(project))
    tables = move(project, held, new, dump)
    run(project, stack.down_command(project))
    if project.dry:
        return
    say(f"The database is on PostgreSQL {new} now, and each of its {tables} tables has as many rows as before.")
    say(f"Commit {' and '.join(FILES)}, and bring the project up with what you use, as `inv up --with db`.")
    say(f"All is in {project.shown(dump)} too, and the older files in the volume. Once you are content, remove them by")
    say(in_volume(project, f"postgres:{new}", f"rm -rf /v/before-{new}").line(project.root))


def move(project: Project, held: int, new: int, dump: Path) -> int:
    """Dump every row with the older version, restore it with the newer one, and return how many tables there are."""
    with ended_by_signals(), older(project, held) as server:
        before = count(project, server)
        try:
            run(project, database.dump_command(project, server, dump), f"It was not dumped. {NOTHING_CHANGED}")
        except Exit:
            dump.unlink(missing_ok=True)
            raise
    with ended_by_signals(), moved(project, held, new, dump):
        bring_up(project)
        server = database.running(project)
        run(project, database.read_command(project, server, dump), "The dump is not whole.")
        run(project, database.restore_command(project, server), "It was not restored, see above.")
        if count(project, server) != before:
            refuse("Not every table has as many rows as before.")
        run(project, Command((project.engine, "exec", server, *database.PSQL, "--quiet", "--command", "ANALYZE")))
    return len(before.splitlines())


def cut_off(project: Project) -> str:
    """Return advice if an earlier upgrade was cut off: its dump is still there."""
    dumps = sorted((project.root / "data").glob("database-*.dump"))
    return f" Should rows be missing, `inv db restore {project.shown(dumps[-1])}` has them." if dumps else ""


def version_asked(to: str | None, written: int) -> int:
    """Return the version to upgrade to; raises `Exit` unless it is a number."""
    if to is not None and not re.fullmatch("[1-9][0-9]", to):
        refuse(f"--to {to!r} is not a version of PostgreSQL: write its first number, as in --to {NEWEST}.")
    return int(to) if to else max(written, NEWEST)


def in_volume(project: Project, image: str, script: str) -> Command:
    """Return the command that does something to the files of the volume, as root."""
    mount = f"{project.scope}_database:/v"
    words = ("run", "--rm", "--user", "0", "--volume", mount, "--entrypoint", "bash", image, "-c", script)
    return Command((project.engine, *words))


def version_of(project: Project, image: str) -> int:
    """Return the version of the files in the volume; raises `Exit` if there are none."""
    if not engine.ask(project, "volume", "inspect", f"{project.scope}_database"):
        refuse("There is no database yet: `inv up --with db` makes one, of the version in compose/db.yaml.")
    read = in_volume(project, image, "cat /v/PG_VERSION /v/*/docker/PG_VERSION 2>/dev/null; true")
    found = re.findall(r"^\d+$", output(project, read.argv, timeout=60).stdout, re.MULTILINE)
    return max(map(int, found)) if found else refuse("The volume has no files of PostgreSQL: nothing to upgrade.")


def require(project: Project, held: int, new: int, dump: Path) -> None:
    """Get the images, and raise `Exit` if that fails or the dump is there already."""
    if dump.exists():
        refuse(f"{project.shown(dump)} is there already, of an earlier try: move it elsewhere.")
    for image in (f"postgres:{held}", f"postgres:{new}"):
        if not engine.has_image(project, image):
            run(project, Command((project.engine, "pull", image)), f"{image} cannot be had. {NOTHING_CHANGED}")
    dump.parent.mkdir(exist_ok=True)


@contextmanager
def older(project: Project, held: int) -> Iterator[str]:
    """Run a server of the older version on the files as they are; yields its container, and stops it in its own way."""
    name = f"{project.scope}-older-database"
    mount = f"{project.scope}_database:{AT}{'' if held >= 18 else '/data'}"
    words = ("run", "--detach", "--name", name, "--label", project.label, "--network", "none", "--volume", mount)
    if not project.dry:
        output(project, (project.engine, "rm", "--force", name))  # of a try that the machine cut off
    run(project, Command((project.engine, *words, f"postgres:{held}")), NOTHING_CHANGED)
    try:
        ready = "until pg_isready --quiet --username site; do sleep 1; done"
        run(project, Command((project.engine, "exec", name, "timeout", "60", "bash", "-c", ready)), NOTHING_CHANGED)
        yield name
    finally:
        run(project, Command((project.engine, "stop", "-t", "60", name)))
        run(project, Command((project.engine, "rm", "--volumes", name)))


@contextmanager
def moved(project: Project, held: int, new: int, dump: Path) -> Iterator[None]:
    """Move the older files into a folder of the volume, and let the Compose files say the newer version.

    If what follows fails, all of it goes back, and then the dump is of no use. Should that fail too, everything stays.
    """
    folder, image = f"before-{new}", f"postgres:{held}"
    others = f"find . -mindepth 1 -maxdepth 1 ! -name {folder}"
    back = f"find {folder} -mindepth 1 -maxdepth 1 -exec mv -t . {{}} + && rmdir {folder}"
    paths = [project.root / file for file in FILES if (project.root / file).is_file()]
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    try:
        run(project, in_volume(project, image, f"cd /v && mkdir {folder} && {others} -exec mv -t {folder} {{}} +"))
    except Exit:
        run(project, in_volume(project, image, f"cd /v && if [ -d {folder} ]; then {back}; fi"))
        dump.unlink(missing_ok=True)
        refuse(NOTHING_CHANGED)
    try:
        for path, text in texts.items():
            write(project, path, upgraded(text, new))
        yield
    except (Exit, OSError) as error:
        say(f"It goes back to what it was. Should that fail, the files are in the folder {folder} of the volume.")
        for path, text in texts.items():
            write(project, path, text)
        run(project, stack.down_command(project))
        run(project, in_volume(project, image, f"cd /v && {others} -exec rm -rf {{}} + && {back}"))
        dump.unlink(missing_ok=True)
        said = error.message if isinstance(error, Exit) else str(error)
        raise Exit(f"{said or ''} {NOTHING_CHANGED}".strip(), getattr(error, "code", 1)) from None


def write(project: Project, path: Path, text: str) -> None:
    """Write a Compose file, or print what would do it."""
    if not project.dry:
        path.write_text(text, encoding="utf-8")
    else:
        print(f"# {project.shown(path)} would say the newer version.")


def upgraded(text: str, new: int) -> str:
    """Return a Compose file with the newer version, and its volume mounted where that expects it."""
    text = re.sub(r"\b(image: |FROM )postgres:\d+", rf"\g<1>postgres:{new}", text)
    return text.replace(f":{AT}/data\n", f":{AT}\n") if new >= 18 else text


def bring_up(project: Project) -> None:
    """Bring the newer database up, and nothing else."""
    env = EnvFile(project)
    command = stack.compose(project, "up", "--detach", "--wait", "--no-deps", "db", overlays=("db",))
    command = replace(command, shown={**command.shown, "UP_RESTART": "no"})  # a server that ends has failed
    failed = engine.or_gone(project, partial(stack.explain, project, True, ("db",)))
    run(project, stack.with_file(project, env, command, ("db",)), failed)


def count(project: Project, server: str) -> str:
    """Return the number of rows of each table; raises `Exit` if the server does not answer."""
    words = ("exec", server, *database.PSQL, "--tuples-only", "--no-align", "--command", COUNT)
    if project.dry:
        return ""
    answer = output(project, (project.engine, *words), timeout=24 * 60 * 60)
    return answer.stdout if not answer.returncode else refuse(f"{answer.stderr.strip()} {NOTHING_CHANGED}")
