"""Backups of the project that is up, in the container of compose/backup.yaml: compose/backup.sh does them."""

import re
from dataclasses import replace
from typing import NamedTuple

from djk8s import engine
from djk8s.compose import destination, stack
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.run import run
from djk8s.shell.talk import confirm, refuse, say

NOT_UP = "The project is not up: `inv up --detach` brings it up (with --with db if it has one), then type this again."
REPLACES = "This replaces the database and the uploads of {} by those of a backup. Go on?"
NEWER = "If the code is newer than the backup: `inv manage {} -- migrate`."
# A container that is removed afterwards, of an image that is made of the script as it is now.
ONCE = ("--progress", "quiet", "run", "--rm", "--no-deps", "--build")


class Job(NamedTuple):
    """What compose/backup.sh is to do once."""

    words: tuple[str, ...]
    failed: str
    place: str | None  # a folder or a bucket, else BACKUP_TO of .env
    keep: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The words of `docker compose run` that say what to do."""
        return (*(("--env", f"BACKUP_KEEP={self.keep}") if self.keep else ()), "backup", *self.words)

    @property
    def changes(self) -> bool:
        """Whether it changes the database and the files."""
        return self.words[0] == "restore"

    @property
    def needs_site(self) -> bool:
        """Whether the site has to be up."""
        return self.words != ("list",)

    @property
    def new(self) -> bool:
        """Whether a place that is missing is made."""
        return self.words == ("backup",)


def backup(to: str | None, keep: str | None, listed: bool) -> Job:
    """Return the job that backs the database and the files up and tries the backup out, or lists the backups."""
    if keep is not None and not re.fullmatch("[1-9][0-9]{0,4}", keep):
        refuse(f"--keep {keep!r} is no number of backups: write 1 or more, for example --keep 30.")
    if listed:
        return Job(("list",), "The backups cannot be listed, see above.", to)
    return Job(("backup",), "It was not backed up, see above; earlier backups are as they were.", to, keep)


def restore(source: str | None, snapshot: str) -> Job:
    """Return the job that replaces the database and the files by a backup."""
    if not re.fullmatch("latest|[0-9a-f]{4,64}", snapshot):
        refuse(f"--snapshot {snapshot!r} is unknown: `inv backup --list` shows them.")
    return Job(("restore", snapshot), "It was not restored, see above.", source)


def require(project: Project) -> None:
    """Raise `Exit` unless the project has compose/backup.yaml."""
    if "backup" not in stack.files(project):
        refuse("This project has no compose/backup.yaml: `djk8s update` brings it.")


def do(project: Project, job: Job) -> None:
    """Do a job for the project that is up; raises `Exit` unless it is, where that is needed."""
    require(project)
    env = EnvFile(project)
    where = destination.variables(project, env, job.place, new=job.new)
    if job.needs_site:
        engine.service(project, "web", NOT_UP)
    if not project.dry and job.changes:
        confirm(REPLACES.format("what is up"))
    overlays = ("db", "backup") if has_database(project) else ("backup",)
    made = stack.compose(project, *ONCE, *job.options, overlays=overlays)
    made = replace(made, shown={**made.shown, **where})
    run(project, stack.with_file(project, env, made, overlays), engine.or_gone(project, job.failed))
    if not project.dry and job.changes:
        say(NEWER.format("--place compose"))


def has_database(project: Project) -> bool:
    """Return True if the project is up with compose/db.yaml."""
    which = engine.of_compose(project.scope, "db")
    return not project.dry and bool(engine.ask(project, "ps", "--all", "--quiet", *which))
