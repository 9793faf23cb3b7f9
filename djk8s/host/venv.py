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

from djk8s import dockerfile, installer, tools
from djk8s.packages import locking
from djk8s.project import Project, printable
from djk8s.shell.command import Command
from djk8s.shell.run import output, run
from djk8s.shell.talk import refuse, say

PIP_PIN = "requirements-pip.txt"
AGAIN = "see above; then type it again"


def make_command(project: Project, python: str) -> Command:
    """Return the command that makes the virtual environment with a Python, in place of an older one."""
    return Command((python, "-m", "venv", "--clear", "--without-pip", project.venv))


def pip_command(project: Project) -> Command:
    """Return the command that installs the pinned pip, for a person to use."""
    return uv_pip(project, "install", "-r", project.root / PIP_PIN)


def install_command(project: Project) -> Command:
    """Return the command that installs what `requirements.txt` says, and removes everything else."""
    return uv_pip(project, "sync", project.root / PIP_PIN, project.requirements)


def uv_pip(project: Project, verb: str, *words: str | Path) -> Command:
    """Return a command of uv that installs pinned packages in the environment, each checked against its hash."""
    python, hashes = project.program("python"), ["--require-hashes"] if has_hashes(project, words) else []
    return Command((tools.program(project, "uv"), "pip", verb, "--python", python, *hashes, *words))


def has_hashes(project: Project, words: tuple[str | Path, ...]) -> bool:
    """Return False if requirements.txt is among the words and a package in it has no hash, as one from git."""
    if project.requirements not in words or not project.requirements.is_file():
        return True
    entries = re.findall(r"^[^\s#-](?:.*\\\n)*.*", read_pins(project), re.MULTILINE)
    return all("--hash=" in entry for entry in entries)


def make(project: Project, python: str | None = None) -> None:
    """Make the virtual environment, unless it is complete and of the Python that was asked for."""
    name = project.shown(project.venv)
    wanted = find_python(project, python) if python else None
    if is_complete(project, os.path.realpath(wanted) if wanted else None):
        say(f"{name} is ready, on {read_stamp(project)['base']}: nothing to do.")
        return
    protect(project)
    base = wanted or find_python(project, python)
    check_python(project, base)
    remove_stamp(project)
    made = explain(project, f"{name} could not be made", AGAIN)
    run(project, make_command(project, base), made, unattended=True)
    tools.run(project, pip_command(project), explain(project, "pip could not be installed"), unattended=True)
    if not project.dry:
        write_stamp(project, venv_stamp(project, os.path.realpath(base)))
        mention_version(project)


def install(project: Project) -> None:
    """Install exactly what `requirements.txt` says, unless that is installed."""
    locking.mention_stale(project)
    name, pins, made = project.requirements.name, read_pins(project), read_stamp(project)
    if is_installed(project):
        say(f"{name} is installed in {project.shown(project.venv)}: nothing to do.")
        return
    # Without its stamp the environment is made again: one in which this was interrupted looks complete to uv.
    remove_stamp(project)
    failed = explain(project, f"{name} could not be installed")
    tools.run(project, install_command(project), failed, unattended=True)
    if not project.dry:
        write_stamp(project, {**made, "requirements": pins})


def explain(project: Project, failure: str, advice: str = installer.INDEX) -> Callable[[str], str]:
    """Return a function that makes a sentence of a failure and the advice for what venv or uv said."""
    return lambda said: f"{failure}: {installer.advice(said, project.venv, advice)}."


def is_complete(project: Project, base: str | None = None) -> bool:
    """Return True if the environment was made to its end, of the given Python if any, and runs."""
    made = read_stamp(project)
    return venv_stamp(project, base or made.get("base", "")).items() <= made.items() and runs(project)


def runs(project: Project) -> bool:
    """Return True if the environment's Python starts and has its pip."""
    try:
        return output(project, (project.program("python"), "-I", "-c", "import pip")).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def read_pins(project: Project) -> str:
    return project.requirements.read_text(encoding="utf-8")


def is_installed(project: Project) -> bool:
    """Return True if the environment is complete, and has what `requirements.txt` says and nothing else."""
    recorded = read_stamp(project).get("requirements") == read_pins(project)
    return recorded and is_complete(project) and has_its_packages(project)


