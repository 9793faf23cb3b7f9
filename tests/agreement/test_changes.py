"""A fact that changes in one file only makes a test fail, with a sentence that names that file and another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest


class Change(NamedTuple):
    """What somebody changes, and the other file that the sentence names."""

    file: str
    old: str
    new: str
    other: str
    found_by: str  # the module of this folder


CHANGES = [
    Change("docker-compose.yaml", "${UP_PORT:-8001}", "${UP_PORT:-8002}", "tasks.py", "test_box"),
    Change("tasks.py", '"port": "8001"', '"port": "8002"', "docker-compose.yaml", "test_box"),
    Change("tasks.py", '"port": "8000"', '"port": "9000"', "entrypoint.sh", "test_settings"),
    Change("entrypoint.sh", "PORT:-8000", "PORT:-8080", "tasks.py", "test_settings"),
    Change("Dockerfile", "EXPOSE 8000", "EXPOSE 8080", "tasks.py", "test_settings"),
    Change("Dockerfile", "PORT:-8000", "PORT:-8080", "entrypoint.sh", "test_settings"),
    Change("src/myproj/settings.py", '"PORT", 8000', '"PORT", 8080', "tasks.py", "test_settings"),
    Change("README.md", "→ http://localhost:8000\n", "→ http://localhost:1\n", "tasks.py", "test_settings"),
    Change("docker-compose.yaml", "djk8s-compose:v1", "djk8s-compose:v2", "tasks.py", "test_box"),
    Change("docker-compose.yaml", "UP_ENV_FILE:-.env", "UP_ENV_FILE:-.envs", "tasks.py", "test_box"),
    Change("Dockerfile", "PYTHON_VERSION=3.13", "PYTHON_VERSION=3.9", "noxfile.py", "test_python"),
    Change("Dockerfile", "PYTHON_VERSION=3.13", "PYTHON_VERSION=3.12", "src/myproj/instructions.py", "test_words"),
    Change("pyproject.toml", '">=3.10"', '">=3.11"', "README.md", "test_python"),
    Change("noxfile.py", 'max_version="3.14"', 'max_version="3.15"', ".github/workflows/ci.yml", "test_python"),
    Change("src/myproj/settings.py", 'flag("HTTPS")', 'flag("HTTP")', ".env.example", "test_settings"),
    Change(".env.example", "# PORT=8000", "# A port.\n# OTHER_PORT=8000", "src/", "test_settings"),
    Change(".env.example", "DEBUG=0", "DEBUG=1", "src/myproj/settings.py", "test_settings"),
    Change("src/gunicorn.conf.py", "graceful_timeout = 8", "graceful_timeout = 30", "docker-compose.yaml", "test_box"),
    Change("docker-compose.yaml", "stop_grace_period: 10s", "stop_grace_period: 9s", "steps/container.py", "test_box"),
    Change("steps/container.py", 'STOP_TIMEOUT = "10"', 'STOP_TIMEOUT = "9"', "docker-compose.yaml", "test_box"),
    Change("docker-compose.yaml", "    read_only: true\n", "", "steps/container.py", "test_box"),
    Change("steps/container.py", 'DATA = "/app/data"', 'DATA = "/data"', "docker-compose.yaml", "test_box"),
    Change("Dockerfile", '"myproj.wsgi:application"', '"myproj.asgi:application"', "steps/server.py", "test_box"),
    Change("steps/image.py", '("pip.conf", "ca.crt")', '("pip.conf",)', "Dockerfile", "test_box"),
    Change(".dockerignore", "!src\n", "!src\n!README.md\n", "Dockerfile", "test_box"),
    Change("docker-compose.yaml", "- PLACE=compose", "- PLACED=compose", "steps/envcheck.py", "test_box"),
    Change("steps/content.py", '"djk8s.content"', '"djk8s.made"', "docker-compose.yaml", "test_box"),
    Change("src/myproj/environment.py", "def words(", "def parts(", "steps/envcheck.py", "test_settings"),
    Change("README.md", "| `inv logs` |", "| `inv log` |", "tasks.py", "test_words"),
    Change("README.md", " [--no-cache]", "", "tasks.py", "test_words"),
    Change("CONTRIBUTING.md", "| `parity` |", "| `sameness` |", "noxfile.py", "test_python"),
    Change(".github/workflows/ci.yml", "compose_smoke", "other_smoke", "noxfile.py", "test_python"),
    Change(".github/workflows/ci.yml", "windows-latest", "ubuntu-latest", "README.md", "test_python"),
    Change("requirements.in", "gunicorn~=27.0", "gunicorn~=27.0\nuvicorn", "requirements.txt", "test_requirements"),
    Change(".gitattributes", "* text=auto eol=lf", "* text=auto", "entrypoint.sh", "test_line_ends"),
    Change("requirements-tools.txt", "python-dotenv==", "python-dotenv==0.", "requirements.txt", "test_requirements"),
]


@pytest.fixture
def changed(copy: Path, change: Change) -> Iterator[Path]:
    """The copy, with one file changed for a while."""
    path = copy / change.file
    text = path.read_text(encoding="utf-8")
    assert change.old in text, f"{change.file} has no {change.old!r} to change"
    path.write_text(text.replace(change.old, change.new), encoding="utf-8")
    yield copy
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("change", CHANGES, ids=[f"{change.file}: {change.old.strip()}" for change in CHANGES])
def test_change_in_one_file_is_found_and_both_are_named(changed: Path, change: Change) -> None:
    said = agreement(changed, change.found_by)
    assert said.returncode == 1, said.stdout
    assert [line for line in said.stdout.splitlines() if change.file in line and change.other in line], said.stdout


@pytest.mark.parametrize("module", sorted({change.found_by for change in CHANGES}))
def test_copy_that_nobody_changed_agrees(copy: Path, module: str) -> None:
    said = agreement(copy, module)
    assert said.returncode == 0, said.stdout


def agreement(folder: Path, module: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of one module there."""
    argv = [sys.executable, "-m", "pytest", "--quiet", "--no-header", f"tests/agreement/{module}.py"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
