"""The engine: whether it answers, has what a build needs, and what it holds of this project."""

import os
import re
import shutil
import subprocess

from djk8s import cleaning, dockerfile, engine
from djk8s.compose import stack
from djk8s.container import image
from djk8s.doctor.finding import Finding, fine, note, wrong
from djk8s.project import Project
from djk8s.shell.run import output

PATIENCE = 3  # seconds
OLDEST = 25  # the first that knows --start-interval: https://docs.docker.com/engine/release-notes/25.0/
NEEDED = 1.0  # GB: base image, ours, and the packages and layers that a first build keeps beside them


def answers(project: Project) -> Finding:
    """Check that the engine answers and is new enough."""
    version = engine.version(project, PATIENCE)
    major = int(re.match(r"\d*", version)[0] or 0)  # type: ignore[index]
    if 17 <= major < OLDEST:  # Docker's versions begin at 17; those of other engines are lower
        return wrong(f"Docker {version} does not know the health check's start interval: install {OLDEST} or newer.")
    return fine(f"{project.engine} {version}.")


def buildkit(project: Project) -> Finding:
    """Check that BuildKit, which builds images, is there."""
    if os.environ.get("DOCKER_BUILDKIT") == "0":
        return wrong("DOCKER_BUILDKIT=0 turns off BuildKit, which the Dockerfile needs: `unset DOCKER_BUILDKIT`.")
    answer = engine.question(project, "buildx", "version", patience=PATIENCE)
    if answer.returncode:
        return wrong("There is no buildx, with which images are built: install docker-buildx-plugin.")
    return fine(" ".join(["buildx", *answer.stdout.split()[1:2]]) + ".")


def compose_version(project: Project) -> Finding:
    return fine(f"Compose {stack.version(project, PATIENCE)}.")


def disk(project: Project) -> Finding:
    """Check that there is room for an image where the engine keeps them."""
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


def base(project: Project) -> Finding:
    """Check that the base image is here, or a registry that has it answers."""
    name = dockerfile.base_image(project)
    if engine.has_image(project, name) or engine.has_image(project, image.name(project, None)):
        return fine(f"{name} is here, or in what was built of it.")
    try:
        answer = output(project, (project.engine, "manifest", "inspect", name), timeout=PATIENCE)
        if answer.returncode == 0:
            return fine(f"{name} is not here yet; its registry has it.")
    except subprocess.TimeoutExpired:
        pass  # as behind a firewall that drops the question
    return wrong(f"{name} is not here, and no registry that has it answers: `{project.engine} pull {name}` says why.")


def image_built(project: Project) -> Finding:
    name = image.name(project, None)
    if not engine.has_image(project, name):
        return note(f"{name} is not built yet: `inv build` builds it, and so does `inv run`.")
    return fine(f"{name} was built; `inv run` builds it again if anything changed.")


def left_over(project: Project) -> Finding:
    """Count what this project has on the engine."""
    counts = {kind: len(found) for kind in cleaning.KINDS if (found := cleaning.names(project, kind))}
    if not counts:
        return fine("Nothing of this project is on the engine.")
    there = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items())
    volumes = ", with --volumes the databases too" if "volume" in counts else ""
    return fine(f"{there} of this project are on the engine: `inv clean` removes them{volumes}.")
