"""Backups of what is deployed, with Compose or on a Swarm, by the same script in a container beside the database."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from djk8s import engine
from djk8s.cluster import deploying
from djk8s.cluster.docker import WEB, Docker
from djk8s.cluster.release import Release
from djk8s.cluster.swarm import Swarm
from djk8s.compose import backup, destination
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import output, run
from djk8s.shell.talk import confirm, refuse, say

OVERRIDE = "backup.json"
PLACE = "backups"  # the volume of compose/backup.yaml for which a folder or a bucket stands in


def do(project: Project, job: backup.Job, to: str, context: str | None, env_file: str | None) -> None:
    """Do a job for a deployment; raises `Exit` unless there is one, whose volumes this engine has."""
    target = deploying.target_of(project, to, context, env_file, "--deployed")
    if not isinstance(target, Docker):
        refuse("On Kubernetes the database is your cloud's or an operator's, and so are its backups.")
    backup.require(project)
    known = deploying.deployed(target)
    if project.dry:
        target.run(command(target, job))
        return
    target = replace(target, overlays=known[0].overlays)
    if destination.is_folder(target.env, job.place) and target.is_elsewhere():
        refuse("That engine is another machine's, which cannot see this folder: name a bucket, with --to s3://….")
    require_its_settings(target, replace(known[0], settings=target.env.values))
    made = command(target, job)
    if job.changes:
        confirm(backup.REPLACES.format("what is deployed"))
    # What is restored during a deployment could be older than what that has migrated.
    with target.locked(known[0].image, deploying.by()) if job.changes else nullcontext():
        run(project, made, engine.or_gone(project, job.failed))
    if job.changes:
        say(backup.NEWER.format(f"--deployed {to}" + f" --context {context}" * bool(context)))


def require_its_settings(target: Docker, release: Release) -> None:
    """Raise `Exit` if the replicas have another database than the release with the settings of this file would have."""
    if "db" in target.overlays:
        return
    asked = target.exec_command(("printenv", "DATABASE_URL"), terminal=False)
    answer = output(target.project, asked.argv, timeout=30, variables=asked.shown)
    if answer.stdout.strip() != target.variables(release).get("DATABASE_URL", ""):
        name = target.env.name
        refuse(f"DATABASE_URL in {name} is not the one that is deployed: name the file of that with --env-file.")


def command(target: Docker, job: backup.Job) -> Command:
    """Return the command that does a job beside a deployment."""
    at = destination.variables(target.project, target.env, job.place, job.new, target.backup_name)
    shown = {"UP_ENV_FILE": target.env.name, **at}
    more: tuple[str, ...] = ("backup", "proxy")  # all that is deployed, or Compose would call the rest orphans
    files: tuple[Path, ...] = ()
    if isinstance(target, Swarm):
        files, more = (override(target, at),), ("backup",)
        target = replace(target, project=replace(target.project, name=f"{target.name}-backup"))
    return target.compose("site", *backup.ONCE, *job.options, more=more, files=files, shown=shown)


def override(target: Swarm, at: dict[str, str]) -> Path:
    """Write the overlay that puts the backup's container where a Swarm has the database and the files.

    It is none of the Swarm's, so it cannot join its network; it shares that of a container which has joined.
    """
    if not target.project.dry and not target.shares_files():
        target.container(WEB)  # raises `Exit` unless the files are on this node, too
    beside = target.container("db" if "db" in target.overlays else WEB)
    service: dict[str, Any] = {"network_mode": f"container:{beside}"}
    if "UP_BACKUP_FOLDER" not in at:
        service["volumes"] = [{"type": "tmpfs", "target": "/backups"}]  # which would be a volume that stays
    networks = {"default": {"external": True, "name": "bridge"}}  # which is always there, so that Compose makes none
    overlay = {"services": {"backup": service}, "volumes": volumes(target), "networks": networks}
    return target.write_overlay(OVERRIDE, overlay)


def volumes(target: Swarm) -> dict[str, Any]:
    """Return the volumes of the deployment; those that are this node's are there, and so Compose makes none."""
    if target.project.dry:
        return {"data": {"external": True, "name": f"{target.name}_data"}}
    known = target.config(("backup",))["volumes"]
    shared = {"driver", "driver_opts"}
    return {
        name: {"name": one["name"], **({} if shared & one.keys() else {"external": True})}
        for name, one in known.items()
        if name != PLACE
    }
