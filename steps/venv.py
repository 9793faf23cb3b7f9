"""The virtual environment of this machine, and what is installed in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from invoke import Context

from steps import command, installer, system
from steps.command import Command, dry, output, refuse, say
from steps.envfile import shown
from steps.project import ROOT, Project, oldest_python, python_version
from steps.toolbox import TOOLS, run

PIP_PIN = ROOT / "requirements-pip.txt"
REQUIREMENTS = ROOT / "requirements.txt"
AGAIN = "see above; then type it again"


def make_command(project: Project, python: str) -> Command:
    """Return the command that makes the virtual environment with a Python, in place of one that is there."""
    return Command((python, "-m", "venv", "--clear", "--without-pip", project.venv), unattended=True)


def pip_command(project: Project) -> Command:
    """Return the command that installs the pinned pip, for a person to type."""
    return uv_pip(project, "install", "-r", PIP_PIN)


def install_command(project: Project) -> Command:
    """Return the command that installs what `requirements.txt` says, and removes everything else."""
    return uv_pip(project, "sync", PIP_PIN, REQUIREMENTS)


def uv_pip(project: Project, verb: str, *words: str | Path) -> Command:
    """Return a command of uv that installs pinned packages in the environment, each checked against its hash."""
    argv = (system.program(TOOLS, "uv"), "pip", verb, "--python", project.program("python"), "--require-hashes", *words)
    return Command(argv, unattended=True)


def make(c: Context, project: Project, python: str | None = None) -> None:
    """Make the virtual environment unless it is whole and of the Python that was asked for.

    Raises `Exit` when there is no such Python, it is too old or has no venv module, the folder holds
    something else, or pip cannot be installed.
    """
    wanted = find_python(python) if python else None
    if is_whole(project, os.path.realpath(wanted) if wanted else None):
        say(f"{shown(project.venv)} is ready, on {read_stamp(project, 'venv')['base']}: nothing to do.")
        return
    protect(project.venv)
    chosen = wanted or find_python(python)
    check_python(chosen)
    remove_stamps(c, project, "venv", "install", "static")
    made = make_command(project, chosen)
    command.run(c, made, failed=because(project, f"{shown(project.venv)} could not be made", AGAIN))
    run(c, pip_command(project), failed=because(project, "pip could not be installed"))
    if not dry(c):
        write_stamp(project, "venv", venv_stamp(project, os.path.realpath(chosen)))
        mention_version(project)


def is_whole(project: Project, base: str | None = None) -> bool:
    """Return whether the environment was made to its end, of this Python if one is given, and runs."""
    made = read_stamp(project, "venv")
    return made == venv_stamp(project, base or made.get("base", "")) and runs(project)


def runs(project: Project) -> bool:
    """Return whether the environment's Python starts, and has its pip."""
    try:
        return output((project.program("python"), "-I", "-c", "import pip")).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install(c: Context, project: Project) -> None:
    """Install exactly what `requirements.txt` says, unless that is what is there.

    Raises `Exit` with uv's own exit code when a package is not to be found or has another hash.
    """
    if is_installed(project):
        say(f"{REQUIREMENTS.name} is installed in {shown(project.venv)}: nothing to do.")
        return
    wanted, made = {"requirements": REQUIREMENTS.read_text(encoding="utf-8")}, read_stamp(project, "venv")
    # Without its stamp the environment is made again: one in which this was interrupted looks whole to uv.
    remove_stamps(c, project, "venv", "install", "static")
    run(c, install_command(project), failed=because(project, f"{REQUIREMENTS.name} could not be installed"))
    if not dry(c):
        write_stamp(project, "venv", made)
        write_stamp(project, "install", wanted)


def is_installed(project: Project) -> bool:
    """Return whether the environment is whole, and has what `requirements.txt` says and nothing else."""
    pins = REQUIREMENTS.read_text(encoding="utf-8")
    done = is_whole(project) and read_stamp(project, "install") == {"requirements": pins}
    return done and has_its_packages(project)


def has_its_packages(project: Project) -> bool:
    """Return whether uv would change nothing; asks no index, and heeds no setting."""
    check = (*install_command(project).argv, "--check", "--offline", "--no-cache", "--no-config")
    return output(check, variables={name: None for name in os.environ if name.startswith("UV_")}).returncode == 0


