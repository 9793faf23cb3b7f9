"""Remove what this project made on the engine, found by its label, and nothing else."""

from __future__ import annotations

from invoke import Context

from steps import compose, container, engine
from steps.command import Command, dry, run
from steps.project import Project


def clean(c: Context, project: Project, volumes: bool) -> None:
    """Remove this project's containers, networks and images, and its databases only if `volumes`."""
    engine.require(c, project)
    run(c, compose.down_command(project, volumes))
    container.stop(c, project)
    remove(c, project, "image", "--force")
    if volumes:
        remove(c, project, "volume")


def remove(c: Context, project: Project, kind: str, *options: str) -> None:
    """Remove all images or volumes of this project, naming each."""
    if dry(c):
        print(remove_line(project, kind))
        return
    found = engine.ask(project, kind, "ls", "--quiet", "--filter", f"label={project.label}")
    if found:
        run(c, Command((project.engine, kind, "rm", *options, *dict.fromkeys(found))))


def remove_line(project: Project, kind: str) -> str:
    """Return the shell's line that removes all images or volumes of this project."""
    return f"{project.engine} {kind} rm $({project.engine} {kind} ls --quiet --filter label={project.label})"
