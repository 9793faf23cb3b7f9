"""Backups of the project that is up, in the container of compose/backup.yaml: compose/backup.sh does them."""

import re
from dataclasses import replace

from djk8s import engine
from djk8s.compose import destination, stack
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.run import run
from djk8s.shell.talk import refuse

NOT_UP = "The project is not up: `inv up --detach` brings it up (with --with db if it has one), then type this again."


def backup(project: Project, to: str | None, keep: str | None, listed: bool) -> None:
    """Back the database and the files up and try the backup out, or list the backups that there are."""
    if keep is not None and not re.fullmatch("[1-9][0-9]{0,4}", keep):
        refuse(f"--keep {keep!r} is no number of backups: write 1 or more, for example --keep 30.")
    if listed:
        once(project, to, ("backup", "list"), "The backups cannot be listed, see above.")
        return
    kept = ("--env", f"BACKUP_KEEP={keep}") if keep else ()
    once(project, to, (*kept, "backup", "backup"), "It was not backed up, see above; earlier backups are as they were.")


def restore(project: Project, source: str | None, snapshot: str) -> None:
    """Replace the database and the files by a backup."""
    if not re.fullmatch("latest|[0-9a-f]{4,64}", snapshot):
        refuse(f"--snapshot {snapshot!r} is none: `inv backup --list` shows them.")
    once(project, source, ("backup", "restore", snapshot), "It was not restored, see above.")


def once(project: Project, place: str | None, words: tuple[str, ...], failed: str) -> None:
    """Run compose/backup.sh in a container that is removed afterwards; raises `Exit` unless the project is up."""
    if "backup" not in stack.files(project):
        refuse("This project has no compose/backup.yaml: `djk8s update` brings it.")
    env = EnvFile(project)
    where = destination.variables(project, env, place, new=words[-1] == "backup")
    engine.service(project, "web", NOT_UP)
    overlays = ("db", "backup") if has_database(project) else ("backup",)
    quietly = ("--progress", "quiet", "run", "--rm", "--no-deps", "--build")
    made = stack.compose(project, *quietly, *words, overlays=overlays)
    made = replace(made, shown={**made.shown, **where})
    run(project, stack.with_file(project, env, made, overlays), engine.or_gone(project, failed))


def has_database(project: Project) -> bool:
    """Return True if the project is up with compose/db.yaml."""
    which = (*engine.of_compose(project), "--filter", f"label={engine.COMPOSE_SERVICE}=db")
    return not project.dry and bool(engine.ask(project, "ps", "--all", "--quiet", *which))
