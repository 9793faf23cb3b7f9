"""The engine: whether it answers, and what it knows about this project."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from invoke import Exit

from djk8s import checkout
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import output
from djk8s.shell.talk import refuse, say

WITHOUT = "Without an engine, `inv serve` runs the site on this machine."
GONE = "The Docker engine stopped meanwhile: start it, then type it again."
COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_SERVICE = "com.docker.compose.service"
PATIENCE = 10  # seconds; an engine that answers does so in well under one
SHELL = ("/bin/bash",)


def require(project: Project) -> None:
    """Raise `Exit` with one sentence unless an engine answers; --dry needs none."""
    if not project.dry:
        version(project)
        checkout.record(project.root, project.checkout)


def version(project: Project, patience: float | None = None) -> str:
    """Return the version of the engine; raises `Exit` with one sentence unless one answers in time."""
    answer = question(project, "version", "--format", "{{.Server.Version}}", patience=patience)
    if "permission denied" in answer.stderr.lower():
        refuse(f"You may not speak to the Docker engine: `sudo usermod -aG docker $USER`, then log in again. {WITHOUT}")
    if answer.returncode:
        refuse(f"The Docker engine does not answer: start it (Docker Desktop, or systemctl start docker). {WITHOUT}")
    return answer.stdout.strip()


def question(
    project: Project, *words: str | Path, patience: float | None = None, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run an engine command that changes nothing; raises `Exit` unless it ends within `patience` seconds."""
    patience = patience or PATIENCE
    try:
        return output(project, (project.engine, *words), timeout=patience, variables=variables)
    except subprocess.TimeoutExpired:
        refuse(f"The Docker engine did not answer within {patience:g} s: try again, or restart it. {WITHOUT}")
    except OSError:
        refuse(f"There is no {project.engine} here: install Docker (https://docs.docker.com/get-docker/). {WITHOUT}")


def or_gone(project: Project, otherwise: str | Callable[[], str] = "") -> Callable[[str], str]:
    """Return a function that explains a failed command: the engine stopped, or else the given sentence."""

    def sentence(_said: str) -> str:
        try:
            version(project)
        except Exit:
            return GONE
        return otherwise() if callable(otherwise) else otherwise

    return sentence


def ask(project: Project, *words: str) -> list[str]:
    """Return the lines that the engine answers, or none if it fails."""
    answer = question(project, *words)
    return [] if answer.returncode else answer.stdout.splitlines()


def show_last(project: Project, *words: str, variables: Mapping[str, str] | None = None) -> bool:
    """Show the last lines of a log, which `words` ask for, and return whether there are any."""
    log = question(project, *words, patience=30, variables=variables)
    said = (log.stdout + log.stderr).strip()
    if said:
        say(said)
    return bool(said)


def has_image(project: Project, image: str) -> bool:
    return bool(ask(project, "image", "inspect", "--format", "{{.Id}}", image))


def is_running(project: Project, container: str) -> bool:
    return ask(project, "inspect", "--format", "{{.State.Running}}", container) == ["true"]


def sites(project: Project, *options: str) -> list[str]:
    """Return the ids of this project's running containers of the site, the latest started first.

    The option `--all` adds those that ended. Compose runs others beside them: a database, a worker.
    """
    which = ("--format", f'{{{{.ID}}}} {{{{.Label "{COMPOSE_SERVICE}"}}}}', "--filter", f"label={project.label}")
    listed = (line.partition(" ") for line in ask(project, "ps", *options, *which))
    found = [container for container, _, service in listed if service in {"", "web"}]
    if not found:
        return []
    started = ask(project, "inspect", "--format", "{{.State.StartedAt}} {{.Id}}", *found)
    return [line.split()[1] for line in sorted(started, reverse=True)]


def service(project: Project, name: str, missing: str) -> str:
    """Return the running container of a Compose service; raises `Exit` with the sentence `missing` if none runs."""
    require(project)
    if project.dry:
        return "CONTAINER"
    found = ask(project, "ps", "--quiet", *of_compose(project.scope, name))
    return found[0] if found else refuse(missing)


def of_compose(name: str, service: str = "") -> tuple[str, ...]:
    """Return the filters for what Compose made for a project, or for one of its services."""
    which = ("--filter", f"label={COMPOSE_PROJECT}={name}")
    return (*which, "--filter", f"label={COMPOSE_SERVICE}={service}") if service else which


def known(project: Project, label: str) -> list[str]:
    """Return the ids of the containers with a label, including those that ended."""
    return ask(project, "ps", "--all", "--quiet", "--filter", f"label={label}")


def exec_command(project: Project, container: str, words: tuple[str, ...] = (), terminal: bool = True) -> Command:
    """Return the command that runs words, by default a shell, in a running container."""
    return Command((project.engine, "exec", *attached(terminal), container, *(words or SHELL)))


def attached(terminal: bool) -> tuple[str, ...]:
    """Return the options that connect a command to the person: input, a terminal, and what createsuperuser reads.

    https://docs.djangoproject.com/en/stable/ref/django-admin/#createsuperuser
    """
    names = [name for name in sorted(os.environ) if name.startswith("DJANGO_SUPERUSER_")]
    return ("--interactive", *(["--tty"] if terminal else []), *(word for name in names for word in ("--env", name)))