def has_its_packages(project: Project) -> bool:
    """Return True if uv would change nothing; it asks no index for that."""
    check = (*install_command(project).argv, "--check", "--offline", "--no-cache", "--no-config")
    ours = {name: None for name in os.environ if name.startswith("UV_")}
    return output(project, check, variables=ours).returncode == 0


def find_python(project: Project, asked: str | None) -> str:
    """Return the Python for the virtual environment, by default the one that runs this; `3.12` is `python3.12`."""
    if asked is None:
        own = os.path.realpath(getattr(sys, "_base_executable", sys.executable))  # in 3.10 it may be a link to it
        return own if sys.version_info[:2] >= project.oldest_python() else newer_python(project) or own
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
    pyenv = r"^pyenv: .*\n.* exists in these Python versions:\s+(\S+)"
    if has := re.search(pyenv, answer.stderr or "", re.DOTALL):
        refuse(f"pyenv has {name} and does not select it: `PYENV_VERSION={has[1]} inv venv --python {asked}` does.")
    if answer.returncode or not Path(python).is_file():
        refuse(f"{name} does not answer as a Python: give a version, for example --python 3.12, or a path.")
    return python


def newer_python(project: Project) -> str | None:
    """Return a Python of this machine that is new enough for the site, that of the image before others."""
    oldest = ".".join(map(str, project.oldest_python()))
    find = (tools.program(project, "uv"), "python", "find", "--system", "--no-python-downloads", "--no-project")
    for wanted in (dockerfile.python_version(project), f">={oldest}"):
        answer = output(project, (*find, wanted))
        if answer.returncode == 0 and version_of(project, answer.stdout.strip()) >= project.oldest_python():
            return os.path.realpath(answer.stdout.strip())
    return None


def version_of(project: Project, python: str) -> tuple[int, ...]:
    """Return the version of a Python, as (3, 13), or nothing if it does not answer."""
    answer = output(project, (python, "-c", "import sys; print(*sys.version_info[:2])"))
    return tuple(int(part) for part in answer.stdout.split()) if answer.returncode == 0 else ()


def check_python(project: Project, python: str) -> None:
    """Raise `Exit` unless a Python is new enough and can make virtual environments."""
    question = "import sys; print(*sys.version_info[:2]); import ensurepip, venv"
    answer = output(project, (python, "-c", question))
    version = tuple(int(part) for part in answer.stdout.split())
    if version < (oldest := project.oldest_python()):
        here, wanted = (".".join(map(str, numbers)) or "?" for numbers in (version, oldest))
        remedy = f"type `inv venv --python {wanted}`"
        refuse(f"{python} is Python {here}, and the project asks for {wanted} or newer: {remedy}.")
    if answer.returncode:
        refuse(f"{python} has no venv module: install it (Debian and Ubuntu: apt install python3-venv).")


def mention_version(project: Project) -> None:
    """Say so if the image has another version of Python."""
    image = dockerfile.python_version(project)
    here = ".".join(map(str, version_of(project, str(project.program("python")))))
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
        remove_stamp(project)  # first, so that half of one does not look complete
        shutil.rmtree(project.venv)
    except OSError as error:
        name = project.shown(project.venv)
        refuse(f"{name} cannot be removed ({error.strerror}): see to the owner of {error.filename}.")


def venv_stamp(project: Project, base: str) -> dict[str, str]:
    """Return what identifies an environment: its Python, its pip, and its place, since it cannot be moved."""
    pip = (project.root / PIP_PIN).read_text(encoding="utf-8")
    return {"base": base, "pip": pip, "place": str(project.venv)}


def stamp_path(project: Project) -> Path:
    """Return the file that says how far the environment is finished: made, and with which packages."""
    return project.venv / ".inv.json"


def read_stamp(project: Project) -> dict[str, str]:
    """Return what the finished steps recorded, or nothing."""
    try:
        stamp: dict[str, str] = json.loads(stamp_path(project).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def write_stamp(project: Project, stamp: dict[str, str]) -> None:
    """Record a step as finished; comes last, so that a step that was cut short is done again."""
    stamp_path(project).write_text(json.dumps(stamp), encoding="utf-8")


def remove_stamp(project: Project) -> None:
    """Record all steps as not finished."""
    if not project.dry:
        stamp_path(project).unlink(missing_ok=True)
