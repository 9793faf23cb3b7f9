"""Each made project is one that runs without us: its packages install, and its migrations apply.

For whoever changes shapes.py, and in no session: `uv run --group adopt pytest tests/adopt/test_shapes.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from adopt.shapes import SHAPES, git, make
from djk8s.facts import parsed
from support import ROOT

UV = ROOT / ".tools" / "bin" / "uv"


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if shape.installs])
def test_made_project_migrates_by_itself(name: str, tmp_path: Path) -> None:
    folder, venv = tmp_path / name, tmp_path / "venv"
    shape = make(name, folder)
    run(UV, "venv", "--quiet", "--python", ">=3.12", venv, at=folder)  # what Django 6 needs
    run(UV, "pip", "install", "--quiet", "--python", venv, *asked_for(folder), at=folder)
    (manage,) = [file for file in sorted(folder.rglob("manage.py")) if "{{" not in str(file)]
    database = [] if shape.database else ["migrate"]  # which would need a server
    for command in ("check", "makemigrations --check --dry-run", *database):
        run(venv / "bin/python", manage, *command.split(), at=manage.parent, **shape.alone)


def asked_for(folder: Path) -> list[str]:
    """Return what `uv pip install` needs for the packages of a project, with those of its development."""
    for file in folder.glob("*.lock"):
        text = file.read_text(encoding="utf-8")
        if file.name == "Pipfile.lock":
            pipenv = json.loads(text)
            return [name + one["version"] for name, one in {**pipenv["default"], **pipenv["develop"]}.items()]
        packages = parsed(text)["package"]
        return [f"{one['name']}=={one['version']}" for one in packages if "virtual" not in one.get("source", {})]
    found = next(folder.glob("**/requirements.txt"), folder / "requirements/prod.txt")
    return ["--requirements", str(found if found.is_file() else folder / "pyproject.toml")]


def run(*words: str | Path, at: Path, **variables: str) -> None:
    """Run a command that has to succeed, without variables of this session."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "SECRET", "PYTHON"))}
    done = subprocess.run(words, cwd=at, env={**kept, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SHAPES)
def test_made_project_is_committed_whole(name: str, tmp_path: Path) -> None:
    shape = make(name, tmp_path)
    assert set(git(tmp_path, "ls-files", "-z").rstrip("\0").split("\0")) == set(shape.files())
    assert git(tmp_path, "status", "--porcelain") == ""
    shutil.rmtree(tmp_path)
