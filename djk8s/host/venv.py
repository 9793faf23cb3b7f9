"""The virtual environment of this machine, and the packages in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from djk8s import dockerfile
from djk8s.host import packages
from djk8s.project import Project, printable
from djk8s.shell.command import Command
from djk8s.shell.run import output, run
from djk8s.shell.talk import refuse, say

PIP_PIN = "requirements-pip.txt"
OLDEST = (3, 10)
QUIET = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
INDEX = "when no package index answers here, name one in PIP_INDEX_URL; then type it again, it starts clean"
AGAIN = "see above; then type it again, it starts clean"
FULL = "No space left on device"
FULL_BELOW = 1_000_000  # bytes; less than a file of a wheel may need
# The advice for each known error of venv and pip.
ADVICE = {
    FULL: "the disk is full; make room, then type it again, it starts clean",
    "DO NOT MATCH THE HASHES": "the index has another file than was pinned, so nothing of it was installed; ask whose "
    "index that is, and type `inv lock` only if you trust what it has now",
    "Read-only file system": "this folder may not be written to; work in a copy that may",
    "Permission denied": "this folder may not be written to; `inv doctor` says what is in the way",
}


def make_command(project: Project, python: str) -> Command:
    """Return the command that makes the virtual environment with a Python, in place of an older one."""
    return Command((python, "-m", "venv", "--clear", project.venv))


def install_command(project: Project, requirements: Path | None = None) -> Command:
    """Return the command that installs pinned packages, by default the site's, each checked against its hash."""
    argv = (
        project.program("python"),
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "-r",
        requirements or project.requirements,
    )
    return Command(argv, hidden=QUIET)


def make(project: Project, python: str | None = None) -> None:
    """Make the virtual environment, unless it is complete and of the Python that was asked for."""
    name = project.shown(project.venv)
    wanted = find_python(project, python) if python else None
    if is_complete(project, os.path.realpath(wanted) if wanted else None):
        say(f"{name} is ready, on {read_stamp(project, 'venv')['base']}: nothing to do.")
        return
    protect(project)
    base = wanted or find_python(project, python)
    check_python(project, base)
    remove_stamps(project)
    run_quietly(project, make_command(project, base), f"{name} could not be made", AGAIN)
    run_quietly(
        project,
        install_command(project, project.root / PIP_PIN),
        "pip could not be brought to its pinned version",
        INDEX,
    )
    if not project.dry:
        write_stamp(project, "venv", venv_stamp(project, os.path.realpath(base)))
        mention_version(project)


def install(project: Project) -> None:
    """Install exactly what `requirements.txt` says, unless that is installed."""
    name, pins = project.requirements.name, read_pins(project)
    if is_installed(project):
        say(f"{name} is installed in {project.shown(project.venv)}: nothing to do.")
        return
    remove_stamps(project, "install")
    run_quietly(project, install_command(project), f"{name} could not be installed", INDEX)
    if project.dry:
        return
    remove_others(project, pins)
    write_stamp(project, "install", {"requirements": pins})


def run_quietly(project: Project, command: Command, failure: str, advice: str) -> None:
    """Run venv or pip, which ask nothing; a failure ends in a sentence with the advice for its cause."""
    run(project, command, failed=explain(project, failure, advice), unattended=True)


def explain(project: Project, failure: str, advice: str) -> Callable[[str], str]:
    """Return a function that makes a sentence of a failure and the advice for what venv or pip said."""

    def sentence(said: str) -> str:
        usual = ADVICE[FULL] if disk_is_full(project.venv) else advice
        return f"{failure}: {next((known for words, known in ADVICE.items() if words in said), usual)}."

    return sentence


def disk_is_full(folder: Path) -> bool:
    """Return True if the disk of a folder is full, which venv and pip do not always say."""
    there = next(path for path in [folder, *folder.parents] if path.exists())
    return shutil.disk_usage(there).free < FULL_BELOW


def is_complete(project: Project, base: str | None = None) -> bool:
    """Return True if the environment was made to its end, of the given Python if any, and runs."""
    made = read_stamp(project, "venv")
    return made == venv_stamp(project, base or made.get("base", "")) and runs(project)


def runs(project: Project) -> bool:
    """Return True if the environment's Python starts and has its pip."""
    try:
        answer = output(project, (project.program("python"), "-c", ""))
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and "pip" in packages.installed(project)


def read_pins(project: Project) -> str:
    return project.requirements.read_text(encoding="utf-8")


