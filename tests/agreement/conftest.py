"""Fixtures for the tests of agreement, whose failures are one sentence that names both files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from invoke.config import Config
from invoke.context import Context

import tasks
from djk8s.project import Project
from support import ROOT

LEFT_OUT = shutil.ignore_patterns(".*", "venv", "data", "staticfiles", "__pycache__", "docs")
DOTTED = (".env.example", ".dockerignore", ".gitattributes", ".ci", ".github")  # of what begins with a dot


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, to change."""
    folder = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    for name in DOTTED:
        source = ROOT / name
        shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy(source, folder)
    return folder


@pytest.fixture
def agree() -> Callable[[object, str], None]:
    """Fail with a sentence, and nothing else, unless something is true."""

    def judge(true: object, sentence: str) -> None:
        if not true:
            pytest.fail(sentence, pytrace=False)

    return judge


@pytest.fixture
def text() -> Callable[[str], str]:
    """Read a file of the project."""
    return lambda name: (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture
def defaults() -> Project:
    """The project as tasks.py configures it, whatever this machine says."""
    return Project.of(Context(Config(overrides=tasks.ns.configuration(), lazy=True)), tasks.ROOT)
