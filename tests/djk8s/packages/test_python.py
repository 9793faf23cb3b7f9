"""Which Python a project is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from invoke import Exit

from djk8s.adopt.found import Found
from djk8s.packages.python import allows, version

PROJECT = '[project]\nname = "shop"\nrequires-python = "{}"\n'
POETRY = '[tool.poetry.dependencies]\npython = "{}"\n'
# The files of a project, its Python, and where that was read.
CASES: dict[str, tuple[dict[str, str], str, str]] = {
    "nothing says it": ({}, "3.13", "by default"),
    ".python-version": ({".python-version": "3.12.4\n"}, "3.12", ".python-version"),
    "the name of an environment": ({".python-version": "shop-env\n"}, "3.13", "by default"),
    ".python-version wins": (
        {".python-version": "3.11\n", "pyproject.toml": PROJECT.format(">=3.12")},
        "3.11",
        ".python-version",
    ),
    "the usual one where it is allowed": ({"pyproject.toml": PROJECT.format(">=3.10")}, "3.13", "pyproject.toml"),
    "the newest that is allowed": ({"pyproject.toml": PROJECT.format(">=3.9,<3.12")}, "3.11", "pyproject.toml"),
    "newer than usual": ({"pyproject.toml": PROJECT.format(">=3.14")}, "3.14", "pyproject.toml"),
    "a patch release": ({"pyproject.toml": PROJECT.format(">=3.13.2")}, "3.13", "pyproject.toml"),
    "poetry's caret": ({"pyproject.toml": POETRY.format("^3.11")}, "3.13", "pyproject.toml"),
    "poetry's tilde": ({"pyproject.toml": POETRY.format("~3.12")}, "3.12", "pyproject.toml"),
    "poetry's exact one": ({"pyproject.toml": POETRY.format("3.11.*")}, "3.11", "pyproject.toml"),
    "pyproject.toml for tools alone": ({"pyproject.toml": "[tool.ruff]\n"}, "3.13", "by default"),
    "Pipfile": ({"Pipfile": '[requires]\npython_version = "3.11"\n'}, "3.11", "Pipfile"),
    "FROM": ({"Dockerfile": "FROM python:3.12-slim AS build\n"}, "3.12", "Dockerfile"),
    "FROM with an ARG": ({"Dockerfile": "ARG V=3.11\nFROM docker.io/python:${V}-slim\n"}, "3.11", "Dockerfile"),
    "FROM of uv": ({"Dockerfile": "FROM ghcr.io/astral-sh/uv:python3.12-bookworm\n"}, "3.12", "Dockerfile"),
    "FROM in a folder": (
        {"compose/local/Dockerfile": "FROM python:3.11\n", "compose/production/Dockerfile": "FROM python:3.12\n"},
        "3.12",
        "compose/production/Dockerfile",
    ),
    "FROM of something else": ({"Dockerfile": "FROM node:22\nFROM postgres:17\n"}, "3.13", "by default"),
    "runtime.txt": ({"runtime.txt": "python-3.12.1\n"}, "3.12", "runtime.txt"),
    ".tool-versions": ({".tool-versions": "nodejs 22.1\npython 3.12.1\n"}, "3.12", ".tool-versions"),
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(("files", "wanted", "where"), CASES.values(), ids=CASES)
def test_version(tmp_path: Path, files: dict[str, str], wanted: str, where: str) -> None:
    write(tmp_path, files)
    assert version(tmp_path, None) == Found(wanted, where)


def test_the_flag_wins(tmp_path: Path) -> None:
    write(tmp_path, {".python-version": "3.11\n"})
    assert version(tmp_path, "3.12.1") == Found("3.12", "--python")


REFUSED = {
    ".python-version": "2.7.18\n",
    "runtime.txt": "python-3.7.2\n",
    "pyproject.toml": PROJECT.format("<3.9"),
    "Dockerfile": "FROM python:3.6\n",
}


@pytest.mark.parametrize(("name", "text"), REFUSED.items())
def test_a_python_that_the_box_has_not_is_refused(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {name: text})
    with pytest.raises(Exit, match=rf"{name} asks for Python .*there is 3\.9 to 3\.14: .*--python"):
        version(tmp_path, None)


@pytest.mark.parametrize("given", ["2.7", "3.1", "three", "3.130"])
def test_a_flag_that_names_no_such_python_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(Exit, match="--python asks for Python"):
        version(tmp_path, given)


def test_allows() -> None:
    assert allows("", "3.9")
    assert allows("^3.8 || ^4.0", "3.13")
    assert not allows("~3.12", "3.13")
    assert allows("nonsense", "3.13")
