"""The shape of the package: the places stand side by side, and importing it does nothing."""

import ast
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from djk8s.shell.command import Command
from support import ROOT

PACKAGE = ROOT / "djk8s"
PLACES = {"host", "container", "compose"}
SMOKE = PACKAGE / "smoke"  # tests for any site, which are no part of the package for Python
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if SMOKE not in path.parents)


def imported(source: str) -> set[str]:
    """Return the modules that a file imports, at its top or in a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_no_place_imports_another() -> None:
    for place in PLACES:
        modules = list((PACKAGE / place).glob("*.py"))
        assert len(modules) >= 3
        for module in modules:
            names = {tuple(name.split(".")[:2]) for name in imported(module.read_text(encoding="utf-8"))}
            assert names.isdisjoint(("djk8s", other) for other in PLACES - {place}), module


def test_only_the_entry_point_knows_where_it_is() -> None:
    knowing = [path for path in MODULES if "__file__" in path.read_text(encoding="utf-8")]
    assert knowing == [PACKAGE / "__main__.py"]


def test_invokes_context_goes_no_further_than_the_project() -> None:
    users = [
        path for path in MODULES if {"invoke.Context", "invoke.context.Context"} & imported(path.read_text("utf-8"))
    ]
    assert users == [PACKAGE / "project.py"]


def test_command_stays_small() -> None:
    assert len(fields(Command)) <= 6


# Prints what an import does: a file that it opens or a folder that it lists, besides those of Python and its packages,
# and a process or a connection.
IMPORTS = """
import importlib, os, sys
sys.path[:0] = [{root!r}]
ALLOWED = tuple(map(os.path.realpath, [{package!r}, sys.prefix, sys.base_prefix]))
NEVER = {{"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "socket.connect"}}

def watch(event, words):
    read = event in {{"open", "os.listdir", "os.scandir"}} and isinstance(words[0], str)
    if event in NEVER or read and not os.path.realpath(words[0]).startswith(ALLOWED):
        print(event, words)

sys.addaudithook(watch)
for name in {names!r}:
    importlib.import_module(name)
"""


def test_importing_every_module_reads_nothing_and_starts_nothing(tmp_path: Path) -> None:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in MODULES if path.stem[0] != "_"]
    assert len(names) > 20
    code = IMPORTS.format(root=str(ROOT), package=str(PACKAGE), names=names)
    words = [sys.executable, "-I", "-B", "-c", code]
    said = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    # Python looks for the package in the folder, and opens none of its files.
    assert [line for line in said.splitlines() if line != f"os.listdir ({str(ROOT)!r},)"] == []
