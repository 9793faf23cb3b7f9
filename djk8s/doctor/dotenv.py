"""The environment file: its contents, who may read it, and that it stays on this machine."""

import os
from contextlib import suppress
from pathlib import PurePath, PurePosixPath

from invoke import Exit

from djk8s import code, dockerfile, git
from djk8s.compose import stack
from djk8s.doctor.finding import Finding, fine, note, wrong
from djk8s.dotenv import check
from djk8s.dotenv.file import EnvFile
from djk8s.host import server, venv
from djk8s.shell import processes


def values(env: EnvFile) -> Finding:
    """Check that every reader understands the file alike, and that it has what the site needs."""
    if env.missing:
        return note(f"{env.name} is not there yet: `inv env` writes it, and so does whatever needs it.")
    site = env.for_the_site(os.environ)
    if mistakes := check.between_readers(env, stack.reading(env.project)):
        return wrong(mistakes[0])
    if not (site.get("SECRET_KEY") or site.get("SECRET_KEY_FILE") or site.get("DEBUG") == "1"):
        return wrong(f"{env.name} has no SECRET_KEY, and nothing starts without: `inv env --set SECRET_KEY` sets one.")
    if mistakes := list(check.against_settings(env)):
        more = f" ({len(mistakes)} in all: `inv env --check` says each.)" if len(mistakes) > 1 else ""
        return note(mistakes[0] + more)
    return fine(f"{env.name} says what the site needs, and means the same to all its readers.")


def settings(env: EnvFile) -> Finding:
    """Ask the site whether it takes its settings."""
    project, given = env.project, usable(env)
    if broken := next(code.not_python(project), ""):
        return wrong(broken)
    if given is None or env.missing or not venv.is_installed(project):
        return note("Not looked at: that needs a good .env, and the packages in the venv.")
    if says := server.objection(project, given):
        return wrong(f"The site does not start: {says}")
    return fine("The site starts with its settings.")


def usable(env: EnvFile) -> dict[str, str] | None:
    """Return the variables of the site, or None if the file is wrong, which `values` reports."""
    with suppress(Exit):
        return env.for_the_site(os.environ)
    return None


def mode(env: EnvFile) -> Finding:
    if env.missing:
        return fine(f"{env.name} is not there yet.")
    if processes.WINDOWS:
        return fine("Not looked at: Windows has no such mode.")
    if not env.path.stat().st_mode & 0o077:
        return fine(f"Nobody but its owner may read {env.name}.")
    return note(f"Others on this machine may read the secrets in {env.name}: `chmod 600 {env.name}` ends that.")


def kept(env: EnvFile) -> Finding:
    """Check that the file goes neither into git nor to the engine with a build."""
    project, name = env.project, env.name
    inside, dockerignore = env.path.is_relative_to(project.root), dockerfile.dockerignore(project)
    patterns = dockerignore.read_text(encoding="utf-8") if dockerignore.exists() else ""
    if inside and not is_ignored(env.path.relative_to(project.root), patterns):
        return note(
            f"{name} goes to the engine with each build: add a line `**/.env*` at the end of {dockerignore.name}."
        )
    if git.ask(project, "ls-files", "--error-unmatch", name).returncode == 0:
        return note(f"{name} is in git, with its secrets: `git rm --cached {name} && inv env --set SECRET_KEY`.")
    if inside and git.ask(project, "check-ignore", "--quiet", name).returncode == 1:
        return note(f"git would add {name}, with its secrets: add a line `{name}` to .gitignore.")
    return fine(f"{name} goes into no image, and git leaves it alone.")


def is_ignored(path: PurePath, dockerignore: str) -> bool:
    """Return True if .dockerignore leaves out a file: the last pattern that matches it, or a folder above, decides.

    https://docs.docker.com/build/concepts/context/#syntax
    """
    ignored, whole = False, PurePosixPath("/", path)
    for line in map(str.strip, dockerignore.splitlines()):
        pattern = line.lstrip("!").strip("/")
        # A relative pattern matches at any depth, an absolute one the whole path.
        glob = pattern.removeprefix("**/") if pattern.startswith("**/") else f"/{pattern}"
        if pattern and line[0] != "#" and any(one.match(glob) for one in (whole, *whole.parents)):
            ignored = not line.startswith("!")
    return ignored
