"""Fixtures for the tests of djk8s and tasks.py: `inv` typed in this process, and an engine that only takes notes."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tasks
from djk8s.cli.program import Inv
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from projects_here import configured
from support import ROOT

Typed = subprocess.CompletedProcess[str]
Calls = Callable[..., list[dict[str, Any]]]

# Notes each call, as one line of JSON, and answers what the test wants said, by the words it begins with; a failure
# says it on standard error. Where the test wants nothing else, `compose config` has what the lines without quotes say.
NOTING = """
import json, os, sys
call = {"argv": sys.argv[3:], "env": dict(os.environ), "cwd": os.getcwd()}
with open(sys.argv[1], "a") as notes:
    notes.write(json.dumps(call) + "\\n")

def composed():
    with open(os.environ.get("UP_ENV_FILE", ".env")) as file:
        pairs = [line.rstrip("\\n").split("=", 1) for line in file if "=" in line and line[0] != "#"]
    return json.dumps({"services": {"web": {"environment": dict(pairs)}}}), 0

answers = json.loads(sys.argv[2])
words = " ".join(sys.argv[3:])
if words.startswith("compose --project-name "):
    words = " ".join(["compose", *sys.argv[6:]])
begin = max((begin for begin in answers if words.startswith(begin)), key=len, default=None)
if words.startswith("compose config") and begin != "compose config":
    said, code = composed()
else:
    said, code = answers.get(begin, ("", 0))
print(said, end="", file=sys.stderr if code else sys.stdout)
sys.exit(code)
"""


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Project) -> pytest.MonkeyPatch:
    """A shell in the project's folder with a venv and .env of its own, and none of the developer's settings."""
    settings = EnvFile(project).settings
    for name in os.environ:
        if name.startswith("INVOKE_") or name in settings:
            monkeypatch.delenv(name)
    home = tmp_path / "home"  # no ~/.invoke.yaml either
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("INVOKE_VENV", str(tmp_path / "venv"))
    monkeypatch.setenv("INVOKE_ENV_FILE", str(tmp_path / ".env"))
    monkeypatch.chdir(ROOT)
    return monkeypatch


@pytest.fixture
def settings_folder() -> Path:
    """The folder of invoke.yaml."""
    return tasks.ROOT


@pytest.fixture
def inv(shell: pytest.MonkeyPatch, settings_folder: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Typed]:
    """Type an `inv` command, as Invoke itself takes it; what it raises besides an exit is a traceback."""

    def type_in(*words: str, **environment: str) -> Typed:
        for name, value in environment.items():
            shell.setenv(name, value)
        shell.setattr(sys, "argv", ["pytest", *words])
        capfd.readouterr()
        code: Any = 0
        try:
            Inv(tasks.ns, settings_folder).run(["inv", *words])
        except SystemExit as end:
            code = end.code
        said = capfd.readouterr()
        return subprocess.CompletedProcess(words, code, said.out, said.err)

    return type_in


def write_program(path: Path, text: str) -> Path:
    """Write a shell script that can be called."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a shell script of this name, in a folder of the test."""
    return lambda name, text: write_program(tmp_path / name, text)


@pytest.fixture
def noting(tmp_path: Path) -> Callable[..., tuple[Path, Calls]]:
    """Make a program that only notes how it is called; `answers` has (what it says, exit code) by its first words.

    The words of Compose are those without the project's name.
    Returns its path, and what tells the calls that began with certain words.
    """

    def make(name: str, **answers: tuple[str, int]) -> tuple[Path, Calls]:
        script, notes = tmp_path / f"{name}.py", tmp_path / f"{name}.notes"
        script.write_text(NOTING)
        by_words = {words.replace("_", " "): answer for words, answer in answers.items()}
        command = [sys.executable, "-I", "-S", str(script), str(notes), json.dumps(by_words)]
        # Whether it answers is asked before everything, so that is answered quickly, without a note.
        asked = '[ "$1" = version ] && echo 26.1.5 && exit'
        path = write_program(tmp_path / name, f'{asked}\nexec {" ".join(map(quoted, command))} "$@"')
        return path, lambda *begin: [call for call in noted(notes) if call["argv"][: len(begin)] == list(begin)]

    return make


def noted(notes: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []


def quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


@pytest.fixture
def engine(noting: Callable[..., tuple[Path, Calls]], shell: pytest.MonkeyPatch) -> Calls:
    """An engine that answers, has every image and runs no container; returns what tells its calls."""
    path, calls = noting("docker", image_inspect=("sha256:0", 0))
    shell.setenv("INVOKE_ENGINE", str(path))
    return calls


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with all of its own in the test's folder."""
    return replace(configured(), venv=tmp_path / "venv", env_file=tmp_path / ".env")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project as it is checked out, in a folder whose name a shell would take apart."""
    copy = tmp_path / "a $HOME 'copy' ü"
    leave_out = shutil.ignore_patterns("__pycache__")
    for folder in ("compose", "djk8s", "src", "serving", "kubernetes"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=leave_out)
    for pattern in ("inv", "*.py", "requirements*", "Dockerfile", ".dockerignore", "*.sh", "*.yaml", ".env.example"):
        for file in ROOT.glob(pattern):
            shutil.copy(file, copy)
    return copy


@pytest.fixture
def same_python(checkout: Path) -> None:
    """Let the image of that copy have the Python that runs the tests."""
    dockerfile, ours = checkout / "Dockerfile", ".".join(map(str, sys.version_info[:2]))
    dockerfile.write_text(re.sub("ARG PYTHON_VERSION=.*", f"ARG PYTHON_VERSION={ours}", dockerfile.read_text()))


@pytest.fixture
def elsewhere(checkout: Path, shell: pytest.MonkeyPatch) -> Callable[..., Typed]:
    """Type an `inv` command in that copy, with its own defaults, and let Python write nothing there."""
    shell.delenv("INVOKE_VENV")
    shell.delenv("INVOKE_ENV_FILE")

    def type_in(*words: str, cwd: Path = checkout, **environment: str) -> Typed:
        command = [sys.executable, "-I", "-B", str(checkout / "djk8s" / "__main__.py"), str(checkout), *words]
        surroundings = {**os.environ, **environment}
        return subprocess.run(
            command, cwd=cwd, env=surroundings, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )

    return type_in
