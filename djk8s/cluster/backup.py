"""Backups of what is deployed, with Compose or on a Swarm, by the same script in a container beside the database."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from djk8s import engine
from djk8s.cluster import deploying, docker, swarm
from djk8s.cluster.release import Release, Where
from djk8s.compose import backup, destination
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import output, run
from djk8s.shell.talk import confirm, refuse, say

OVERRIDE = "backup.json"
PLACE = "backups"  # the volume of compose/backup.yaml for which a folder or a bucket stands in


def do(project: Project, job: backup.Job, to: str, context: str | None, env_file: str | None) -> None:
    """Do a job for a deployment; raises `Exit` unless there is one, whose volumes this engine has."""
    if to == "kubernetes":
        refuse("On Kubernetes the database is your cloud's or an operator's, and so are its backups.")
    backup.require(project)
    module, where, known = deploying.deployed(project, to, context, env_file)
    env = EnvFile(project, env_file)
    if project.dry:
        run(project, command(project, where, env, job, to))
        return
    if destination.is_folder(env, job.place) and docker.is_elsewhere(project, where):
        refuse("That engine is another machine's, which cannot see this folder: name a bucket, with --to s3://….")
    require_its_settings(project, module, where, replace(known[0], settings=env.values), env.name)
    made = command(project, where, env, job, to)
    if job.changes:
        confirm(backup.REPLACES.format("what is deployed"))
    # What is restored during a deployment could be older than what that has migrated.
    with module.locked(project, where, known[0].image, deploying.by()) if job.changes else nullcontext():
        run(project, made, engine.or_gone(project, job.failed))
    if job.changes:
        say(backup.NEWER.format(f"--deployed {to}" + f" --context {context}" * bool(context)))


def require_its_settings(project: Project, module: ModuleType, where: Where, release: Release, file: str) -> None:
    """Raise `Exit` if the replicas have another database than the release with the settings of this file would have."""
    if "db" in where.overlays:
        return
    asked = module.exec_command(project, where, ("printenv", "DATABASE_URL"), terminal=False)
    answer = output(project, asked.argv, timeout=30, variables=asked.shown)
    if answer.stdout.strip() != module.variables(project, where, release).get("DATABASE_URL", ""):
        refuse(f"DATABASE_URL in {file} is not the one that is deployed: name the file of that with --env-file.")


def command(project: Project, where: Where, env: EnvFile, job: backup.Job, to: str) -> Command:
    """Return the command that does a job beside a deployment."""
    at = destination.variables(project, env, job.place, job.new, where.backup_name)
    shown = {"UP_ENV_FILE": project.shown(where.env_file), **at}
    more: tuple[str, ...] = ("backup", "proxy")  # all that is deployed, or Compose would call the rest orphans
    files: tuple[Path, ...] = ()
    if to == "swarm":
        files, more = (override(project, where, at),), ("backup",)
        where = replace(where, name=f"{where.name}-backup")
    words = (*backup.ONCE, *job.options)
    return docker.compose(project, where, "site", *words, more=more, files=files, shown=shown)


def override(project: Project, where: Where, at: dict[str, str]) -> Path:
    """Write the overlay that puts the backup's container where a Swarm has the database and the files.

    It is none of the Swarm's, so it cannot join its network; it shares that of a container which has joined.
    """
    service: dict[str, Any] = {"network_mode": f"container:{neighbour(project, where)}"}
    if "UP_BACKUP_FOLDER" not in at:
        service["volumes"] = [{"type": "tmpfs", "target": "/backups"}]  # which would be a volume that stays
    networks = {"default": {"external": True, "name": "bridge"}}  # which is always there, so that Compose makes none
    overlay = {"services": {"backup": service}, "volumes": volumes(project, where), "networks": networks}
    return docker.write_overlay(project, OVERRIDE, overlay)


def neighbour(project: Project, where: Where) -> str:
    """Return a container on this node that reaches the database; raises `Exit` unless all of the data is here."""
    beside = "db" if "db" in where.overlays else swarm.WEB
    if not project.dry and not swarm.shares_files(project, where):
        swarm.container(project, where, swarm.WEB)  # with the files
    return swarm.container(project, where, beside)


def volumes(project: Project, where: Where) -> dict[str, Any]:
    """Return the volumes of the deployment; those that are this node's are there, and so Compose makes none."""
    if project.dry:
        return {"data": {"external": True, "name": f"{where.name}_data"}}
    known = docker.config(project, where, "site", ("backup",))["volumes"]
    shared = {"driver", "driver_opts"}
    return {
        name: {"name": one["name"], **({} if shared & one.keys() else {"external": True})}
        for name, one in known.items()
        if name != PLACE
    }
