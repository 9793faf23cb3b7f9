"""uv, which exports and resolves packages: where it is, how it is asked, and its reason when it fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from djk8s import installer
from djk8s.shell import processes
from djk8s.shell.run import environment
from djk8s.shell.talk import refuse

Words = tuple["str | Path", ...]
Explain = Callable[[str], str]  # turns what uv says when it fails into a sentence
Run = Callable[[Words, Explain], None]  # runs uv with words; a failure ends the task with that sentence

PYTHON = Path(sys.executable)  # uv asks a Python for the tools that build packages
# A git that asks for a password would wait for ever.
UNATTENDED = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes", "UV_PYTHON_DOWNLOADS": "never"}


def program() -> Path:
    """Return the path of uv: the one that is installed with djk8s, or this machine's."""
    with_djk8s = processes.program(Path(sys.prefix), "uv")
    found = with_djk8s if with_djk8s.is_file() else shutil.which("uv")
    if not found:
        refuse("There is no uv here, which resolves the packages: install djk8s again, or uv.")
    return Path(found)


def quiet(root: Path) -> Run:
    """Return a function that runs uv in a folder and prints nothing; it raises `Exit` if uv fails."""
    variables = environment(for_everyone(index_variables()), UNATTENDED)

    def run(words: Words, failed: Explain) -> None:
        asked = (program(), *words)
        answer = subprocess.run(
            asked, cwd=root, env=variables, capture_output=True, encoding="utf-8", errors="replace",
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if answer.returncode:
            refuse(failed(answer.stderr))

    return run


def index_variables() -> installer.Variables:
    """Return the variables that lead pip and uv to the user's indexes: pip's settings too, where there is a pip.

    Raises `Exit` if pip cannot read them.
    """
    if not find_spec("pip"):
        return installer.variables("", os.environ)
    ask = (PYTHON, "-I", "-m", "pip", "config", "list")
    variables = environment(installer.to_ask_pip(os.environ))
    answer = subprocess.run(ask, env=variables, capture_output=True, text=True, errors="replace", check=False)
    if answer.returncode:
        refuse(f"{answer.stderr.strip()}\npip cannot read its settings: {installer.SETTINGS}.")
    return installer.variables(answer.stdout, os.environ)


def for_everyone(variables: installer.Variables) -> installer.Variables:
    """Return the variables without the folders of this machine that pip's settings add to an index.

    uv takes the hashes of a version from one index. A folder may have a file for this very machine alone, and the image
    and other machines, which do not see it, could then install none.
    """
    shared = dict(variables)
    for name, between in {"UV_INDEX": " ", "UV_FIND_LINKS": ","}.items():
        places = (variables.get(name) or "").split(between)
        remote = [place for place in places if "://" in place and not place.startswith("file:")]
        if name in variables and name not in os.environ:
            shared[name] = between.join(remote) or None
    return shared


def reason(said: str) -> str:
    """Return the reason that uv gives for a failure: what it could not do, and the last cause, in one line.

    uv begins the causes at two spaces, and what a program such as git said at nine.
    """
    errors = re.findall(r"^error: (.+)", said, re.MULTILINE)
    causes = re.findall(r"^ +cause: (.+(?:\n {9}.+)*)", said, re.IGNORECASE | re.MULTILINE)
    what = errors[:1] if errors and "No solution found" not in errors[0] else []
    fatal = re.findall(r"^ *fatal: (.+)", said, re.MULTILINE)
    because = fatal[:1] or [re.sub(r",? we can conclude that .* are unsatisfiable", "", cause) for cause in causes[-1:]]
    return re.sub(r"\s+", " ", ": ".join([*what, *because])).rstrip(". ") or "uv does not say why"
