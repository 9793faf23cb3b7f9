"""Docker commands for an engine that may be elsewhere, and the Compose files of a deployment."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from djk8s import engine, ports
from djk8s.cluster.release import Release, Where
from djk8s.compose import database, stack
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import output
from djk8s.shell.talk import refuse

FOLDER = Path(".tools", "deploy")  # neither git nor the image takes what is in .tools


def variables(where: Where) -> dict[str, str]:
    """Return the variables that lead docker to the engine of a deployment."""
    return {"DOCKER_CONTEXT": where.context} if where.context else {}


def command(project: Project, where: Where, *words: str | Path, **more: Any) -> Command:
    """Return a docker command for the engine of a deployment."""
    return Command((project.engine, *words), shown=variables(where), **more)


def ask(project: Project, where: Where, *words: str) -> str:
    """Return what that engine answers, or nothing if it fails."""
    answer = engine.question(project, *words, variables=variables(where), patience=30)
    return "" if answer.returncode else answer.stdout.strip()


def require(project: Project, where: Where) -> None:
    """Raise `Exit` unless the engine of a deployment answers."""
    if where.context and os.environ.get("DOCKER_HOST"):
        refuse("DOCKER_HOST of your shell wins over --context: unset one of them.")
    if where.context and not ask(project, where, "version", "--format", "{{.Server.Version}}"):
        refuse(f"--context {where.context} does not answer: `{project.engine} context ls` shows what there is.")
    engine.require(project)


def is_elsewhere(project: Project, where: Where) -> bool:
    """Return whether the engine of a deployment is another machine's."""
    host = ask(project, where, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    return bool(host) and not host.startswith(("unix:", "npipe:", "tcp://localhost:", "tcp://127.0.0.1:"))


def require_same_database(project: Project, where: Where) -> None:
    """Raise `Exit` if compose/db.yaml has another PostgreSQL than is deployed, whose files it could not read."""
    if "db" not in where.overlays or project.dry:
        return
    image = of_database(project, where, "{{.Config.Image}}", "{{.Spec.TaskTemplate.ContainerSpec.Image}}")
    deployed, written = re.search(database.IMAGE, image), database.version(project)
    if deployed and written and int(deployed[1]) != written:
        refuse(
            f"The database that is deployed is PostgreSQL {deployed[1]}, and {database.FILE} has {written}, which "
            "cannot read its files: write the one that is deployed. A backup can move its rows (docs/backups.md)."
        )


def of_database(project: Project, where: Where, container: str, service: str) -> str:
    """Return what an engine says in a format about the database that is deployed: Compose's container, or a service."""
    running = ask(project, where, "ps", "--quiet", *engine.of_compose(where.name, "db")).split()
    said = ask(project, where, "inspect", "--format", container, running[0]) if running else ""
    return said or ask(project, where, "service", "inspect", "--format", service, f"{where.name}_db")


def require_same_password(project: Project, where: Where, file: str) -> None:
    """Raise `Exit` if the database that runs was made with another password than the environment file has."""
    if "db" not in where.overlays or project.dry:
        return
    each = "{{println .}}{{end}}"
    service = "{{range .Spec.TaskTemplate.ContainerSpec.Env}}" + each
    lines = of_database(project, where, "{{range .Config.Env}}" + each, service)
    known = {line.partition("=")[2] for line in lines.splitlines() if "PASSWORD=" in line}
    [(name, given)] = passwords(project, where).items()
    if known and given not in known:
        refuse(
            f"{file} has another {name} than the database that is deployed: copy the file that it was deployed with. "
            "Where the database itself was given another one since, remove its container first; its volume stays."
        )


def compose(
    project: Project,
    where: Where,
    image: str,
    *words: str,
    more: tuple[str, ...] = (),
    files: tuple[Path, ...] = (),
    shown: Mapping[str, str] | None = None,
    writes: Path | None = None,
) -> Command:
    """Return a Compose command on the files of a deployment; `more` overlays, then `files`, join those asked for."""
    known = {**stack.files(project), **{name: project.root / "compose" / f"{name}.yaml" for name in more}}
    overlays = sorted({*where.overlays, *more} & known.keys(), key=lambda name: (name in stack.LAST, name))
    paths = (project.compose_file, *(known[name] for name in overlays), *files)
    named = [word for path in paths for word in ("--file", path)]
    always = {
        **variables(where),
        "UP_IMAGE": image,
        "UP_PORT": str(ports.parse(where.port, "deploy.port")),
        "UP_REPLICAS": str(where.replicas),
        "UP_READY_WITHIN": str(project.ready_within),
        **where.backup,
    }
    argv = (project.engine, "compose", "--project-name", where.name, *named, *words)
    return Command(argv, shown={**always, **(shown or {})}, hidden=passwords(project, where), writes=writes)


def passwords(project: Project, where: Where) -> dict[str, str]:
    """Return the password of the database that comes along, which Compose takes from the environment."""
    if "db" not in where.overlays:
        return {}
    name = stack.password_name(project)
    env = EnvFile(project, None if where.env_file == project.env_file else str(where.env_file))
    return {name: env.values.get(name, "")}


def config_command(
    project: Project,
    where: Where,
    image: str,
    more: tuple[str, ...],
    shown: Mapping[str, str] | None = None,
    writes: Path | None = None,
) -> Command:
    """Return the command that prints the Compose files as one, without the settings of the site."""
    words = ("config", "--format", "json")
    given = {"UP_ENV_FILE": os.devnull, **(shown or {})}
    return compose(project, where, image, *words, more=more, shown=given, writes=writes)


def config(project: Project, where: Where, image: str, more: tuple[str, ...]) -> dict[str, Any]:
    """Return the Compose files as one; raises `Exit` if Compose cannot read them."""
    asked = config_command(project, where, image, more)
    answer = output(project, asked.argv, timeout=30, variables={**asked.shown, **asked.hidden})
    if answer.returncode:
        refuse(f"Compose cannot read the files of the deployment: {answer.stderr.strip()}")
    found: dict[str, Any] = as_json(answer.stdout)
    return found


def as_json(said: str) -> Any:
    """Return what a program said as JSON; raises `Exit` for anything else."""
    try:
        return json.loads(said)
    except ValueError:
        refuse(f"{said.strip()[:80]!r} is no answer: `docker compose version` has to be 2.24 or newer.")


def folder(project: Project) -> Path:
    """Return the folder for what a deployment writes for itself."""
    if not project.dry:
        (project.root / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    return project.root / FOLDER


def write_overlay(project: Project, name: str, overlay: dict[str, Any]) -> Path:
    """Write a Compose file for this deployment alone, or print what would do it; returns where it is."""
    text = json.dumps(overlay).replace("$", "$$")  # in a Compose file, $$ is a $
    if project.dry:
        print(f"mkdir -p {FOLDER} && echo '{text}' > {FOLDER / name}")
    else:
        (folder(project) / name).write_text(text, encoding="utf-8")
    return project.root / FOLDER / name


def site_variables(project: Project, where: Where, release: Release, more: tuple[str, ...]) -> dict[str, str]:
    """Return the variables that the site has in a deployment: its settings, and what the Compose files add."""
    added = config(project, where, release.image, more)["services"]["web"].get("environment", {})
    return {**release.settings, **{name: (value or "").replace("$$", "$") for name, value in added.items()}}
