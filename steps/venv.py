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

from steps import packages
from steps.command import Command, dry, output, refuse, run, say
from steps.envfile import shown
from steps.project import ROOT, Project, python_version

PIP_PIN = ROOT / "requirements-pip.txt"
REQUIREMENTS = ROOT / "requirements.txt"
OLDEST = (3, 10)
QUIET = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
INDEX = "when no package index answers here, name one in PIP_INDEX_URL; then type it again, it starts clean"
AGAIN = "see above; then type it again, it starts clean"
FULL = "No space left on device"
FULL_BELOW = 1_000_000  # bytes; less than a file of a wheel may need
# What to do, by the words of venv or pip that name the cause.
CAUSES = {
    FULL: "the disk is full; make room, then type it again, it starts clean",
    "DO NOT MATCH THE HASHES": "the index has another file than was pinned, so nothing of it was installed; ask whose "
    "index that is, and type `inv lock` only if you trust what it has now",
    "Read-only file system": "this folder may not be written to; work in a copy that may",
    "Permission denied": "this folder may not be written to; `inv doctor` says what is in the way",
}


def make_command(project: Project, python: str) -> Command:
    """Return the command that makes the virtual environment anew with a Python."""
    return Command((python, "-m", "venv", "--clear", project.venv), unattended=True)


def pip_command(project: Project) -> Command:
    """Return the command that brings its pip to the pinned version."""
    return pip_install(project, PIP_PIN)


def install_command(project: Project) -> Command:
    """Return the command that installs what `requirements.txt` says."""
    return pip_install(project, REQUIREMENTS)


def pip_install(project: Project, requirements: Path) -> Command:
    """Return the command that installs pinned packages, each checked against its hash."""
    argv = (project.program("python"), "-m", "pip", "install", "--require-hashes", "-r", requirements)
    return Command(argv, hidden=QUIET, unattended=True)


def make(c: Context, project: Project, python: str | None = None) -> None:
    """Make the virtual environment unless it is whole and of the Python that was asked for.

    Raises `Exit` when there is no such Python, it is too old or has no venv module, the folder holds
    something else, or pip cannot be brought to its version.
    """
    wanted = find_python(python) if python else None
    if is_whole(project, os.path.realpath(wanted) if wanted else None):
        say(f"{shown(project.venv)} is ready, on {read_stamp(project, 'venv')['base']}: nothing to do.")
        return
    protect(project.venv)
    chosen = wanted or find_python(python)
    check_python(chosen)
    remove_stamps(c, project, "venv", "install", "static")
    run(c, make_command(project, chosen), failed=because(project, f"{shown(project.venv)} could not be made", AGAIN))
    run(c, pip_command(project), failed=because(project, "pip could not be brought to its pinned version", INDEX))
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
        answer = output((project.program("python"), "-c", ""))
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and "pip" in packages.installed(project)


def install(c: Context, project: Project) -> None:
    """Install exactly what `requirements.txt` says, unless that is what is there.

    Raises `Exit` with pip's own exit code when a package cannot be had or has another hash.
    """
    wanted = {"requirements": REQUIREMENTS.read_text(encoding="utf-8")}
    if is_installed(project):
        say(f"{REQUIREMENTS.name} is installed in {shown(project.venv)}: nothing to do.")
        return
    remove_stamps(c, project, "install", "static")
    run(c, install_command(project), failed=because(project, f"{REQUIREMENTS.name} could not be installed", INDEX))
    if dry(c):
        return
    remove_others(c, project, wanted["requirements"])
    write_stamp(project, "install", wanted)


def is_installed(project: Project) -> bool:
    """Return whether the environment is whole, and has what `requirements.txt` says and nothing else."""
    pins = REQUIREMENTS.read_text(encoding="utf-8")
    done = is_whole(project) and read_stamp(project, "install") == {"requirements": pins}
    return done and not packages.differing(project, pins)


def because(project: Project, what: str, otherwise: str) -> Callable[[str], str]:
    """Return what makes a sentence of what failed and of what pip or venv said, with what to do about it."""

    def sentence(said: str) -> str:
        unsaid = CAUSES[FULL] if no_room(project.venv) else otherwise
        return f"{what}: {next((why for words, why in CAUSES.items() if words in said), unsaid)}."

    return sentence


def no_room(folder: Path) -> bool:
    """Return whether the disk of a folder is full: venv and pip do not always say so."""
    there = next(path for path in [folder, *folder.parents] if path.exists())
    return shutil.disk_usage(there).free < FULL_BELOW


def remove_others(c: Context, project: Project, pins: str) -> None:
    """Remove packages that `requirements.txt` no longer names, so that the venv holds what the image holds."""
    others = sorted(packages.installed(project).keys() - packages.pinned(project, pins) - {"pip"})
    if others:
        argv: tuple[str | Path, ...] = (project.program("python"), "-m", "pip", "uninstall", "--yes", *others)
        run(c, Command(argv, hidden=QUIET, unattended=True))


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
    if version < OLDEST:
        refuse(f"{python} is Python {'.'.join(map(str, version)) or '?'}, and Django asks for 3.10 or newer.")
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
