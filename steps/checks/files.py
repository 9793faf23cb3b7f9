"""Files of the checkout: the entrypoint as Linux needs it, and owners that are in nobody's way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from steps import envfile, git, system
from steps.checks.found import Found, fine, note, wrong
from steps.project import ROOT, Project

ENTRYPOINT = ROOT / "entrypoint.sh"
OF_TOOLS = {".git", ".nox", ".tools"}  # thousands of files that no step of the list writes to


def entrypoint(_: Project) -> Found:
    """Has it the line ends of Linux and the run bit, here and in git? The image mends both; other recipes do not."""
    name = ENTRYPOINT.name  # as git is asked for it
    if b"\r\n" in ENTRYPOINT.read_bytes():
        return note(f"{name} has the line ends of Windows: `rm {name} && git checkout {name}`.")
    if not system.WINDOWS and not os.access(ENTRYPOINT, os.X_OK):
        return note(f"{name} has no run bit: `chmod +x {name}` gives it one.")
    index = in_index(name)
    if "100644" in index:
        return note(f"{name} has no run bit in git: `git update-index --chmod=+x {name}` gives it one.")
    if "i/crlf" in index:
        return note(f"{name} has the line ends of Windows in git: `git add --renormalize {name}` mends them.")
    return fine(f"{name} has the line ends of Linux, and the run bit.")


def in_index(name: str) -> list[str]:
    """Return what git's index says of a file, as `100755`, `i/lf`; nothing where git does not know it."""
    answer = git.ask("ls-files", "--stage", "--eol", "--", name)
    return answer.stdout.split() if answer else []


def owners(project: Project) -> Found:
    """May the steps write what they have to, and is no file root's? A container that runs as root leaves such."""
    written = [ROOT, project.venv, project.env_file, ROOT / "data", ROOT / "staticfiles"]
    closed = [path for path in written if path.exists() and not os.access(path, os.W_OK)]
    if closed:
        names = " ".join("." if path == ROOT else envfile.shown(path) for path in closed)
        return wrong(f"You may not write to {names}: `sudo chown -R $(id -u) {names}`, or work in a copy.")
    if system.WINDOWS or os.getuid() == 0:
        return fine("Nothing here is out of your reach.")
    roots = sorted({path.relative_to(ROOT).parts[0] for path in files(ROOT) if is_roots(path)})
    if roots:
        names = " ".join(roots)
        return note(f"Some files in {names} belong to root: `sudo chown -R $(id -u) {names}`.")
    return fine("Nothing here belongs to root.")


def is_roots(path: Path) -> bool:
    return path.lstat().st_uid == 0


def files(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder, down to its last file, less what tools keep there."""
    for place, folders, names in os.walk(folder):
        yield from (Path(place, name) for name in [*folders, *names])
        folders[:] = [name for name in folders if name not in OF_TOOLS]
