"""What a project writes into its own folder, where a container may write to its volume only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from djk8s.adopt.ask import Answer

APP = PurePosixPath("/app")


def uploads(answer: Answer, tracked: Iterable[str]) -> str:
    """Return the folder in the project that uploads are in on this machine, if git tracks nothing there."""
    inside = in_project(answer.settings["MEDIA_ROOT"])
    return "" if any(path.startswith(f"{inside}/") for path in tracked) else inside


def databases(answer: Answer, tracked: Iterable[str]) -> list[str]:
    """Return the files of SQLite that git tracks, but for those that are in the volume already."""
    names = {in_project(one["NAME"]) for one in answer.says["databases"].values() if "lite" in one["ENGINE"]}
    return sorted(name for name in names & {*tracked} if not name.startswith("data/"))


def writes(answer: Answer, tracked: Iterable[str]) -> tuple[str, ...]:
    """Return the folders that its settings write to, with a / at the end, and the files where git tracks others there.

    The database, uploads and static files are not among them: serving/overlay.py says where those are.
    """
    settings, databases = answer.settings, answer.says["databases"].values()
    elsewhere = [*(settings[name] for name in ("MEDIA_ROOT", "STATIC_ROOT")), *(one["NAME"] for one in databases)]
    known = {PurePosixPath(inside) for inside in map(in_project, elsewhere) if inside}
    folders = {folder for path in (*tracked, *map(str, known)) for folder in PurePosixPath(path).parents}
    # SQLite's own files beside a database: https://www.sqlite.org/tempfiles.html
    found = [PurePosixPath(re.sub("-(journal|wal|shm)$", "", path)) for path in answer.says["written"]]
    return tuple(sorted({outermost(path, folders) for path in found if not known & {path, *path.parents}}))


def outermost(path: PurePosixPath, folders: set[PurePosixPath]) -> str:
    """Return the first folder above a file, from the top, that is none of these, with a / at the end; else the file."""
    new = (folder for folder in reversed(path.parents) if folder not in folders)
    return next((f"{folder}/" for folder in new), str(path))


def in_project(folder: str | None) -> str:
    """Return a path in the project, from its folder; "" for another, and for that folder itself."""
    path = PurePosixPath(folder or "/")
    return str(path.relative_to(APP)) if APP in path.parents else ""
