"""The virtual environment: when it is made, when it is left alone, and which folders are never emptied."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from invoke.exceptions import Exit

from djk8s import dockerfile, tools
from djk8s.host import venv
from djk8s.project import Project
from djk8s.shell.command import Command
from support import ROOT

Program = Callable[[str, str], Path]
BASE = os.path.realpath(sys.executable)


def make(command: Command) -> None:
    """Do what `python -m venv --clear --without-pip` does, in no time."""
    python, folder = command.argv[0], Path(command.argv[-1])
    shutil.rmtree(folder, ignore_errors=True)
    packages_of(folder).mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(python)
    (folder / "pyvenv.cfg").write_text(f"home = {Path(python).parent}\ninclude-system-site-packages = false\n")


def packages_of(folder: Path) -> Path:
    return folder / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"


@pytest.fixture
def made(project: Project, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make environments that run, and install a file for each file of pins; returns the lines that would be run."""
    lines: list[str] = []

    def run(_: Project, command: Command, failed: object = "", unattended: bool = False) -> None:
        line = command.line(ROOT).replace(str(project.venv), "VENV")
        lines.append(line.replace(f"{command.argv[0]} -m venv", "PYTHON -m venv"))
        if "venv" in command.argv:
            make(command)
        for pins in (word for word in command.argv if isinstance(word, Path) and word.suffix == ".txt"):
            folder = Path(command.argv[command.argv.index("--python") + 1]).parent.parent
            (packages_of(folder) / f"{pins.stem.removeprefix('requirements-')}.py").touch()

    monkeypatch.setattr(tools, "run", run)
    monkeypatch.setattr(venv, "run", run)
    monkeypatch.setattr(venv, "has_its_packages", lambda found: (packages_of(found.venv) / "requirements.py").exists())
    return lines


UV = ".tools/bin/uv pip"
PINNED = "--python VENV/bin/python --require-hashes"
MAKE = ["PYTHON -m venv --clear --without-pip VENV", f"{UV} install {PINNED} -r requirements-pip.txt"]
INSTALL = [f"{UV} sync {PINNED} requirements-pip.txt requirements.txt"]


@pytest.fixture
def whole(project: Project, made: list[str]) -> Project:
    """A project whose environment was just made and installed into."""
    venv.make(project)
    venv.install(project)
    assert made == MAKE + INSTALL
    made.clear()
    return project


