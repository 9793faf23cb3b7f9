"""The virtual environment: when it is made anew, when it is left alone, and what is never wiped."""

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

from djk8s import dockerfile
from djk8s.host import packages, venv
from djk8s.project import Project
from djk8s.shell.command import Command
from support import ROOT

Program = Callable[[str, str], Path]
BASE = os.path.realpath(sys.executable)


def make(command: Command) -> None:
    """Do what `python -m venv --clear` does, without a pip and in no time."""
    python, folder = command.argv[0], Path(command.argv[-1])
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(python)
    (folder / "pyvenv.cfg").write_text(f"home = {Path(python).parent}\n")


@pytest.fixture
def made(project: Project, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make environments that run, but leave pip out of them; returns the lines that were to be run."""
    lines: list[str] = []

    def run(_: Project, command: Command, failed: object = "", unattended: bool = False) -> str:
        lines.append(
            command.line(ROOT)
            .replace(str(project.venv), "VENV")
            .replace(f"{command.argv[0]} -m venv", "PYTHON -m venv")
        )
        if "venv" in command.argv:
            make(command)
        if "install" in command.argv:
            pins = Path(command.argv[-1]).read_text()
            for name, version in packages.pinned(project, pins).items():
                package(project, name, version)
        return ""

    monkeypatch.setattr(venv, "run", run)
    return lines


def package(project: Project, name: str, version: str) -> Path:
    """Leave what tells that a package is installed."""
    path = project.venv / "lib" / "python3" / "site-packages" / f"{name}.dist-info" / "METADATA"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return path


MAKE = ["PYTHON -m venv --clear VENV", "VENV/bin/python -m pip install --require-hashes -r requirements-pip.txt"]
INSTALL = ["VENV/bin/python -m pip install --require-hashes -r requirements.txt"]


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
    stamp = venv.read_stamp(project, "venv")
    venv.write_stamp(project, "venv", {**stamp, "base": "/usr/bin/another"})


def without_a_stamp(project: Project) -> None:
    venv.stamp_path(project, "venv").unlink()


def with_half_a_stamp(project: Project) -> None:
    venv.stamp_path(project, "venv").write_text('{"base": ')


def with_an_older_pip(project: Project) -> None:
    stamp = venv.read_stamp(project, "venv")
    venv.write_stamp(project, "venv", {**stamp, "pip": "pip==1.0"})


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
    package(whole, "pip", "").unlink()
    venv.make(whole)
    assert made == MAKE


def test_made_anew_when_it_was_moved(whole: Project, made: list[str], tmp_path: Path) -> None:
    moved = replace(whole, venv=tmp_path / "moved")
    whole.venv.rename(moved.venv)
    venv.make(moved)
    assert len(made) == 2
    assert f"venv --clear {moved.venv}" in made[0]


def test_made_anew_when_a_person_made_it_by_hand(project: Project, made: list[str]) -> None:
    subprocess.run([BASE, "-m", "venv", "--without-pip", project.venv], check=True)
    venv.make(project)
    assert made == MAKE


def test_installed_anew_when_the_pins_changed(
    whole: Project, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / "requirements.txt"
    changed.write_text(whole.requirements.read_text() + "# changed\n")
    monkeypatch.setattr(Project, "requirements", changed)
    venv.make(whole)
    venv.install(whole)
    assert len(made) == 1
    assert made[0].endswith(f"install --require-hashes -r {changed}")


def fail(_: Project, command: Command, failed: Callable[[str], str], unattended: bool) -> str:
    """Fail as pip does where no index answers, after an environment was made."""
    if "pip" in command.argv:
        raise Exit(failed("ERROR: No matching distribution found for pip==26.2"), 2)
    make(command)
    return ""


def test_pip_that_fails_leaves_nothing_that_looks_whole(
    project: Project, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as offline:
        offline.setattr(venv, "run", fail)
        with pytest.raises(Exit, match=r"pip could not be brought to its pinned version.*PIP_INDEX_URL"):
            venv.make(project)
    venv.make(project)
    assert made == MAKE


WORDS = [
    pytest.param(
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "make room",
        id="full",
    ),
    pytest.param(
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
        "the index has another file than was pinned",
        id="hash",
    ),
    pytest.param("Error: [Errno 30] Read-only file system: '/x/venv'", "work in a copy", id="read-only"),
    pytest.param("Error: [Errno 13] Permission denied: '/x/venv'", "`inv doctor` says", id="not ours"),
    pytest.param("ERROR: No matching distribution found for django==5.2", "PIP_INDEX_URL", id="no index"),
]


@pytest.mark.parametrize(("said", "told"), WORDS)
def test_what_pip_said_decides_what_to_do(project: Project, said: str, told: str) -> None:
    sentence = venv.explain(project, "It could not be installed", venv.INDEX)(f"Collecting django\n{said}\nmore\n")
    assert sentence.startswith("It could not be installed: ")
    assert told in sentence
    others = {other for _, other in (case.values for case in WORDS)} - {told}
    assert [other for other in others if str(other) in sentence] == []


def test_disk_that_is_full_is_told_where_pip_does_not(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    assert "make room" in venv.explain(project, "It was not made", venv.AGAIN)("Error: ensurepip failed")


def test_install_that_fails_is_done_again(project: Project, made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    venv.make(project)
    with monkeypatch.context() as offline:
        offline.setattr(venv, "run", fail)
        with pytest.raises(Exit, match=r"requirements\.txt could not be installed.*PIP_INDEX_URL") as failed:
            venv.install(project)
    assert failed.value.code == 2
    venv.install(project)
    assert made == MAKE + INSTALL


def test_install_that_fails_is_done_again_also_for_the_pins_of_before(
    whole: Project, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(Project, "requirements", tmp_path / "requirements.txt")
        newer.setattr(venv, "run", fail)
        whole.requirements.write_text("django==6.0\n")
        with pytest.raises(Exit):
            venv.install(whole)
    venv.install(whole)
    assert made == INSTALL


def test_packages_that_no_pin_names_are_removed(whole: Project, made: list[str]) -> None:
    for name in ("left_Over", "zope.left"):
        package(whole, name, "1")
    venv.install(whole)
    assert made == [*INSTALL, "VENV/bin/python -m pip uninstall --yes left-over zope-left"]


def test_dry_install_of_an_environment_that_is_to_be_made_anew_is_shown(whole: Project, made: list[str]) -> None:
    without_its_python(whole)
    venv.make(replace(whole, dry=True))
    venv.install(replace(whole, dry=True))
    assert made == MAKE + INSTALL


def test_package_that_went_is_installed_again(whole: Project, made: list[str]) -> None:
    package(whole, "django", "").unlink()
    venv.install(whole)
    assert made == INSTALL


def test_package_of_another_version_is_installed_anew(whole: Project, made: list[str]) -> None:
    package(whole, "django", "1.0")
    venv.install(whole)
    assert made == INSTALL


@pytest.mark.parametrize(("python", "wanted"), [("3.10.4", ["old"]), ("3.13.1", ["new"]), (None, ["new"])])
def test_markers_are_those_of_the_environments_python(
    whole: Project, python: str | None, wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = "old==1 ; python_version < '3.11'\nnew==1 ; python_full_version >= '3.11'\n"
    (whole.venv / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {python}\n")
    if python is None:
        (whole.venv / "pyvenv.cfg").unlink()
        wanted = ["old"] if sys.version_info < (3, 11) else ["new"]
    assert list(packages.pinned(whole, pins)) == wanted


def test_dry_touches_no_stamp(whole: Project, made: list[str], tmp_path: Path) -> None:
    with_an_older_pip(whole)
    before = {path: path.read_bytes() for path in whole.venv.glob(".inv-*")}
    assert len(before) == 2
    shutil.copytree(whole.venv, tmp_path / "kept", symlinks=True)
    venv.remove_stamps(replace(whole, dry=True))
    assert {path: path.read_bytes() for path in whole.venv.glob(".inv-*")} == before


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


OLD = [
    pytest.param("echo 3 9; exit 0", "is Python 3.9, and", id="3.9"),
    pytest.param("echo 3 8; exit 1", "is Python 3.8, and", id="3.8 without venv"),
    pytest.param("exit 1", "is Python ?, and", id="2.7, which cannot read the question"),
]


@pytest.mark.parametrize(("says", "said"), OLD)
def test_old_python_is_refused(project: Project, made: list[str], program: Program, says: str, said: str) -> None:
    python = program("old", f'case "$2" in *_base_executable*) echo "$0";; *) {says};; esac')
    with pytest.raises(Exit, match=r"Django asks for 3\.10 or newer") as refused:
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
