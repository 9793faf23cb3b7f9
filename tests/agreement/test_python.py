"""The Python versions: the box's, the oldest, and those that the tests run on."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from steps import project
from support import ROOT

Agree = Callable[[object, str], None]
Text = Callable[[str], str]


def constant(source: str, name: str) -> Any:
    """Return what a module says a name is, without running the module."""
    found = [
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    ]
    return found[0] if found else None


def box(text: Text) -> str:
    found = re.search(r"^ARG PYTHON_VERSION=(\d+\.\d+)$", text("Dockerfile"), re.MULTILINE)
    return found[1] if found else "?"


def oldest(text: Text) -> str:
    found = re.search(r'^requires-python = ">=(\d+\.\d+)"$', text("pyproject.toml"), re.MULTILINE)
    return found[1] if found else "?"


def all_pythons(text: Text) -> list[str]:
    """Return the versions from the oldest of pyproject.toml to the newest of noxfile.py."""
    newest = re.findall(r'max_version="3\.(\d+)"', text("noxfile.py"))
    return [f"3.{minor}" for minor in range(int(oldest(text).removeprefix("3.")), int(newest[0]) + 1)]


def scalars(node: Any) -> Iterator[str]:
    """Return what a YAML file says, without the names that are only to be read."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from [] if key == "name" else scalars(value)
    elif isinstance(node, list):
        for value in node:
            yield from scalars(value)
    else:
        yield str(node)


def test_steps_read_the_version_of_the_box(agree: Agree, text: Text) -> None:
    here = project.python_version()
    agree(here == box(text), f"Dockerfile has ARG PYTHON_VERSION={box(text)}, and steps/project.py reads {here!r}.")


def test_every_stage_is_of_the_version(agree: Agree, text: Text) -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?", text("Dockerfile"), re.MULTILINE)
    names = {name for _, name in stages}
    assert len(stages) >= 2
    agree(
        {base for base, _ in stages} - names == {"python:${PYTHON_VERSION}-slim"},
        f"Dockerfile builds from {stages}, not all from ARG PYTHON_VERSION, which tasks.py shows.",
    )


def test_tests_run_on_the_python_of_the_box(agree: Agree, text: Text) -> None:
    pythons = all_pythons(text)
    agree(box(text) in pythons, f"Dockerfile has Python {box(text)}, and noxfile.py tests on {', '.join(pythons)}.")


OLDEST = [
    ("inv", r"^OLDEST = \((\d+), (\d+)\)$"),
    ("inv", r"the project needs (\d+)\.(\d+) or newer"),
    ("README.md", r"Python (\d+)\.(\d+) or newer"),
    ("pyproject.toml", r'^target-version = "py(\d)(\d+)"$'),
    ("pyproject.toml", r'^python_version = "(\d+)\.(\d+)"$'),
]


@pytest.mark.parametrize(("file", "pattern"), OLDEST, ids=[f"{file} {pattern}" for file, pattern in OLDEST])
def test_oldest_python_is_the_same_everywhere(agree: Agree, text: Text, file: str, pattern: str) -> None:
    found = [".".join(version) for version in re.findall(pattern, text(file), re.MULTILINE)]
    agree(found, f"{file} does not say the oldest Python as {pattern}, so nothing holds it to pyproject.toml.")
    agree(
        set(found) == {oldest(text)},
        f"pyproject.toml requires Python {oldest(text)}, and {file} says {', '.join(found)}.",
    )


def test_workflow_names_every_python(agree: Agree, text: Text) -> None:
    said = " ".join(scalars(yaml.safe_load(text(".github/workflows/ci.yml"))))
    missing = [
        version for version in all_pythons(text) if not re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", said)
    ]
    agree(
        not missing, f"noxfile.py tests on Python {', '.join(missing)}, which .github/workflows/ci.yml does not name."
    )


def test_workflow_tests_on_every_system(agree: Agree, text: Text) -> None:
    """The words are the README's own; Windows takes no script for a program."""
    job = yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"]["tests"]
    matrix = job["strategy"]["matrix"]
    typed = {system: inv for system in matrix["system"] for inv in matrix["inv"]}
    typed |= {more["system"]: more["inv"] for more in matrix["include"]}
    by_system = {system.split("-")[0]: inv for system, inv in typed.items()}
    agree(
        by_system == {"ubuntu": "./inv", "macos": "./inv", "windows": "python inv"},
        f".github/workflows/ci.yml types {by_system}, and README.md ./inv, on Windows python inv.",
    )
    agree(
        "`python inv`" in text("README.md"), "README.md does not name `python inv`, as .github/workflows/ci.yml does."
    )


POSIX_ALONE = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "gunicorn"}


def test_tests_for_windows_import_nothing_that_it_does_not_have(agree: Agree, text: Text) -> None:
    left_out = {ROOT / "tests" / name for name in constant(text("tests/conftest.py"), "NEEDS_POSIX")}
    gone = sorted(path.name for path in left_out if not list(path.parent.glob(path.name)))
    agree(not gone, f"tests/conftest.py leaves out {', '.join(gone)}, which tests/ does not have.")
    for path in [*(ROOT / "tests/tasks").glob("test_*.py"), *(ROOT / "tests/site").glob("test_*.py")]:
        names = set(re.findall(r"^(?:import|from) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        agree(
            path in left_out or not names & POSIX_ALONE,
            f"{path.name} imports {', '.join(names & POSIX_ALONE)}, and tests/conftest.py does not leave it out.",
        )


def sessions(source: str) -> dict[str, bool]:
    """Return the sessions of a noxfile, and whether each is run by a bare `nox` on a machine that can."""
    found = {}
    for node in ast.parse(source).body:
        calls = node.decorator_list if isinstance(node, ast.FunctionDef) else []
        for call in calls:
            if isinstance(node, ast.FunctionDef) and ast.unparse(call).startswith("nox.session"):
                options = call.keywords if isinstance(call, ast.Call) else []
                off = any(option.arg == "default" and ast.unparse(option.value) == "False" for option in options)
                found[node.name] = not off
    return found


def test_workflow_names_every_session(agree: Agree, text: Text) -> None:
    ours = sessions(text("noxfile.py"))
    assert {"lint", "tests", "local_smoke", "container_smoke", "compose_smoke"} <= set(ours)
    said = " ".join(scalars(yaml.safe_load(text(".github/workflows/ci.yml"))))
    missing = [name for name, default in ours.items() if default and not re.search(rf"(?<!\w){name}(?!\w)", said)]
    agree(
        not missing, f"noxfile.py has the sessions {', '.join(missing)}, which .github/workflows/ci.yml does not run."
    )


def test_contributing_has_every_session(agree: Agree, text: Text) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", text("CONTRIBUTING.md"), re.MULTILINE)
    ours = list(sessions(text("noxfile.py")))
    agree(rows == ours, f"noxfile.py has the sessions {', '.join(ours)}, and CONTRIBUTING.md {', '.join(rows)}.")


def test_every_session_has_its_line(agree: Agree, text: Text) -> None:
    functions = [node for node in ast.parse(text("noxfile.py")).body if isinstance(node, ast.FunctionDef)]
    ours = sessions(text("noxfile.py"))
    docs = {function.name: ast.get_docstring(function) or "" for function in functions if function.name in ours}
    silent = [name for name, doc in docs.items() if not re.match(r"[A-Z].*\.", doc.splitlines()[0] if doc else "")]
    agree(
        not silent,
        f"noxfile.py has no line for `nox --list` about {', '.join(silent)}, which CONTRIBUTING.md explains.",
    )
