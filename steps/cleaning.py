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
    remove(c, project, "image", our_images(project), "--force")
    if volumes:
        remove(c, project, "volume", f"name=^{project.volume}$")


def our_images(project: Project) -> str:
    """Return the filter that finds the images built here."""
    return f"label={project.label}"


def remove(c: Context, project: Project, kind: str, which: str, *options: str) -> None:
    """Remove the images or volumes that a filter finds, naming each."""
    if dry(c):
        print(remove_line(project, kind, which, *options))
        return
    found = engine.ask(project, kind, "ls", "--quiet", "--filter", which)
    if found:
        run(c, Command((project.engine, kind, "rm", *options, *dict.fromkeys(found))))


def remove_line(project: Project, kind: str, which: str, *options: str) -> str:
    """Return the shell's line that removes the images or volumes that a filter finds."""
    listed = Command((project.engine, kind, "ls", "--quiet", "--filter", which)).line()
    remove = Command((project.engine, kind, "rm", *options)).line()
    return f"{remove} $({listed})"
