"""Compile for the image: the Python files of folders, and what they ask of the standard library.

    python3 bytecode.py --into DIR [--besides DIR] FOLDER…

Bytecode goes under one folder, where PYTHONPYCACHEPREFIX finds it. It is marked `unchecked-hash`, so that no change
of a file's time, as layers and registries make, can invalidate it: https://docs.python.org/3/library/py_compile.html.
The official images carry no bytecode of the standard library, and a container that may not write would compile it at
every start. `--besides` names such a folder that is there already; what it holds of the library is not compiled again.
"""

from __future__ import annotations

import argparse
import compileall
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from py_compile import PycInvalidationMode

STDLIB = Path(sysconfig.get_path("stdlib"))
# Asked for only while one develops; and what stands in for C code that is there.
NOT_SERVING = {"_osx_support", "_pydatetime", "_pydecimal", "_pyio", "_pyrepl", "code", "curses", "doctest"}
NOT_SERVING |= {"ensurepip", "idlelib", "pdb", "plistlib", "pydoc", "pydoc_data", "rlcompleter", "test", "tkinter"}
NOT_SERVING |= {"turtle", "unittest", "venv", "webbrowser"}
# What is asked for without an import that names it.
ALWAYS = {f"encodings.{name}" for name in ("ascii", "idna", "latin_1", "unicode_escape", "utf_8")} | {"runpy", "site"}
ALWAYS |= {path.stem for path in STDLIB.glob("_sysconfigdata*.py")}
FEW = 100  # files; below that, starting other processes takes longer than the work
IMPORT = re.compile(r"^[ \t]*(?:from +([\w.]+) +import +([^\n#;]*)|import +([^\n#;]+))", re.MULTILINE)


def main() -> None:
    """Compile what the command line names; ends in exit code 1 when a file is not Python."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--besides", type=Path)
    words = parser.parse_args()
    own = [path for folder in words.folders for path in sorted(folder.rglob("*.py"))]
    library = [path for path in stdlib_of(own) if not (words.besides and compiled(path, words.besides).exists())]
    sys.exit(0 if all(compile_all(own + library, words.into)) else 1)


def compile_all(paths: list[Path], into: Path) -> list[bool]:
    """Compile files, many of them on all processors, and return of each whether that worked."""
    if len(paths) < FEW:
        write_into(into)
        return [compile_one(path) for path in paths]
    with ProcessPoolExecutor(initializer=write_into, initargs=(into,)) as pool:
        return list(pool.map(compile_one, paths, chunksize=16))


def write_into(folder: Path) -> None:
    """Make this process put bytecode under a folder."""
    sys.pycache_prefix = str(folder)


def compile_one(path: Path) -> bool:
    """Compile a file and return whether that worked."""
    return bool(compileall.compile_file(path, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH))


def compiled(path: Path, prefix: Path) -> Path:
    """Return where the bytecode of a file is under a prefix."""
    return prefix / path.parent.relative_to("/") / f"{path.stem}.{sys.implementation.cache_tag}.pyc"


def stdlib_of(paths: Iterable[Path]) -> list[Path]:
    """Return the files of the standard library that these import, directly or not, wherever in their text."""
    found: dict[str, Path] = {}
    wanted = set(ALWAYS).union(*(imports(path, package="") for path in paths))
    while wanted:
        for package, module, path in files(wanted.pop()):
            if module not in found:
                found[module] = path
                wanted |= imports(path, package)
    return sorted(found.values())


def files(name: str) -> Iterator[tuple[str, str, Path]]:
    """Yield (package, module, file) for a dotted name and for each package above it."""
    parts = name.split(".")
    if parts[0] not in sys.stdlib_module_names | ALWAYS or parts[0] in NOT_SERVING:
        return
    for length in range(1, len(parts) + 1):
        module = ".".join(parts[:length])
        path = STDLIB.joinpath(*parts[:length])
        if (path / "__init__.py").is_file():
            yield module, module, path / "__init__.py"
        elif path.with_name(f"{path.name}.py").is_file():
            yield module.rpartition(".")[0], module, path.with_name(f"{path.name}.py")


def imports(path: Path, package: str) -> set[str]:
    """Return the dotted names that a file imports; a relative one only if its `package` is given."""
    names: set[str] = set()
    for source, members, modules in IMPORT.findall(path.read_text(encoding="utf-8", errors="replace")):
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
