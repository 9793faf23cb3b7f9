"""What goes into the image: a digest of it, its revision, and whether an image is older than the folder."""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from steps import engine, git
from steps.command import say
from steps.project import ROOT, Project

LABEL = "djk8s.content"
REVISION = "org.opencontainers.image.revision"  # https://specs.opencontainers.org/image-spec/annotations/
LABELLED = f'{{{{.Id}}}} {{{{index .Config.Labels "{LABEL}"}}}}'  # asks the engine for an id and what it was made of
ALWAYS = ("Dockerfile", ".dockerignore")  # the engine reads them wherever they are


def labels() -> dict[str, str]:
    """Return what an image made of the folder as it is now is labelled with."""
    found = {LABEL: digest(), REVISION: revision()}
    return {name: value for name, value in found.items() if value}


def digest(folder: Path = ROOT) -> str:
    """Return a digest of the names, run bits and bytes of the files that the engine is given to build with."""
    whole = hashlib.sha256()
    for path in sorted(context(folder)):
        text = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        runs = path.lstat().st_mode & 0o100
        whole.update(f"{path.relative_to(folder).as_posix()}\0{runs}\0{len(text)}\0".encode())
        whole.update(text)
    return whole.hexdigest()[:16]


def context(folder: Path) -> Iterator[Path]:
    """Yield the files that .dockerignore lets in: those under its lines with `!`, less those of the other lines."""
    lines = (folder / ".dockerignore").read_text(encoding="utf-8").splitlines()
    named = [line[1:] for line in lines if line.startswith("!")]
    left_out = [line for line in lines if line and line != "*" and line[0] not in "!#"]
    for name in [*ALWAYS, *named]:
        path = folder / name
        found = [path] if path.is_file() else under(path)
        yield from (file for file in found if not ignored(file.relative_to(folder), left_out))


def under(folder: Path) -> Iterator[Path]:
    """Yield all files under a folder; a link is one, wherever it leads."""
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        yield from (Path(place, name) for name in [*names, *links])


def ignored(path: Path, patterns: list[str]) -> bool:
    """Return whether a pattern leaves out a file, or a folder above it."""
    return any(matches(one, pattern) for pattern in patterns for one in [path, *path.parents][:-1])


def matches(path: Path, pattern: str) -> bool:
    """Return whether a path is what a line of .dockerignore says: a path, or with `**/` a name anywhere."""
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(path.name, pattern[3:])
    return fnmatch.fnmatchcase(path.as_posix(), pattern)


def revision() -> str:
    """Return the commit that the folder is at, with `-dirty` where it is not exactly that; nothing without git."""
    commit = git.ask("rev-parse", "HEAD")
    changes = git.ask("--no-optional-locks", "status", "--porcelain", "--", ".")
    if not commit or not changes or commit.returncode or changes.returncode:
        return ""
    return commit.stdout.strip() + ("-dirty" if changes.stdout else "")


def compare(project: Project, image: str, remedy: str) -> None:
    """Say so when code or requirements changed since an image was built; `remedy` takes the changes in."""
    if is_older(project, image):
        say(f"{image} is older than the folder: {remedy} takes the changes in.")


def is_older(project: Project, image: str) -> bool:
    """Return whether an image was made of another content than the folder has now."""
    return made_of(project, image) not in {"", digest()}


def made_of(project: Project, image: str) -> str:
    """Return the digest that an image is labelled with; nothing for one that `inv` did not build."""
    answer = engine.ask(project, "image", "inspect", "--format", LABELLED, image)
    return answer[0].partition(" ")[2] if answer else ""


def older(project: Project, containers: list[str]) -> list[str]:
    """Return those of these containers whose image is older than the folder."""
    return changed_since(engine.ask(project, "inspect", "--format", LABELLED, *containers)) if containers else []


def changed_since(answers: list[str]) -> list[str]:
    """Return the ids in the engine's answers of what was made of another content; one without the label is not ours."""
    now = digest()
    made_of = (answer.partition(" ") for answer in answers)
    return [identity for identity, _, content in made_of if content not in {"", now}]