def test_second_time_there_is_nothing_to_do(whole: Project, made: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    venv.make(whole)
    venv.install(whole)
    assert made == []
    assert capfd.readouterr().err.count("nothing to do") == 2


def test_same_python_by_its_name_is_the_same(whole: Project, made: list[str]) -> None:
    venv.make(whole, BASE)
    assert made == []


def another_python(project: Project) -> None:
    stamp = venv.read_stamp(project)
    venv.write_stamp(project, {**stamp, "base": "/usr/bin/another"})


def without_a_stamp(project: Project) -> None:
    venv.stamp_path(project).unlink()


def with_half_a_stamp(project: Project) -> None:
    venv.stamp_path(project).write_text('{"base": ')


def with_an_older_pip(project: Project) -> None:
    stamp = venv.read_stamp(project)
    venv.write_stamp(project, {**stamp, "pip": "pip==1.0"})


def without_its_python(project: Project) -> None:
    project.program("python").unlink()
    project.program("python").symlink_to("/nowhere/bin/python3")


@pytest.mark.parametrize("change", [another_python, without_a_stamp, with_half_a_stamp, with_an_older_pip])
def test_made_anew_when(whole: Project, made: list[str], change: Callable[[Project], None]) -> None:
    change(whole)
    venv.make(whole, BASE)
    venv.install(whole)
    assert made == MAKE + INSTALL


def test_made_anew_when_its_python_is_gone(whole: Project, made: list[str]) -> None:
    without_its_python(whole)
    venv.make(whole)
    venv.install(whole)
    assert made == MAKE + INSTALL
    assert subprocess.run([whole.program("python"), "-c", ""], check=False).returncode == 0


def test_made_anew_when_its_python_does_not_run(whole: Project, made: list[str]) -> None:
    whole.program("python").unlink()
    whole.program("python").write_text("not a program")
    venv.make(whole)
    assert made == MAKE


def test_made_anew_when_its_pip_is_gone(whole: Project, made: list[str]) -> None:
    (packages_of(whole.venv) / "pip.py").unlink()
    venv.make(whole)
    assert made == MAKE


def test_made_anew_when_it_was_moved(whole: Project, made: list[str], tmp_path: Path) -> None:
    moved = replace(whole, venv=tmp_path / "moved")
    whole.venv.rename(moved.venv)
    venv.make(moved)
    assert len(made) == 2
    assert f"venv --clear --without-pip {moved.venv}" in made[0]


def test_made_anew_when_a_person_made_it_by_hand(project: Project, made: list[str]) -> None:
    subprocess.run([BASE, "-m", "venv", "--without-pip", project.venv], check=True)
    venv.make(project)
    assert made == MAKE


def test_installed_anew_when_the_pins_changed(whole: Project, made: list[str], tmp_path: Path) -> None:
    changed = tmp_path / "requirements.txt"
    changed.write_text(whole.requirements.read_text() + "# changed\n")
    newer = replace(whole, requirements=changed)
    venv.make(newer)
    venv.install(newer)
    assert len(made) == 1
    assert made[0].endswith(f"sync {PINNED} requirements-pip.txt {changed}")


def fail(_: Project, command: Command, failed: Callable[[str], str], unattended: bool) -> None:
    """Fail like uv if it reaches no index."""
    raise Exit(failed("error: Failed to fetch: `http://127.0.0.1:9/pip/`"), 2)


def test_pip_that_fails_leaves_nothing_that_looks_complete(
    project: Project, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as offline:
        offline.setattr(tools, "run", fail)
        with pytest.raises(Exit, match=r"pip could not be installed: .*PIP_INDEX_URL"):
            venv.make(project)
    made.clear()
    venv.make(project)
    assert made == MAKE


def test_install_that_fails_starts_clean(whole: Project, made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """To uv, a package that it did not finish looks installed, so the environment is made again."""
    (packages_of(whole.venv) / "requirements.py").unlink()
    with monkeypatch.context() as offline:
        offline.setattr(tools, "run", fail)
        with pytest.raises(Exit, match=r"requirements\.txt could not be installed: .*PIP_INDEX_URL") as failed:
            venv.install(whole)
    assert failed.value.code == 2
    venv.make(whole)
    venv.install(whole)
    assert made == MAKE + INSTALL


def test_full_disk_is_recognized_where_venv_does_not_say_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    assert "make room" in venv.explain(project, "It was not made", venv.AGAIN)("Error: exit status 1")


def test_dry_install_of_an_environment_that_is_to_be_made_anew_is_shown(whole: Project, made: list[str]) -> None:
    without_its_python(whole)
    venv.make(replace(whole, dry=True))
    venv.install(replace(whole, dry=True))
    assert made == MAKE + INSTALL


def test_other_packages_than_pinned_are_corrected(whole: Project, made: list[str]) -> None:
    (packages_of(whole.venv) / "requirements.py").unlink()
    venv.install(whole)
    assert made == INSTALL


INSTALLED = [
    pytest.param("six-1.17.0", True, id="as pinned"),
    pytest.param("six-1.16.0", False, id="of another version"),
    pytest.param("", False, id="missing"),
    pytest.param("six-1.17.0 left_over-1", False, id="and one that no pin names"),
]


@pytest.mark.parametrize(("installed", "as_pinned"), INSTALLED)
def test_uv_compares_the_packages_with_the_pins(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: str, as_pinned: bool
) -> None:
    make(venv.make_command(project, BASE))
    for name in installed.split():
        package = packages_of(project.venv) / f"{name}.dist-info" / "METADATA"
        package.parent.mkdir()
        package.write_text("Metadata-Version: 2.1\nName: {}\nVersion: {}\n".format(*name.split("-")))
    (tmp_path / "pip.txt").write_text("")
    (tmp_path / "requirements.txt").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(venv, "PIP_PIN", tmp_path / "pip.txt")
    monkeypatch.setenv("UV_CONSTRAINT", "/nowhere.txt")
    assert venv.has_its_packages(replace(project, requirements=tmp_path / "requirements.txt")) is as_pinned


def test_dry_touches_no_stamp(whole: Project, made: list[str]) -> None:
    with_an_older_pip(whole)
    before = venv.stamp_path(whole).read_bytes()
    venv.remove_stamp(replace(whole, dry=True))
    assert venv.stamp_path(whole).read_bytes() == before


@pytest.mark.parametrize("file", ["letter.txt", "src/app.py", ".git/config", "bin/python"])
def test_folder_that_is_something_else_is_never_wiped(project: Project, made: list[str], file: str) -> None:
    kept = project.venv / file
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    with pytest.raises(Exit, match="is not a virtual environment: move it away, or name another in INVOKE_VENV"):
        venv.make(project)
    assert kept.read_text() == "mine"
    assert made == []


def test_the_project_itself_is_never_wiped(project: Project) -> None:
    for folder in (ROOT, ROOT / "src", Path.home().parent):
        with pytest.raises(Exit, match="is not a virtual environment"):
            venv.protect(replace(project, venv=folder))


@pytest.mark.parametrize("folder", ["venv", "venv/bin"])
def test_empty_folder_may_become_one(project: Project, folder: str) -> None:
    (project.venv.parent / folder).mkdir(parents=True)
    venv.protect(project)
    assert project.venv.is_dir()


def test_file_in_its_place_is_one_sentence(project: Project, made: list[str]) -> None:
    project.venv.write_text("mine")
    with pytest.raises(Exit):
        venv.make(project)
    assert project.venv.read_text() == "mine"


def test_python_by_default_is_the_one_that_runs_this(project: Project) -> None:
    assert os.path.realpath(venv.find_python(project, None)) == BASE


def test_python_by_default_is_one_that_the_site_can_run_on(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('requires-python = ">=3.13"\n')
    newer = tmp_path / "python3.13"
    newer.write_text("#!/bin/sh\necho 3 13\n")
    newer.chmod(0o755)
    uv = tmp_path / ".tools" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(f"#!/bin/sh\necho {newer}\n")
    uv.chmod(0o755)
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    there = replace(project, root=tmp_path, dockerfile=tmp_path / "Dockerfile")
    assert venv.find_python(there, None) == str(newer)
    newer.write_text("#!/bin/sh\nexit 1\n")
    assert venv.find_python(there, None) != str(newer)


@pytest.mark.parametrize("asked", [None, sys.executable])
def test_python_is_never_that_of_another_environment(project: Project, asked: str | None) -> None:
    """One made of `.tools/bin/python` would go when that goes; up to 3.10 Python itself does not see that."""
    found = Path(venv.find_python(project, asked)).absolute()
    assert sys.prefix == sys.base_prefix or not found.is_relative_to(sys.prefix)


@pytest.mark.parametrize("asked", ["3.77", "python3.77", "PATH/python3.77"])
def test_python_is_what_its_launcher_starts(
    project: Project, program: Program, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    launcher = program("bin/python3.77", f'exec "{sys.executable}" "$@"')
    monkeypatch.setenv("PATH", str(launcher.parent), prepend=os.pathsep)
    assert os.path.realpath(venv.find_python(project, asked.replace("PATH", str(launcher.parent)))) == BASE


def test_python_that_pyenv_does_not_select_is_told(
    project: Project, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    has = "The \\`python3.77' command exists in these Python versions:\\n  3.77.1"
    says = f"pyenv: python3.77: command not found\\n\\n{has}"
    shim = program("bin/python3.77", f'printf "{says}" >&2; exit 127')
    monkeypatch.setenv("PATH", str(shim.parent), prepend=os.pathsep)
    with pytest.raises(Exit, match=r"`PYENV_VERSION=3\.77\.1 inv venv --python 3\.77` does"):
        venv.find_python(project, "3.77")


OLD = [
    pytest.param("echo 3 9; exit 0", "is Python 3.9, and", id="3.9"),
    pytest.param("echo 3 8; exit 1", "is Python 3.8, and", id="3.8 without venv"),
    pytest.param("exit 1", "is Python ?, and", id="2.7, which cannot read the question"),
]


@pytest.mark.parametrize(("says", "said"), OLD)
def test_old_python_is_refused(project: Project, made: list[str], program: Program, says: str, said: str) -> None:
    python = program("old", f'case "$2" in *_base_executable*) echo "$0";; *) {says};; esac')
    with pytest.raises(Exit, match=r"the project asks for 3\.10 or newer: type `inv venv --python 3\.10`") as refused:
        venv.make(project, str(python))
    assert said in str(refused.value.message)
    assert made == []


def test_python_without_venv_is_refused_with_the_package(project: Project, made: list[str], program: Program) -> None:
    python = program("bare", 'case "$2" in *_base_executable*) echo "$0";; *) echo 3 11; exit 1;; esac')
    with pytest.raises(Exit, match=r"has no venv module: install it \(Debian and Ubuntu: apt install python3-venv\)"):
        venv.make(project, str(python))
    assert made == []


def test_other_version_than_the_boxs_is_mentioned(
    whole: Project, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    monkeypatch.setattr(dockerfile, "python_version", lambda _: here)
    venv.mention_version(whole)
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(dockerfile, "python_version", lambda _: "3.99")
    venv.mention_version(whole)
    assert f"Python is {here} here and 3.99 in the container" in capfd.readouterr().err
