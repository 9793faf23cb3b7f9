"""The engine: whether it answers, what it needs for a build, and what of this project is on it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from steps import cleaning, compose, content, engine, image
from steps.checks.found import Found, fine, note, wrong
from steps.command import output
from steps.project import Project, base_image

PATIENCE = 3  # seconds
OLDEST = 25  # the first that knows --start-interval: https://docs.docker.com/engine/release-notes/25.0/
NEEDED = 1.0  # GB: base image, ours, and the packages and layers that a first build keeps beside them


def answers(project: Project) -> Found:
    """Does it answer, and is it new enough?"""
    version = engine.version(project, PATIENCE)
    major = int(re.match(r"\d*", version)[0] or 0)  # type: ignore[index]
    if 17 <= major < OLDEST:  # Docker's numbers begin there; those of other engines are lower
        return wrong(f"Docker {version} does not know the health check's start interval: install {OLDEST} or newer.")
    return fine(f"{project.engine} {version}.")


def buildkit(project: Project) -> Found:
    """Is there what builds images?"""
    if os.environ.get("DOCKER_BUILDKIT") == "0":
        return wrong("DOCKER_BUILDKIT=0 turns off BuildKit, which the Dockerfile needs: `unset DOCKER_BUILDKIT`.")
    answer = engine.question(project, "buildx", "version", patience=PATIENCE)
    if answer.returncode:
        return wrong("There is no buildx, with which images are built: install docker-buildx-plugin.")
    return fine(" ".join(["buildx", *answer.stdout.split()[1:2]]) + ".")


def compose_version(project: Project) -> Found:
    """Is there a Compose 2?"""
    return fine(f"Compose {compose.version(project, PATIENCE)}.")


def disk(project: Project) -> Found:
    """Is there room for an image where the engine keeps them?"""
    folder = engine.ask(project, "info", "--format", "{{.DockerRootDir}}")
    if not folder or not os.environ.get("DOCKER_HOST", "unix:").startswith("unix:"):
        return fine("Not looked at: the engine keeps its images elsewhere.")
    try:
        free = shutil.disk_usage(folder[0]).free / 1e9
    except OSError:  # in a desktop's virtual machine, or not for this user
        return fine("Not looked at: the engine keeps its images out of sight.")
    if free < NEEDED:
        prune = f"`{project.engine} builder prune`"
        return wrong(f"{free:.1f} GB are free in {folder[0]}, and a build needs {NEEDED:.0f}: {prune} makes room.")
    return fine(f"{free:.0f} GB are free where the engine keeps images.")


def base(project: Project) -> Found:
    """Is the base image here, or a registry from which it comes?"""
    name = base_image()
    if engine.has_image(project, name) or engine.has_image(project, image.name(project, None)):
        return fine(f"{name} is here, or in what was built of it.")
    try:
        answer = output((project.engine, "manifest", "inspect", name), timeout=PATIENCE)
        if answer.returncode == 0:
            return fine(f"{name} is not here yet; its registry has it.")
    except subprocess.TimeoutExpired:
        pass  # as where a firewall swallows what is asked
    return wrong(f"{name} is not here, and no registry that has it answers: `{project.engine} pull {name}` says why.")


def image_age(project: Project) -> Found:
    """Is the image as the code is?"""
    name = image.name(project, None)
    if not engine.has_image(project, name):
        return note(f"{name} is not built yet: `inv build` builds it, and so does `inv run`.")
    made_of = content.made_of(project, name)
    if not made_of:
        return note(f"{name} was not built by `inv build`, so that nobody knows whether it is of this code.")
    if made_of != content.digest():
        return note(f"{name} is older than the folder: `inv build` takes the changes in.")
    return fine(f"{name} is of the folder as it is now.")


def left_over(project: Project) -> Found:
    """What of this project is on the engine?"""
    counts = {kind: len(names) for kind, names in cleaning.ours(project).items() if names}
    if not counts:
        return fine("Nothing of this project is on the engine.")
    there = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items())
    volumes = ", with --volumes the databases too" if "volume" in counts else ""
    return fine(f"{there} of this project are on the engine: `inv clean` removes them{volumes}.")
