"""The site's own code: its files, and the plain reasons for which it cannot be loaded."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from djk8s.packages import locking
from djk8s.project import Project

MEND = "mend it, then type this again."


def fault(project: Project, otherwise: str) -> str:
    """Return what is wrong with the code or its packages, as far as a look at the files tells, or else `otherwise`."""
    return next(not_python(project), "") or locking.stale_hint(project) or otherwise


def not_python(project: Project) -> Iterator[str]:
    """Yield a sentence for each file of the site that is not Python; one that nothing could import is left alone."""
    for path in files(project):
        if path.parent == project.src or (path.parent / "__init__.py").is_file():
            try:
                ast.parse(path.read_bytes())
            except SyntaxError as error:
                yield f"{project.shown(path)} is not Python ({error.msg}, line {error.lineno}): {MEND}"
            except ValueError as error:  # for a zero byte, or another encoding
                yield f"{project.shown(path)} is not Python ({error}): {MEND}"


def files(project: Project) -> list[Path]:
    """Return the files of Python below the folder of manage.py, but for those of environments and tools in it."""
    found: list[Path] = []
    for folder, folders, names in os.walk(project.src):
        inside = [Path(folder) / name for name in folders]
        folders[:] = [one.name for one in inside if one.name[0] != "." and not is_of_others(one)]
        found += [Path(folder) / name for name in names if name.endswith(".py")]
    return sorted(found)


def is_of_others(folder: Path) -> bool:
    return folder.name in {"node_modules", "__pycache__"} or (folder / "pyvenv.cfg").is_file()