def because(project: Project, what: str, otherwise: str = installer.INDEX) -> Callable[[str], str]:
    """Return a function that makes a sentence of what failed, and of what venv or uv said."""
    return lambda said: f"{what}: {installer.advice(said, project.venv, otherwise)}."


def find_python(asked: str | None) -> str:
    """Return the Python for the virtual environment: by default the one that runs this.

    `3.12` is short for `python3.12`. Raises `Exit` when there is no such program.
    """
    if asked is None:
        return os.path.realpath(getattr(sys, "_base_executable", sys.executable))  # in 3.10 it may be a link to it
    name = f"python{asked}" if re.fullmatch(r"3(\.\d+)?", asked) else asked
    name = name if name.isprintable() else repr(name)  # a sentence is one line
    found = shutil.which(name)
    if not found:
        refuse(f"There is no Python called {name} here: install it, or leave --python out.")
    # What a launcher such as pyenv's starts is what the environment will be of.
    base = "import os, sys; print(os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable))"
    try:
        answer = output((found, "-c", base))
    except (OSError, ValueError, subprocess.TimeoutExpired):  # no program at all, or one that says no text, or too much
        answer = subprocess.CompletedProcess(found, 1, "")
    python = answer.stdout.strip()
    if answer.returncode or not Path(python).is_file():
        refuse(f"{name} does not answer as a Python: give a version, as --python 3.12, or a path.")
    return python


def check_python(python: str) -> None:
    """Raise `Exit` unless a Python is new enough and can make virtual environments."""
    answer = output((python, "-c", "import sys; print(*sys.version_info[:2]); import ensurepip, venv"))
    version = tuple(int(part) for part in answer.stdout.split())
    if version < (oldest := oldest_python()):
        here, wanted = (".".join(map(str, numbers)) or "?" for numbers in (version, oldest))
        remedy = f"type `inv venv --python {wanted}`"
        refuse(f"{python} is Python {here}, and pyproject.toml asks for {wanted} or newer: {remedy}.")
    if answer.returncode:
        refuse(f"{python} has no venv module: install it (Debian and Ubuntu: apt install python3-venv).")


def mention_version(project: Project) -> None:
    """Say so when this machine's Python is another than the box's."""
    box = python_version()
    answer = output((str(project.program("python")), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"))
    if answer.stdout.strip() != box:
        say(f"Python is {answer.stdout.strip()} here and {box} in the container; the packages are the same.")


def protect(venv: Path) -> None:
    """Raise `Exit` where making a virtual environment would wipe a folder that is something else."""
    made = venv.is_dir() and (venv / "pyvenv.cfg").exists()
    if not made and (venv.is_file() or any(path.is_file() for path in venv.rglob("*"))):
        refuse(f"{shown(venv)} is not a virtual environment: move it away, or name another in INVOKE_VENV.")


def remove(project: Project) -> None:
    """Remove the environment; raises `Exit` where something in it cannot be."""
    try:
        if project.venv.is_symlink():
            project.venv.unlink()
            return
        remove_stamp_files(project, "venv", "install", "static")  # first, so that half of one does not look whole
        shutil.rmtree(project.venv)
    except OSError as error:
        refuse(f"{shown(project.venv)} cannot be removed ({error.strerror}): see to the owner of {error.filename}.")


def venv_stamp(project: Project, base: str) -> dict[str, str]:
    """Return what makes an environment whole: its Python, its pip, and its place, for it cannot be moved."""
    return {"base": base, "pip": PIP_PIN.read_text(encoding="utf-8"), "place": str(project.venv)}


def stamp_path(project: Project, step: str) -> Path:
    """Return the file in the environment that says a step of the list is done; it goes when that goes."""
    return project.venv / f".inv-{step}.json"


def read_stamp(project: Project, step: str) -> dict[str, str]:
    """Return what a step left when it was done, or nothing."""
    try:
        stamp: dict[str, str] = json.loads(stamp_path(project, step).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def write_stamp(project: Project, step: str, stamp: dict[str, str]) -> None:
    """Note that a step is done; the last thing it does, so that a step cut short is done again."""
    stamp_path(project, step).write_text(json.dumps(stamp), encoding="utf-8")


def remove_stamps(c: Context, project: Project, *steps: str) -> None:
    """Note that steps are no longer done."""
    if not dry(c):
        remove_stamp_files(project, *steps)


def remove_stamp_files(project: Project, *steps: str) -> None:
    for step in steps:
        stamp_path(project, step).unlink(missing_ok=True)
