"""The Python versions: the box's, the oldest, and those that the tests run on."""

import ast
import re

import pytest

from djk8s import dockerfile
from djk8s.project import Project
from support import ROOT


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


NOXFILE = ast.parse(text("noxfile.py")).body
WORKFLOW = re.sub(r"#.*|name:.*", "", text(".github/workflows/ci.yml"))
(BOX,) = re.findall(r"^ARG PYTHON_VERSION=(\d+\.\d+)$", text("Dockerfile"), re.MULTILINE)
(OLDEST,) = re.findall(r'^requires-python = ">=(\d+\.\d+)"$', text("pyproject.toml"), re.MULTILINE)
(NEWEST,) = re.findall(r'max_version="3\.(\d+)"', text("noxfile.py"))
PYTHONS = [f"3.{minor}" for minor in range(int(OLDEST.removeprefix("3.")), int(NEWEST) + 1)]


def test_version_of_the_box_is_read(defaults: Project) -> None:
    assert dockerfile.python_version(defaults) == BOX


def test_every_stage_is_of_that_version() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?", text("Dockerfile"), re.MULTILINE)
    assert {base for base, _ in stages} - {name for _, name in stages} == {"python:${PYTHON_VERSION}-slim"}


def test_page_shows_the_python_of_the_box(defaults: Project) -> None:
    instructions = pytest.importorskip("myproj.instructions")
    assert instructions.STEPS[0].container == f"FROM {dockerfile.base_image(defaults)}"


def test_tests_run_on_the_box_python() -> None:
    assert BOX in PYTHONS


SAYS_THE_OLDEST = [
    ("inv", r"^OLDEST = \((\d+), (\d+)\)$"),
    ("inv", r"the project needs (\d+)\.(\d+) or newer"),
    ("pyproject.toml", r'^target-version = "py(\d)(\d+)"$'),
    ("pyproject.toml", r'^python_version = "(\d+)\.(\d+)"$'),
]


@pytest.mark.parametrize(("file", "pattern"), SAYS_THE_OLDEST)
def test_oldest_python_is_the_same_in(file: str, pattern: str) -> None:
    found = {".".join(numbers) for numbers in re.findall(pattern, text(file), re.MULTILINE)}
    assert found == {OLDEST}


@pytest.mark.parametrize("version", PYTHONS)
def test_workflow_tests_on(version: str) -> None:
    assert re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", WORKFLOW)


def test_workflow_runs_every_session_of_a_bare_nox() -> None:
    functions = [node for node in NOXFILE if isinstance(node, ast.FunctionDef)]
    decorators = {node.name: " ".join(map(ast.unparse, node.decorator_list)) for node in functions}
    ours = {name for name, said in decorators.items() if said.startswith("nox.session") and "default=False" not in said}
    assert {"lint", "tests", "local_smoke"} <= ours
    assert {name for name in ours if not re.search(rf"(?<!\w){name}(?!\w)", WORKFLOW)} == set()


def test_workflow_names_each_action_by_its_commit() -> None:
    """A tag can be moved."""
    used = re.findall(r"uses: \S+@(\S+)", WORKFLOW)
    assert used
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for commit in used)
