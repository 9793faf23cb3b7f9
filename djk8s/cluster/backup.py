"""Backups of what is deployed, with Compose or on a Swarm, by the same script in a container beside the database."""

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from djk8s import engine
from djk8s.cluster import deploying, docker, machine, swarm
from djk8s.cluster.release import Where
from djk8s.compose import backup, destination
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.run import run
from djk8s.shell.talk import refuse

TARGETS: dict[str, ModuleType] = {"compose": machine, "swarm": swarm}
OVERRIDE = "backup.json"
PLACE = "backups"  # the volume of compose/backup.yaml for which a folder or a bucket stands in


def do(project: Project, job: backup.Job, to: str, context: str | None, env_file: str | None) -> None:
    """Do a job for a deployment; raises `Exit` unless there is one, whose volumes this engine has."""
    if to == "kubernetes":
        refuse("On Kubernetes the database is your cloud's or an operator's, and so are its backups.")
    if to not in TARGETS:
        refuse(f"--deployed {to!r} is none: write {' or '.join(TARGETS)}.")
    backup.require(project)
    module, where = TARGETS[to], deploying.place(project, context, env_file)
    module.require(project, where)
    known = [] if project.dry else module.releases(project, where)
    if not known and not project.dry:
        refuse(f"{where.name} is not deployed here: `inv deploy --to {to}` does that.")
    where = replace(where, overlays=known[0].overlays if known else ())
    at = destination.variables(project, EnvFile(project, env_file), job.place, job.new, where.backup_name)
    if "UP_BACKUP_FOLDER" in at and docker.is_elsewhere(project, where):
        refuse("That engine is another machine's, which has not this folder: name a bucket, with --to s3://….")
    more: tuple[str, ...] = ("backup", "proxy")  # all that is deployed, or Compose would call the rest orphans
    files: tuple[Path, ...] = ()
    if to == "swarm":
        files, more = (override(project, where, at),), ("backup",)
        where = replace(where, name=f"{where.name}-backup")
    shown = {"UP_ENV_FILE": project.shown(where.env_file), **at}
    words = (*backup.ONCE, *job.options)
    made = docker.compose(project, where, "site", *words, more=more, files=files, shown=shown)
    run(project, made, engine.or_gone(project, job.failed))


def override(project: Project, where: Where, at: dict[str, str]) -> Path:
    """Write the overlay that puts the backup's container where a Swarm has the database and the files.

    It is none of the Swarm's, so it cannot join its network; it shares that of a container which has joined.
    """
    beside = "db" if "db" in where.overlays else swarm.WEB
    service: dict[str, Any] = {"network_mode": f"container:{swarm.container(project, where, beside)}"}
    if "UP_BACKUP_FOLDER" not in at:
        service["volumes"] = [{"type": "tmpfs", "target": "/backups"}]  # which would be a volume that stays
    networks = {"default": {"external": True, "name": "bridge"}}  # which is always there, so that Compose makes none
    text = json.dumps({"services": {"backup": service}, "volumes": volumes(project, where), "networks": networks})
    file = docker.folder(project) / OVERRIDE
    if project.dry:
        print(f"mkdir -p {docker.FOLDER} && echo '{text}' > {docker.FOLDER / OVERRIDE}")
    else:
        file.write_text(text, encoding="utf-8")
    return file


def volumes(project: Project, where: Where) -> dict[str, Any]:
    """Return the volumes of the deployment as those of somebody else, so that Compose makes none."""
    known = {"data": {}} if project.dry else docker.config(project, where, "site", ("backup",))["volumes"]
    there = {name: f"{where.name}_{name}" for name, one in known.items() if name != PLACE and "external" not in one}
    return {name: {"external": True, "name": called} for name, called in there.items()}
