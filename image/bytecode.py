"""Compile for the image: the Python files of folders, and what they ask of the standard library.

    python3 bytecode.py --into DIR --cache DIR FOLDER[:PLACE]…

Bytecode goes under one folder, where PYTHONPYCACHEPREFIX finds it. It is marked `unchecked-hash`, so that no change
of a file's time, as layers and registries make, can invalidate it: https://docs.python.org/3/library/py_compile.html.
The official images carry no bytecode of the standard library, and a container that may not write would compile it at
every start. `--cache` names a folder that outlives a build: what was compiled from the same text is taken from there.
A PLACE is where the image has a folder that is read elsewhere, while it is being copied there. With
PYTHONNODEBUGRANGES tracebacks say the line but not the column: https://docs.python.org/3/using/cmdline.html#cmdoption-X.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib.util
import os
import py_compile
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import NamedTuple

STDLIB = Path(sysconfig.get_path("stdlib"))
# Asked for only while one develops; what stands in for C code that is there; and what is for other systems.
NOT_SERVING = {"_pydatetime", "_pydecimal", "_pyio", "_pyrepl", "code", "curses", "doctest", "ensurepip", "idlelib"}
NOT_SERVING |= {"pdb", "plistlib", "pydoc", "pydoc_data", "rlcompleter", "test", "tkinter", "turtle", "unittest"}
NOT_SERVING |= {"venv", "webbrowser", "_aix_support", "_android_support", "_apple_support", "_ios_support"}
NOT_SERVING |= {"_osx_support", "asyncio.proactor_events", "asyncio.windows_events", "asyncio.windows_utils"}
NOT_SERVING |= {"ctypes._aix", "encodings.mbcs", "multiprocessing.popen_spawn_win32", "nturl2path"}
# Seldom asked for, and then compiled at each start: what needs libraries of C that this image lacks (who adds them to
# the Dockerfile takes the line out here), and what tests need.
NOT_SERVING_FOLDERS = ("/django/contrib/gis", "/django/test")
# What is asked for without an import that names it.
ALWAYS = {f"encodings.{name}" for name in ("ascii", "idna", "latin_1", "unicode_escape", "utf_8")} | {"runpy", "site"}
ALWAYS |= {path.stem for path in STDLIB.glob("_sysconfigdata*.py")}
# What bytecode is made of, beside its source: Python, this script, and whether columns are in it.
MADE_WITH = importlib.util.MAGIC_NUMBER, Path(__file__).read_bytes(), os.environb.get(b"PYTHONNODEBUGRANGES", b"")
FEW = 100  # files; below that, starting other processes takes longer than the work
IMPORT = re.compile(r"\n[ \t]*(?:from +([\w.]+) +import +([^\n#;]*)|import +([^\n#;]+))")


class Source(NamedTuple):
    """A Python file: where it is read, and where the image has it."""

    path: str
    place: str


def main() -> None:
    """Compile what the command line names; ends in exit code 1 when a file is not Python."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER[:PLACE]")
    parser.add_argument("--into", required=True)
    parser.add_argument("--cache", required=True)
    words = parser.parse_args()
    own: list[Source] = []
    for word in words.folders:
        folder, _, place = word.partition(":")
        if not Path(folder).is_dir():
            parser.error(f"there is no folder {folder}")
        own += sources(folder, str(Path(place or folder).absolute()))
    library = [
        path for path in stdlib_of(source.path for source in own) if not Path(compiled(path, words.into)).exists()
    ]
    found = own + [Source(path, path) for path in library]
    missing = [source for source in found if not fetch(source, words.into, words.cache)]
    sys.exit(0 if all(compile_all(missing, words.into, words.cache)) else 1)


def sources(folder: str, place: str) -> list[Source]:
    """Return the Python files of a folder that serve, and the place that the image will have them in."""
    found = []
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not f"{here}/{name}".endswith(NOT_SERVING_FOLDERS)]
        there = place + here[len(folder) :]
        found += [Source(f"{here}/{name}", f"{there}/{name}") for name in names if name.endswith(".py")]
    return sorted(found)


@functools.cache
def text(path: str) -> bytes:
    """Return what is in a file; asked for twice, for what it imports and for its name in the cache."""
    return Path(path).read_bytes()


@functools.cache
def made(folder: str) -> None:
    """Make a folder, once."""
    Path(folder).mkdir(parents=True, exist_ok=True)


