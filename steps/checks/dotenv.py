"""The environment file: what is in it, who may read it, and that it stays on this machine."""

from __future__ import annotations

import os
from contextlib import suppress

from invoke import Exit

from steps import compose, content, envcheck, envfile, git, server, system, venv
from steps.checks.found import Found, fine, note, wrong
from steps.command import output
from steps.project import ROOT, SRC, Project


def values(project: Project) -> Found:
    """Does every reader understand it, and does it say what the site needs?"""
    path, name = project.env_file, envfile.shown(project.env_file)
    if not path.exists():
        return note(f"{name} is not there yet: `inv env` writes it, and so does whatever needs it.")
    read = envfile.site_values(path, {}, os.environ)
    if found := envcheck.disagreements(path, compose.reading(project)):
        return wrong(found[0])
    if not read.get("SECRET_KEY") and read.get("DEBUG") != "1":
        return wrong(f"{name} has no SECRET_KEY, without which nothing starts: `inv env --set SECRET_KEY` sets one.")
    if findings := list(envcheck.findings(envfile.exact_text(path), name)):
        more = f" ({len(findings)} in all: `inv env --check` says each.)" if len(findings) > 1 else ""
        return note(findings[0] + more)
    return fine(f"{name} says what the site needs, and means the same to all its readers.")


def settings(project: Project) -> Found:
    """Does the site itself take them? It is asked, by Django's own check, as soon as it can answer."""
    values = given(project)
    if values is None or not project.env_file.exists() or not venv.is_installed(project):
        return note("Not looked at: that needs a good .env, and the packages in the venv.")
    # With -B, because a doctor leaves no files.
    argv = (project.program("python"), "-B", SRC / "manage.py", "check")
    answer = output(argv, variables=server.for_the_site(values))
    if answer.returncode:
        says = answer.stderr.strip().rpartition("\n")[2].removeprefix("manage.py: ")
        return wrong(f"The site does not take its settings: {says}")
    return fine("The site takes its settings.")


def given(project: Project) -> dict[str, str] | None:
    """Return what the site is to see; nothing where the environment file is wrong, which `values` says."""
    with suppress(Exit):
        return envfile.site_values(project.env_file, {}, os.environ)
    return None


def mode(project: Project) -> Found:
    """May only its owner read it?"""
    path, name = project.env_file, envfile.shown(project.env_file)
    if not path.exists():
        return fine(f"{name} is not there yet.")
    if system.WINDOWS:
        return fine("Not looked at: Windows has no such mode.")
    if not path.stat().st_mode & 0o077:
        return fine(f"Nobody but its owner may read {name}.")
    return note(f"Others on this machine may read the secrets in {name}: `chmod 600 {name}` ends that.")


def kept(project: Project) -> Found:
    """Is it out of git's way, and of the image's?"""
    path, name = project.env_file, envfile.shown(project.env_file)
    if path in content.context(ROOT):
        return note(f"{name} goes into the image: add a line `**/.env*` at the end of .dockerignore.")
    if git_says("ls-files", "--error-unmatch", name) == 0:
        return note(f"{name} is in git, with its secrets: `git rm --cached {name} && inv env --set SECRET_KEY`.")
    if path.is_relative_to(ROOT) and git_says("check-ignore", "--quiet", name) == 1:
        return note(f"git would add {name}, with its secrets: add a line `{name}` to .gitignore.")
    return fine(f"{name} goes into no image, and git leaves it alone.")


def git_says(*words: str) -> int | None:
    """Return the exit code of a question to git; nothing without git."""
    answer = git.ask(*words)
    return answer.returncode if answer else None
