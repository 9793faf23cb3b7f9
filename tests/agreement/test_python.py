"""The Python versions: the box's, the oldest, and those that the tests run on."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from djk8s import dockerfile
from djk8s.host import venv
from djk8s.project import Project
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


def test_version_of_the_box_is_read(agree: Agree, text: Text, defaults: Project) -> None:
    here = dockerfile.python_version(defaults)
    agree(here == box(text), f"Dockerfile has ARG PYTHON_VERSION={box(text)}, and djk8s/dockerfile.py reads {here!r}.")


def test_every_stage_is_of_the_version(agree: Agree, text: Text) -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?", text("Dockerfile"), re.MULTILINE)
    names = {name for _, name in stages}
    assert len(stages) >= 2
    agree(
        {base for base, _ in stages} - names == {"python:${PYTHON_VERSION}-slim"},
        f"Dockerfile builds from {stages}, not all from ARG PYTHON_VERSION, which tasks.py shows.",
    )


def test_tests_run_on_the_python_of_the_box(agree: Agree, text: Text) -> None:
    pythons = constant(text("noxfile.py"), "PYTHONS")
    agree(box(text) in pythons, f"Dockerfile has Python {box(text)}, and noxfile.py tests on {', '.join(pythons)}.")


def test_tests_begin_with_the_oldest_and_miss_none(agree: Agree, text: Text) -> None:
    pythons = constant(text("noxfile.py"), "PYTHONS")
    agree(
        pythons[0] == oldest(text),
        f"pyproject.toml requires Python {oldest(text)}, and noxfile.py tests on {pythons[0]} first.",
    )
    minors = [int(version.split(".")[1]) for version in pythons]
    agree(
        minors == list(range(minors[0], minors[-1] + 1)),
        f"noxfile.py leaves out a Python between {pythons[0]} and {pythons[-1]}, which pyproject.toml allows.",
    )


OLDEST = [
    ("inv", r"^OLDEST = \((\d+), (\d+)\)$"),
    ("djk8s/host/venv.py", r"^OLDEST = \((\d+), (\d+)\)$"),
    ("djk8s/host/venv.py", r"Django asks for (\d+)\.(\d+) or newer"),
    ("inv", r"the project needs (\d+)\.(\d+) or newer"),
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


def test_oldest_that_the_steps_refuse_is_that(agree: Agree, text: Text) -> None:
    here = ".".join(map(str, venv.OLDEST))
    agree(
        here == oldest(text),
        f"pyproject.toml requires Python {oldest(text)}, and djk8s/host/venv.py refuses before {here}.",
    )


def test_workflow_names_every_python(agree: Agree, text: Text) -> None:
    said = " ".join(scalars(yaml.safe_load(text(".github/workflows/ci.yml"))))
    missing = [
        version
        for version in constant(text("noxfile.py"), "PYTHONS")
        if not re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", said)
    ]
    agree(
        not missing, f"noxfile.py tests on Python {', '.join(missing)}, which .github/workflows/ci.yml does not name."
    )


POSIX_ALONE = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "gunicorn"}


def test_tests_for_windows_import_nothing_that_it_does_not_have(agree: Agree, text: Text) -> None:
    left_out = {ROOT / "tests" / name for name in constant(text("tests/conftest.py"), "NEEDS_POSIX")}
    gone = sorted(path.name for path in left_out if not list(path.parent.glob(path.name)))
    agree(not gone, f"tests/conftest.py leaves out {', '.join(gone)}, which tests/ does not have.")
    for path in [*(ROOT / "tests/djk8s").rglob("test_*.py"), *(ROOT / "tests/site").glob("test_*.py")]:
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
