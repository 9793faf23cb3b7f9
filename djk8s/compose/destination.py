"""Where backups go: a folder of this machine, a bucket, or whatever else restic knows."""

import re
from pathlib import Path

from djk8s.dotenv.file import EnvFile
from djk8s.project import Project, printable
from djk8s.shell.talk import refuse

ELSEWHERE = "[a-z0-9]{2,}:.+"  # longer than the name of a drive on Windows
BUCKET = "s3://([^/]+.*)"  # as the programs of AWS write it; restic has the server's name in it
AMAZON = "https://s3.amazonaws.com"
NOWHERE = (
    "Backups need a place, a folder or s3://BUCKET/FOLDER: `inv env --set BACKUP_TO=…` keeps it, and "
    "`inv backup --to …` or `inv restore --from …` takes one for this time."
)


def variables(
    project: Project, env: EnvFile, given: str | None = None, new: bool = True, name: str = ""
) -> dict[str, str]:
    """Return what compose/backup.yaml takes for the place: `given`, else BACKUP_TO of `.env`.

    `name` is what the backups are found by there, by default the project's. A folder that is missing is made if it may
    be `new`. Raises `Exit` if none is named, or the folder is the project's, cannot be made, or is missing.
    """
    found_by = {"UP_BACKUP_NAME": name or project.name}
    named = given or env.values.get("BACKUP_TO", "")
    if not named:
        refuse(NOWHERE)
    if re.fullmatch(ELSEWHERE, named):
        server = env.values.get("AWS_ENDPOINT_URL") or AMAZON
        return {**found_by, "UP_BACKUP_TO": repository(named, server)}
    folder = ((Path.cwd() if given else project.root) / Path(named).expanduser()).resolve()
    named = printable(named)
    if folder.is_relative_to(project.root.resolve()):
        refuse(f"{named} is in the project, and would be in the image: name a folder elsewhere, such as ../backups.")
    if not project.dry:
        (make if new else find)(folder, named)
    return {**found_by, "UP_BACKUP_FOLDER": str(folder)}


def is_folder(env: EnvFile, given: str | None) -> bool:
    """Return whether the place for backups is a folder of this machine."""
    named = given or env.values.get("BACKUP_TO", "")
    return bool(named) and not re.fullmatch(ELSEWHERE, named)


def repository(named: str, server: str) -> str:
    """Return a place as restic writes it: https://restic.readthedocs.io/en/stable/030_preparing_a_new_repo.html."""
    bucket = re.fullmatch(BUCKET, named)
    return f"s3:{server.rstrip('/')}/{bucket[1]}" if bucket else named


def make(folder: Path, named: str) -> None:
    """Make a folder, unless it is there; raises `Exit` if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(f"{named} cannot be a folder for backups ({error.strerror}): name another.")


def find(folder: Path, named: str) -> None:
    """Raise `Exit` unless a folder is there."""
    try:
        found = folder.is_dir()
    except OSError:  # as a name that is too long
        found = False
    if not found:
        refuse(f"There is no folder {named}, and so no backup: name the one that `inv backup` wrote to.")
