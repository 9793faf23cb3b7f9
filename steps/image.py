"""The image: the Dockerfile, built and tagged."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from invoke import Context

from steps import content, engine, envfile
from steps.command import Command, dry, refuse, run, say
from steps.project import ROOT, TAG, Project

LATEST = "latest"
NOT_BUILT = "The image was not built, see above; `inv doctor` looks at what a build needs."
SECRETS = ("pip.conf", "ca.crt")  # the ids that the Dockerfile mounts


def build_command(
    project: Project,
    tags: Iterable[str] = (),
    file: str | None = None,
    build_args: Iterable[str] = (),
    no_cache: bool = False,
    secrets: Iterable[str] = (),
    labels: Mapping[str, str] | None = None,
) -> Command:
    """Return the command that builds the image with each tag, and `latest`, so that `inv run` runs it."""
    argv = [project.engine, "build"]
    for tag in dict.fromkeys([*tags, LATEST]):
        argv += ["--tag", name(project, tag)]
    if file is not None:
        argv += ["--file", file]
    for build_arg in build_args:
        argv += ["--build-arg", build_arg]
    for secret in secrets:
        argv += ["--secret", f"id={Path(secret).name},src={secret}"]
    if no_cache:
        argv.append("--no-cache")
    for label, value in (labels or {}).items():
        argv += ["--label", f"{label}={value}"]
    return Command((*argv, "--label", project.label, "."), by_plugin=True)


def name(project: Project, tag: str | None) -> str:
    """Return the image's name with a tag, `latest` by default.

    Raises `Exit` when an engine would refuse the tag.
    """
    tag = LATEST if tag is None else tag
    if not re.fullmatch(TAG, tag):
        refuse(f"{tag!r} is not a tag: use up to 128 letters, digits, `_`, `.` and `-`, as --tag v1.")
    return f"{project.image}:{tag}"


def build(
    c: Context,
    project: Project,
    tags: Iterable[str],
    file: str | None,
    build_args: Iterable[str],
    no_cache: bool,
    secrets: Iterable[str],
) -> None:
    """Build the image.

    Raises `Exit` when a tag, a build argument, a secret or the file is wrong, no engine answers, or the build fails.
    """
    build_args, secrets = list(build_args), list(secrets)
    command = build_command(project, tags, file, build_args, no_cache, secrets, content.labels())
    for secret in secrets:
        check_secret(secret)
    for build_arg in build_args:
        envfile.from_flags([build_arg], os.environ, "--build-arg")
    if file is not None and not is_file(file):
        refuse(f"There is no file {file!r} in {ROOT}: --file names a Dockerfile, as --file Dockerfile.")
    engine.require(c, project)
    run(c, command, failed=engine.or_gone(project, NOT_BUILT))


def check_secret(secret: str) -> None:
    """Raise `Exit` unless a secret is a file that the Dockerfile asks for by its name."""
    if Path(secret).name not in SECRETS or not re.fullmatch(r"[^,\"\n]+", secret):
        refuse(f"--secret {secret!r} is none that the Dockerfile asks for: give a file called {' or '.join(SECRETS)}.")
    if not is_file(secret):
        refuse(f"There is no file {secret!r} in {ROOT}: --secret names a file called {' or '.join(SECRETS)}.")


def is_file(name: str) -> bool:
    """Return whether the project has such a file; one that is too long, or out of reach, is none."""
    try:
        return (ROOT / name).is_file()
    except OSError:
        return False


def build_if_missing(c: Context, project: Project, image: str, tag: str | None) -> None:
    """Build an image that was never built, and say when one is older than the folder; it is looked for only here."""
    if not engine.has_image(project, image):
        say(f"{image} was never built here: building it first.")
        command = build_command(project, [tag] if tag else [], labels=content.labels())
        run(c, command, failed=engine.or_gone(project, NOT_BUILT))
    elif not dry(c):
        content.compare(project, image, f"`inv build{f' --tag {tag}' if tag else ''}`")
