"""What Compose and a Swarm have in common: an engine, which may be elsewhere, and the files of compose/."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from djk8s import engine, ports
from djk8s.cluster import lock
from djk8s.cluster.release import Release
from djk8s.cluster.target import FOLDER, LOG, Target
from djk8s.compose import database, stack
from djk8s.shell.command import Command
from djk8s.shell.run import output
from djk8s.shell.talk import refuse

WEB = "web"
KEPT = 10  # releases that can be gone back to


class Docker(Target):
    """A target that docker deploys to."""

    files: ClassVar[tuple[str, ...]]  # of compose/, which join besides those that are asked for

    def command(self, *words: str | Path) -> Command:
        return Command((self.project.engine, *words), shown=self.docker_context)

    def ask_always(self, *words: str) -> str:
        answer = engine.question(self.project, *words, variables=self.docker_context, patience=30)
        return "" if answer.returncode else answer.stdout.strip()

    def show_last(self, *words: str) -> None:
        """Show the last lines of a log, which `words` ask for."""
        engine.show_last(self.project, *words, "--tail", LOG, variables=self.docker_context)

    def require_engine(self) -> None:
        """Raise `Exit` unless the engine answers."""
        if self.context and os.environ.get("DOCKER_HOST"):
            refuse("DOCKER_HOST of your shell wins over --context: unset one of them.")
        if self.context and not self.ask_always("version", "--format", "{{.Server.Version}}"):
            refuse(f"--context {self.context} does not answer: `{self.project.engine} context ls` shows what there is.")
        engine.require(self.project)

    def is_elsewhere(self) -> bool:
        """Return whether the engine is another machine's."""
        host = self.ask_always("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        return bool(host) and not host.startswith(("unix:", "npipe:", "tcp://localhost:", "tcp://127.0.0.1:"))

    def locked(self, image: str, by: str) -> AbstractContextManager[None]:
        return lock.held(self, image, by)

    def require_overlays(self) -> None:
        """Raise `Exit` if compose/db.yaml has another PostgreSQL than is deployed, whose files it could not read."""
        if "db" not in self.overlays:
            return
        image = self.of_database("{{.Config.Image}}", "{{.Spec.TaskTemplate.ContainerSpec.Image}}")
        deployed, written = re.search(database.IMAGE, image), database.version(self.project)
        if deployed and written and int(deployed[1]) != written:
            refuse(
                f"The database that is deployed is PostgreSQL {deployed[1]}, and {database.FILE} has {written}, which "
                "cannot read its files: write the one that is deployed. A backup can move its rows (docs/backups.md)."
            )

    def require_settings(self, first: bool) -> None:
        """Raise `Exit` if the database that runs was made with another password than the environment file has."""
        each = "{{println .}}{{end}}"
        service = "{{range .Spec.TaskTemplate.ContainerSpec.Env}}" + each
        for name, given in self.passwords().items():
            lines = self.of_database("{{range .Config.Env}}" + each, service).splitlines()
            known = {line.partition("=")[2] for line in lines if "PASSWORD=" in line}
            if known and given not in known:
                refuse(
                    f"{self.env.name} has another {name} than the database that is deployed: copy the file that it was "
                    "deployed with. Where the database itself was given another one since, remove its container first; "
                    "its volume stays."
                )

    def of_database(self, container: str, service: str) -> str:
        """Return what an engine says about the database that is deployed: in a format for its container or service."""
        running = self.ask("ps", "--quiet", *engine.of_compose(self.name, "db")).split()
        said = self.ask("inspect", "--format", container, running[0]) if running else ""
        return said or self.ask("service", "inspect", "--format", service, f"{self.name}_db")

    def passwords(self) -> dict[str, str]:
        """Return the password of the database that comes along, which Compose takes from the environment."""
        if "db" not in self.overlays:
            return {}
        name = stack.password_name(self.project)
        return {name: self.env.values.get(name, "")}

    def variables(self, release: Release) -> dict[str, str]:
        added = self.config(self.files)["services"][WEB].get("environment", {})
        return {**release.settings, **{name: (value or "").replace("$$", "$") for name, value in added.items()}}

    def config(self, more: tuple[str, ...]) -> dict[str, Any]:
        """Return the Compose files as one; raises `Exit` if Compose cannot read them."""
        asked = self.config_command("site", more)
        answer = output(self.project, asked.argv, timeout=30, variables={**asked.shown, **asked.hidden})
        if answer.returncode:
            refuse(f"Compose cannot read the files of the deployment: {answer.stderr.strip()}")
        try:
            found: dict[str, Any] = json.loads(answer.stdout)
        except ValueError:
            said = answer.stdout.strip()[:80]
            refuse(f"{said!r} is no answer: `docker compose version` has to be 2.24 or newer.")
        return found

    def config_command(self, image: str, more: tuple[str, ...], **shown: str) -> Command:
        """Return the command that prints the Compose files as one, without the settings of the site."""
        given = {"UP_ENV_FILE": os.devnull, **shown}
        return self.compose(image, "config", "--format", "json", more=more, shown=given)

    def compose(
        self, image: str, *words: str, more: tuple[str, ...], shown: Mapping[str, str], files: tuple[Path, ...] = ()
    ) -> Command:
        """Return a Compose command on the files of a deployment, which `more` overlays and then `files` join."""
        known = stack.files(self.project) | {name: self.project.root / "compose" / f"{name}.yaml" for name in more}
        overlays = sorted({*self.overlays, *more} & known.keys(), key=lambda name: (name in stack.LAST, name))
        paths = (self.project.compose_file, *(known[name] for name in overlays), *files)
        named = [word for path in paths for word in ("--file", path)]
        always = {
            **self.docker_context,
            "UP_IMAGE": image,
            "UP_PORT": str(ports.parse(self.project.deploy_port, "deploy.port")),
            "UP_REPLICAS": str(self.replicas),
            "UP_READY_WITHIN": str(self.project.ready_within),
            **self.backup,
        }
        argv = (self.project.engine, "compose", "--project-name", self.name, *named, *words)
        return Command(argv, shown={**always, **shown}, hidden=self.passwords())

    def write_overlay(self, name: str, overlay: dict[str, Any]) -> Path:
        """Write a Compose file for this deployment alone, or print what would do it; returns where it is."""
        text = json.dumps(overlay).replace("$", "$$")  # in a Compose file, $$ is a $
        if self.project.dry:
            print(f"mkdir -p {FOLDER} && echo '{text}' > {FOLDER / name}")
        else:
            (self.folder() / name).write_text(text, encoding="utf-8")
        return self.project.root / FOLDER / name