def is_installed(project: Project) -> bool:
    """Return True if the environment is complete, and has what `requirements.txt` says and nothing else."""
    pins = read_pins(project)
    recorded = read_stamp(project, "install") == {"requirements": pins}
    return is_complete(project) and recorded and not packages.differing(project, pins)


def remove_others(project: Project, pins: str) -> None:
    """Remove packages that `requirements.txt` does not name, so that the venv holds what the image holds."""
    others = sorted(packages.installed(project).keys() - packages.pinned(project, pins) - {"pip"})
    if others:
        argv: tuple[str | Path, ...] = (project.program("python"), "-m", "pip", "uninstall", "--yes", *others)
        run(project, Command(argv, hidden=QUIET), unattended=True)


def find_python(project: Project, asked: str | None) -> str:
    """Return the Python for the virtual environment, by default the one that runs this; `3.12` is `python3.12`."""
    if asked is None:
        return os.path.realpath(getattr(sys, "_base_executable", sys.executable))  # in 3.10 it may be a link to it
    name = printable(f"python{asked}" if re.fullmatch(r"3(\.\d+)?", asked) else asked)
    found = shutil.which(name)
    if not found:
        refuse(f"There is no Python called {name} here: install it, or leave --python out.")
    # A launcher such as pyenv's starts another program, and the environment will be of that one.
    base = "import os, sys; print(os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable))"
    try:
        answer = output(project, (found, "-c", base))
    except (OSError, ValueError, subprocess.TimeoutExpired):  # not a program, or one that prints no text, or too much
        answer = subprocess.CompletedProcess(found, 1, "")
    python = answer.stdout.strip()
    if answer.returncode or not Path(python).is_file():
        refuse(f"{name} does not answer as a Python: give a version, as --python 3.12, or a path.")
    return python


def check_python(project: Project, python: str) -> None:
    """Raise `Exit` unless a Python is new enough and can make virtual environments."""
    question = "import sys; print(*sys.version_info[:2]); import ensurepip, venv"
    answer = output(project, (python, "-c", question))
    version = tuple(int(part) for part in answer.stdout.split())
    if version < OLDEST:
        refuse(f"{python} is Python {'.'.join(map(str, version)) or '?'}, and Django asks for 3.10 or newer.")
    if answer.returncode:
        refuse(f"{python} has no venv module: install it (Debian and Ubuntu: apt install python3-venv).")


def mention_version(project: Project) -> None:
    """Say so if the image has another version of Python."""
    image = dockerfile.python_version(project)
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    here = output(project, (project.program("python"), "-c", question)).stdout.strip()
    if image not in {here, dockerfile.UNKNOWN}:
        say(f"Python is {here} here and {image} in the container; the packages are the same.")


def protect(project: Project) -> None:
    """Raise `Exit` if making the virtual environment would wipe a folder that is something else."""
    venv = project.venv
    made = venv.is_dir() and (venv / "pyvenv.cfg").exists()
    if not made and (venv.is_file() or any(path.is_file() for path in venv.rglob("*"))):
        refuse(f"{project.shown(venv)} is not a virtual environment: move it away, or name another in INVOKE_VENV.")


def remove(project: Project) -> None:
    """Remove the environment; raises `Exit` if something in it cannot be removed."""
    try:
        if project.venv.is_symlink():
            project.venv.unlink()
            return
        remove_stamps(project)  # first, so that half of one does not look complete
        shutil.rmtree(project.venv)
    except OSError as error:
        name = project.shown(project.venv)
        refuse(f"{name} cannot be removed ({error.strerror}): see to the owner of {error.filename}.")


def venv_stamp(project: Project, base: str) -> dict[str, str]:
    """Return what identifies an environment: its Python, its pip, and its place, since it cannot be moved."""
    pip = (project.root / PIP_PIN).read_text(encoding="utf-8")
    return {"base": base, "pip": pip, "place": str(project.venv)}


def stamp_path(project: Project, step: str) -> Path:
    """Return the file in the environment that records a finished step."""
    return project.venv / f".inv-{step}.json"


def read_stamp(project: Project, step: str) -> dict[str, str]:
    """Return what a finished step recorded, or nothing."""
    try:
        stamp: dict[str, str] = json.loads(stamp_path(project, step).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def write_stamp(project: Project, step: str, stamp: dict[str, str]) -> None:
    """Record a step as finished; comes last, so that a step that was cut short is done again."""
    stamp_path(project, step).write_text(json.dumps(stamp), encoding="utf-8")


def remove_stamps(project: Project, *steps: str) -> None:
    """Record steps, by default all, as not finished."""
    if not project.dry:
        for step in steps or ("venv", "install"):
            stamp_path(project, step).unlink(missing_ok=True)
