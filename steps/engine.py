"""The engine: whether it answers, and what it knows of this project."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from invoke import Context, Exit

from steps.command import dry, output, refuse
from steps.project import Project

WITHOUT = "Without an engine, `inv serve` runs the site on this machine."
GONE = "The Docker engine went away meanwhile: start it, then type it again."
SERVICE = '{{.ID}} {{.Label "com.docker.compose.service"}}'
PATIENCE = 10  # seconds; an engine that answers does so in well under one


def require(c: Context, project: Project) -> None:
    """Raise `Exit` with one sentence unless an engine answers; with --dry none is needed."""
    if not dry(c):
        version(project)


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
    """Return what the engine answers to words that change nothing, with more variables; `patience` is in seconds.

    Raises `Exit` when there is no engine, or none that answers in time.
    """
    patience = patience or PATIENCE
    try:
        return output((project.engine, *words), timeout=patience, variables=variables)
    except subprocess.TimeoutExpired:
        refuse(f"The Docker engine did not answer within {patience:g} s: try again, or restart it. {WITHOUT}")
    except OSError:
        refuse(f"There is no {project.engine} here: install Docker (https://docs.docker.com/get-docker/). {WITHOUT}")


def or_gone(project: Project, otherwise: str | Callable[[], str] = "") -> Callable[[str], str]:
    """Return what makes the sentence for a command that failed: that the engine is gone, or what there is otherwise."""

    def sentence(_said: str) -> str:
        try:
            version(project)
        except Exit:
            return GONE
        return otherwise() if callable(otherwise) else otherwise

    return sentence


def ask(project: Project, *words: str) -> list[str]:
    """Return the lines that the engine answers to a question, none where it fails."""
    answer = question(project, *words)
    return [] if answer.returncode else answer.stdout.splitlines()


def has_image(project: Project, image: str) -> bool:
    """Return whether an image was built (or loaded) here."""
    return bool(ask(project, "image", "inspect", "--format", "{{.Id}}", image))


def is_running(project: Project, container: str) -> bool:
    """Return whether one container runs."""
    return ask(project, "inspect", "--format", "{{.State.Running}}", container) == ["true"]


def sites(project: Project, *options: str) -> list[str]:
    """Return the ids of this project's running containers of the site, the one that was started last first.

    `--all` as an option gives those that ended too. Compose runs others beside them: a database, a worker.
    """
    which = ("--format", SERVICE, "--filter", f"label={project.label}")
    listed = (line.partition(" ") for line in ask(project, "ps", *options, *which))
    return by_start(project, [container for container, _, service in listed if service in {"", "web"}])


def service(project: Project, name: str) -> list[str]:
    """Return the ids of the running containers of a Compose service of this project."""
    mine = ("--filter", f"label=com.docker.compose.project={project.scope}")
    return ask(project, "ps", "--quiet", *mine, "--filter", f"label=com.docker.compose.service={name}")


def known(project: Project, label: str) -> list[str]:
    """Return the ids of the containers with a label, ended ones too."""
    return ask(project, "ps", "--all", "--quiet", "--filter", f"label={label}")


def by_start(project: Project, containers: list[str]) -> list[str]:
    """Return containers' ids by the time of their last start, the latest first."""
    if not containers:
        return []
    started = ask(project, "inspect", "--format", "{{.State.StartedAt}} {{.Id}}", *containers)
    return [line.split()[1] for line in sorted(started, reverse=True)]
