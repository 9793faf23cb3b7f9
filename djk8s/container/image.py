"""The image: the Dockerfile, built and tagged."""

import os
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from djk8s import code, engine, git
from djk8s.dotenv.file import from_flags
from djk8s.packages import locking
from djk8s.project import TAG, Project
from djk8s.shell.command import Command
from djk8s.shell.run import run
from djk8s.shell.talk import refuse

LATEST = "latest"
NOT_BUILT = "The image was not built, see above; `inv doctor` looks at what a build needs."
PLATFORM = r"[a-z0-9]+/[a-z0-9_]+(?:/v[0-9]+)?"  # https://docs.docker.com/build/building/multi-platform/
FOREIGN = (
    "The image was not built, see above. After `exec format error`, `{engine} run --privileged --rm tonistiigi/binfmt "
    "--install all` lets this machine run the programs of other platforms."
)
SECRETS = ("pip.conf", "uv.toml", "ca.crt")  # the ids that the Dockerfile mounts


def build_command(
    project: Project, tags: Iterable[str] = (), options: Iterable[str] = (), revision: str = ""
) -> Command:
    """Return the command that builds the image with each tag, and `latest`, which `inv run` runs."""
    names = [word for tag in dict.fromkeys([*tags, LATEST]) for word in ("--tag", name(project, tag))]
    return Command((project.engine, "build", *names, *rest(project, options, revision)))


def rest(project: Project, options: Iterable[str] = (), revision: str = "") -> list[str]:
    """Return the words of a build that follow the image's names."""
    words = [*options]
    if "--file" not in words and project.dockerfile != project.root / "Dockerfile":
        words += ["--file", project.shown(project.dockerfile)]
    if revision:
        words += ["--label", f"{git.REVISION}={revision}"]
    return [*words, "--label", project.label, "."]


def name(project: Project, tag: str | None) -> str:
    """Return the image's name with a tag, `latest` by default; raises `Exit` if an engine would refuse the tag."""
    tag = LATEST if tag is None else tag
    if not re.fullmatch(TAG, tag):
        refuse(f"{tag!r} is not a tag: use up to 128 letters, digits, `_`, `.` and `-`, for example --tag v1.")
    return f"{project.image}:{tag}"


def build(
    project: Project,
    tags: Iterable[str] = (),
    file: str | None = None,
    build_args: Iterable[str] = (),
    no_cache: bool = False,
    secrets: Iterable[str] = (),
    platform: str | None = None,
) -> None:
    """Build the image, labelled with git's revision."""
    locking.mention_stale(project)
    options: list[str] = []
    if file is not None:
        if not is_file(project, file):
            refuse(f"There is no file {file!r} in {project.root}: name one, for example --file Dockerfile.")
        options += ["--file", file]
    for build_arg in build_args:
        from_flags([build_arg], os.environ, "--build-arg")
        options += ["--build-arg", build_arg]
    known = f"{', '.join(SECRETS[:-1])} or {SECRETS[-1]}"
    for secret in secrets:
        if Path(secret).name not in SECRETS or not re.fullmatch(r"[^,\"\n]+", secret):
            refuse(f"--secret {secret!r} is not one that the Dockerfile asks for: give a file called {known}.")
        if not is_file(project, secret):
            refuse(f"There is no file {secret!r} in {project.root}: --secret names a file called {known}.")
        options += ["--secret", f"id={Path(secret).name},src={secret}"]
    if no_cache:
        options.append("--no-cache")
    if platform is not None:
        require_platform(platform)
        options += ["--platform", platform]
    command = build_command(project, tags, options, git.revision(project))
    engine.require(project)
    foreign, native = FOREIGN.format(engine=project.engine), partial(code.fault_of_build, project, NOT_BUILT)
    run(project, command, failed=engine.or_gone(project, foreign if platform else native))


def require_platform(platform: str, more: str = "") -> None:
    """Raise `Exit` unless an engine would take it for a platform; `more` is what else to do then."""
    if not re.fullmatch(PLATFORM, platform):
        refuse(f"--platform {platform!r} is not a platform: write one, for example linux/amd64{more}.")


def is_file(project: Project, name: str) -> bool:
    """Return True if the project has such a file; a name that is too long, or out of reach, is none."""
    try:
        return (project.root / name).is_file()
    except OSError:
        return False


def provide(project: Project, tag: str | None, no_build: bool) -> str:
    """Build the image as the folder is now and return its name, or return one that was built earlier.

    A tag is of an earlier build, which is never overwritten. Raises `Exit` if there is no such image.
    """
    image = name(project, tag)
    if tag is None and not no_build:
        build(project)
    elif not project.dry and not engine.has_image(project, image):
        remedy = f"type `inv build --tag {tag}`" if tag else "leave --no-build out"
        refuse(f"{image} was never built here: {remedy}.")
    return image
