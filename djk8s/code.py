"""The site's own code: its files, and the plain reasons for which it cannot be loaded."""

import ast
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from invoke import Exit

from djk8s import dockerfile
from djk8s.dotenv.file import EnvFile
from djk8s.dotenv.reads import Read, read_by
from djk8s.packages import locking
from djk8s.project import Project

MEND = "mend it, then type this again."
IN_A_BUILD = "a build has no values of .env, so give it a default, or a value in the Dockerfile"
# What an import does not run, or may pass over.
NOT_RUN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.If, ast.Try)


def fault(project: Project, otherwise: str) -> str:
    """Return what is wrong with the code or its packages, as far as a look at the files tells, or else `otherwise`."""
    return next(not_python(project), "") or locking.stale_hint(project) or otherwise


def fault_of_build(project: Project, otherwise: str) -> str:
    """Return what is wrong where a build failed, or else `otherwise`."""
    return fault(project, "") or next(lacking_in_build(project), otherwise)


def lacking_in_build(project: Project) -> Iterator[str]:
    """Yield a sentence for each variable of .env that code needs when it is imported, and that a build has not."""
    elsewhere = set[str | None]()
    with suppress(Exit):  # a file that cannot be read stops no build
        elsewhere = {line.name for line in EnvFile(project).lines} - {*dockerfile.build_variables(project)}
    for path in files(project):
        for read in read_at_import(path):
            if read.name in elsewhere:
                where = f"{project.shown(path)}, line {read.line}"
                yield f"{read.name} may be missing ({where}): {IN_A_BUILD}."


def read_at_import(path: Path) -> Iterator[Read]:
    """Yield each variable that a file takes out of `os.environ` by its name alone when it is imported."""
    with suppress(SyntaxError, ValueError):
        for whole in ast.parse(path.read_bytes()).body:
            found = ast.walk(whole) if not isinstance(whole, NOT_RUN) else ()
            yield from (read for one in found if isinstance(one, ast.Subscript) for read in read_by(one))


def not_python(project: Project) -> Iterator[str]:
    """Yield a sentence for each file of the site that is not Python; one that nothing could import is left alone."""
    wanted = tuple(map(int, re.findall(r"\d+", dockerfile.python_version(project))))
    if sys.version_info[: len(wanted)] < wanted:
        return  # the Python that runs this does not know all that the image's does
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
