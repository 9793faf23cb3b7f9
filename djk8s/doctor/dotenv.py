"""The environment file: its contents, who may read it, and that it stays on this machine."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import PurePath

from invoke import Exit

from djk8s import git
from djk8s.compose import stack
from djk8s.doctor.finding import Finding, fine, note, wrong
from djk8s.dotenv import check
from djk8s.dotenv.file import EnvFile
from djk8s.host import server, venv
from djk8s.shell import processes
from djk8s.shell.run import output


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
    """Ask the site whether it takes its settings, by Django's own check."""
    project, given = env.project, usable(env)
    if given is None or env.missing or not venv.is_installed(project):
        return note("Not looked at: that needs a good .env, and the packages in the venv.")
    # With -B, because a check writes no files.
    argv = (project.program("python"), "-B", project.src / "manage.py", "check")
    answer = output(project, argv, variables=server.for_the_host(given))
    if answer.returncode:
        says = answer.stderr.strip().rpartition("\n")[2].removeprefix("manage.py: ")
        return wrong(f"The site does not take its settings: {says}")
    return fine("The site takes its settings.")


def usable(env: EnvFile) -> dict[str, str] | None:
    """Return the variables of the site, or None if the file is wrong, which `values` reports."""
    with suppress(Exit):
        return env.for_the_site(os.environ)
    return None


def mode(env: EnvFile) -> Finding:
    """Check that only its owner may read the file."""
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
    inside = env.path.is_relative_to(project.root)
    if inside and not is_ignored(env.path.relative_to(project.root), patterns(env)):
        return note(f"{name} goes to the engine with each build: add a line `**/.env*` at the end of .dockerignore.")
    if git_code(env, "ls-files", "--error-unmatch", name) == 0:
        return note(f"{name} is in git, with its secrets: `git rm --cached {name} && inv env --set SECRET_KEY`.")
    if inside and git_code(env, "check-ignore", "--quiet", name) == 1:
        return note(f"git would add {name}, with its secrets: add a line `{name}` to .gitignore.")
    return fine(f"{name} goes into no image, and git leaves it alone.")


def git_code(env: EnvFile, *words: str) -> int | None:
    """Return the exit code of a question to git, or None without git."""
    answer = git.ask(env.project, *words)
    return answer.returncode if answer else None


def patterns(env: EnvFile) -> list[str]:
    """Return the lines of .dockerignore that are not comments."""
    try:
        text = (env.project.root / ".dockerignore").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]


def is_ignored(path: PurePath, patterns: list[str]) -> bool:
    """Return True if .dockerignore leaves out a file: the last pattern that matches it, or a folder above, decides.

    https://docs.docker.com/build/concepts/context/#syntax
    """
    ignored = False
    for pattern in patterns:
        if any(re.fullmatch(as_regex(pattern), one.as_posix()) for one in [path, *path.parents][:-1]):
            ignored = not pattern.startswith("!")
    return ignored


def as_regex(pattern: str) -> str:
    """Translate a pattern of .dockerignore: `**/` is any folders, `*` and `?` stay within one name."""
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.lstrip("!").strip("/"))
    return "".join(known.get(part) or re.escape(part) for part in parts)
