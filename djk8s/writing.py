"""Write files into a project: all of them or none, and over none that is there already."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace as with_values
from pathlib import Path

from djk8s import facts, files, git, wheel
from djk8s.compose.stack import COMPOSE_FILES
from djk8s.facts import Facts
from djk8s.shell.talk import refuse

Contents = Mapping[str, "str | bytes | None"]  # of files by their paths, with `/` between the parts; None removes one

# Where one of these is there already, ours has this name.
BESIDE = {
    "Dockerfile": "Dockerfile.djk8s",
    "docker-compose.yaml": "docker-compose.djk8s.yaml",
    "entrypoint.sh": "entrypoint.djk8s.sh",
    "requirements.txt": "requirements.djk8s.txt",
    ".env.example": ".env.djk8s.example",
}
IGNORED = "# What ./inv makes on this machine."
GITIGNORE, TOOLS = ".gitignore", "requirements-tools.txt"


def beside(root: Path, project: Facts, replace: Collection[str] = ()) -> Facts:
    """Return the facts with another name for each of our files that a file of the project's own has already.

    Raises `Exit` if one of the others is there, unless it is in `replace`.
    """
    there = {path for path in BESIDE if exists(root, path) and path not in replace}
    if any(exists(root, name) for name in COMPOSE_FILES) and "docker-compose.yaml" not in replace:
        there.add("docker-compose.yaml")  # `docker compose` takes one by itself, and it stays the one that it takes
    names = {path: BESIDE[path] for path in BESIDE if path in there}
    dockerfile = names.get("Dockerfile", "Dockerfile")
    if ".dockerignore" not in replace and ("Dockerfile" in names or exists(root, ".dockerignore")):
        # https://docs.docker.com/build/concepts/context/#filename-and-location
        names[".dockerignore"] = f"{dockerfile}.dockerignore"
    found = with_values(project, renamed=names)
    require_free(root, [*files.rendered(found), facts.FILE], replace)
    return found


def exists(root: Path, path: str) -> bool:
    return os.path.lexists(root / path)


def require_free(root: Path, paths: Iterable[str], replace: Collection[str]) -> None:
    """Raise `Exit` if one of these files is there, unless it is in `replace`, or cannot be there."""
    taken = [path for path in paths if exists(root, path) and path not in replace]
    if taken:
        flags = " ".join(f"--replace {path}" for path in taken)
        refuse(f"{' and '.join(taken)} would be written over: move that away, or allow it with {flags}.")
    for path in paths:
        for folder in (root / path).relative_to(root).parents:
            if exists(root, str(folder)) and not (root / folder).is_dir():
                refuse(f"{folder} is a file, and {path} has to be in a folder of that name: rename yours.")


def complete(root: Path, project: Facts, own: Mapping[str, str]) -> dict[str, str | bytes]:
    """Return all that a project gets: our files, its `own` texts, what pins djk8s, and what git has to ignore."""
    kept, ours = wheel.kept(), files.rendered(project)
    texts: dict[str, str | bytes] = {**ours, **own, **kept}
    texts[TOOLS] = ours[TOOLS] + wheel.line()
    texts[facts.FILE] = facts.dumps(project, wheel.version(), keep=bool(kept))
    if added := gitignore(root, project, texts):
        texts[GITIGNORE] = added
    return texts


def gitignore(root: Path, project: Facts, written: Iterable[str] = ()) -> str:
    """Return the text of .gitignore with what it lacks at the end, or "" if it lacks nothing."""
    file = root / GITIGNORE
    there = file.read_text(encoding="utf-8", errors="surrogateescape") if file.is_file() else ""
    data = ["/data/db.sqlite3*", "/data/media/"] if project.tracked_data else ["/data/"]
    static = f"/{project.static_root}/".replace("//", "/")
    wanted = [".env", "venv/", ".tools/", ".nox/", ".djk8s", "__pycache__/", "db.sqlite3*", static, *data]
    wanted += ["node_modules/"] if project.node else []
    uploads = project.uploads.strip("/")
    if uploads and not uploads.startswith("data/") and not ignored(root, [f"{uploads}/any"]):
        wanted.append(f"/{uploads}/")
    wanted += [f"!/{path}" for path in ignored(root, written)]
    lines = {line.strip().strip("/") for line in there.splitlines()}
    missing = [line for line in wanted if line.strip("/") not in lines]
    if not missing:
        return ""
    before = f"{there.rstrip()}\n\n" if there.strip() else ""
    return before + "\n".join([IGNORED, *missing]) + "\n"


def ignored(root: Path, paths: Iterable[str]) -> list[str]:
    """Return those of the files that git would ignore as .gitignore is now."""
    said = git.at(root, "check-ignore", "--no-index", "--stdin", "-z", given="\0".join(paths)).stdout
    return said.split("\0")[:-1]


def write(root: Path, contents: Contents, replace: Collection[str] = ()) -> None:
    """Write files into a folder; raises `Exit`, and then nothing has changed.

    A file that is there is written over, or removed, only if it is in `replace`; .gitignore always.
    """
    allowed = {*replace, GITIGNORE}
    require_free(root, list(contents), allowed)
    try:
        with tempfile.TemporaryDirectory(dir=root, prefix=".djk8s-") as folder:
            put(Path(folder, "new"), contents)
            move(Path(folder, "new"), root, contents)
            for path in (path for path, content in contents.items() if content is None):
                with suppress(OSError):
                    (root / path).parent.rmdir()  # if that was its last file
    except OSError as error:
        refuse(f"{error.filename or root} cannot be written ({error.strerror}): nothing was.")


def put(folder: Path, contents: Contents) -> None:
    """Write files into a folder that nobody else uses; a script gets its run bit."""
    for path, content in contents.items():
        if content is None:
            continue
        raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)
        if raw.startswith(b"#!"):
            file.chmod(0o755)


def move(source: Path, target: Path, paths: Iterable[str]) -> None:
    """Move files to a folder, and what they replace beside `source`; if one fails, all are as they were."""
    old = source.with_name(f"{source.name}.old")
    placed: list[str] = []
    made: list[Path] = []
    try:
        for path in paths:
            for folder in reversed((target / path).relative_to(target).parents):
                if not (target / folder).is_dir():
                    (target / folder).mkdir()
                    made.append(target / folder)
            if exists(target, path):
                (old / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).replace(old / path)
            if exists(source, path):
                (source / path).replace(target / path)
                placed.append(path)
    except BaseException:
        for path in placed:
            (target / path).replace(source / path)
        for path in paths:
            if exists(old, path):
                (old / path).replace(target / path)
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        raise
