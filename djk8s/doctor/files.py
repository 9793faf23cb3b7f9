"""Files of the checkout: the entrypoint as Linux needs it, and owners that are in nobody's way."""

import os
from collections.abc import Iterator
from pathlib import Path

from djk8s import dockerfile
from djk8s.doctor.finding import Finding, fine, note, wrong
from djk8s.project import Project
from djk8s.shell import processes

OF_TOOLS = {".git", ".nox", ".tools"}  # thousands of files that no step of the list writes to


def entrypoint(project: Project) -> Finding:
    """Check its line ends and its run bit, which matter where the folder is mounted; the image mends both."""
    path = dockerfile.entrypoint(project)
    name = project.shown(path)
    if b"\r\n" in path.read_bytes():
        return note(f"{name} has the line ends of Windows: `rm {name} && git checkout {name}`.")
    if not processes.WINDOWS and not os.access(path, os.X_OK):
        return note(f"{name} has no run bit: `chmod +x {name}` gives it one.")
    return fine(f"{name} has the line ends of Linux, and the run bit.")


def owners(project: Project) -> Finding:
    """Check that the steps may write what they have to, and that root owns nothing, as after a container as root."""
    root = project.root
    written = [root, project.venv, project.env_file, root / "data", root / "staticfiles"]
    closed = [path for path in written if path.exists() and not os.access(path, os.W_OK)]
    if closed:
        names = " ".join(project.shown(path) for path in closed)
        return wrong(f"You may not write to {names}: `sudo chown -R $(id -u) {names}`, or work in a copy.")
    if processes.WINDOWS or os.getuid() == 0:
        return fine("Nothing here is out of your reach.")
    roots = sorted({path.relative_to(root).parts[0] for path in files(root) if belongs_to_root(path)})
    if roots:
        names = " ".join(roots)
        return note(f"Some files in {names} belong to root: `sudo chown -R $(id -u) {names}`.")
    return fine("Nothing here belongs to root.")


def belongs_to_root(path: Path) -> bool:
    return path.lstat().st_uid == 0


def files(folder: Path) -> Iterator[Path]:
    """Yield everything in a folder, except what tools keep there."""
    for place, folders, names in os.walk(folder):
        yield from (Path(place, name) for name in [*folders, *names])
        folders[:] = [name for name in folders if name not in OF_TOOLS]