def fetch(source: Source, into: str, cache: str) -> bool:
    """Take the bytecode of a file from the cache, and return whether it was there."""
    target = compiled(source.place, into)
    made(target.rpartition("/")[0])
    try:
        shutil.copyfile(f"{cache}/{key(source)}", target)
    except FileNotFoundError:
        return False
    return True


def compile_all(found: list[Source], into: str, cache: str) -> list[bool]:
    """Compile files, many of them on all processors, and return of each whether that worked."""
    one = partial(compile_one, into=into, cache=cache)
    if len(found) < FEW:
        return [one(source) for source in found]
    from concurrent.futures import ProcessPoolExecutor  # itself not compiled yet: not for a few files

    with ProcessPoolExecutor() as pool:
        return list(pool.map(one, found, chunksize=16))


def compile_one(source: Source, into: str, cache: str) -> bool:
    """Compile a file for here and for the cache, and return whether that worked."""
    target = compiled(source.place, into)
    how = PycInvalidationMode.UNCHECKED_HASH
    try:
        py_compile.compile(source.path, target, dfile=source.place, doraise=True, invalidation_mode=how)
    except py_compile.PyCompileError as error:
        print(f"{source.place} is not Python: {error.msg.strip()}", file=sys.stderr)
        return False
    keep(Path(target), Path(cache, key(source)))
    return True


def key(source: Source) -> str:
    """Return a name for what bytecode is made of: the path that tracebacks show, the text, and what makes it."""
    return hashlib.sha256(b"\0".join([*MADE_WITH, os.fsencode(source.place), text(source.path)])).hexdigest()


def keep(target: Path, kept: Path) -> None:
    """Copy a file into the cache, whole or not at all: other builds read it meanwhile."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    # By chance: processes of two containers may have one number.
    part = kept.with_name(f"{kept.name}.{os.urandom(8).hex()}")
    shutil.copyfile(target, part)
    part.replace(kept)


def compiled(path: str, prefix: str) -> str:
    """Return where the bytecode of a file is under a prefix."""
    return f"{prefix}{path.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc"


def stdlib_of(paths: Iterable[str]) -> list[str]:
    """Return the files of the standard library that these import, directly or not, wherever in their text."""
    found: dict[str, str] = {}
    asked: set[str] = set()
    wanted = set(ALWAYS).union(*(imports(path, package="") for path in paths))
    while wanted := wanted - asked:
        asked |= wanted
        new = {module: (package, path) for name in wanted for package, module, path in files(name)}
        wanted = set().union(*(imports(path, package) for package, path in new.values()))
        found |= {module: path for module, (_, path) in new.items()}
    return sorted(found.values())


def files(name: str) -> Iterator[tuple[str, str, str]]:
    """Yield (package, module, file) for a dotted name and for each package above it."""
    parts = name.split(".")
    if parts[0] not in sys.stdlib_module_names | ALWAYS:
        return
    for length in range(1, len(parts) + 1):
        module = ".".join(parts[:length])
        if module in NOT_SERVING:
            return
        path = STDLIB.joinpath(*parts[:length])
        if (path / "__init__.py").is_file():
            yield module, module, str(path / "__init__.py")
        elif path.with_name(f"{path.name}.py").is_file():
            yield module.rpartition(".")[0], module, f"{path}.py"


def imports(path: str, package: str) -> set[str]:
    """Return the dotted names that a file imports; a relative one only if its `package` is given."""
    names: set[str] = set()
    for source, members, modules in set(IMPORT.findall("\n" + text(path).decode(errors="replace"))):
        if modules:
            names.update(first_word(module) for module in modules.split(","))
        elif base := absolute(source, package):
            names.update({base}, (f"{base}.{first_word(member)}" for member in members.split(",")))
    return names


def first_word(text: str) -> str:
    """Return the name in `name as other`, or in the first line of a list in parentheses."""
    return (text.strip(" \t()\\").split() or [""])[0]


def absolute(source: str, package: str) -> str:
    """Return the absolute name of what follows `from`; nothing for a relative one without a package."""
    levels = len(source) - len(source.lstrip("."))
    if not levels:
        return source
    above = package.split(".")[: len(package.split(".")) - levels + 1]
    return ".".join([*above, source.lstrip(".")]).strip(".") if package else ""


if __name__ == "__main__":
    main()
