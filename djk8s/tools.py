"""The pinned tools in `.tools/`: uv, which installs, and pip, which knows where the user's packages come from."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from djk8s import installer
from djk8s.project import Project
from djk8s.shell import processes
from djk8s.shell.command import Command
from djk8s.shell.run import output
from djk8s.shell.run import run as run_command
from djk8s.shell.talk import refuse


def program(project: Project, name: str) -> Path:
    """Return the path of a program in .tools/."""
    return processes.program(project.root / ".tools", name)


def run(project: Project, command: Command, failed: str | Callable[[str], str] = "", unattended: bool = False) -> None:
    """Run a command that installs packages: it gets the user's indexes, and no other setting of pip and uv."""
    if not project.dry:
        command = replace(command, hidden=index_variables(project))
    run_command(project, command, failed, unattended=unattended)


@functools.cache
def index_variables(project: Project) -> installer.Variables:
    """Return the variables for pip and uv; raises `Exit` if pip cannot read its settings."""
    ask = (program(project, "python"), "-I", "-m", "pip", "config", "list")
    answer = output(project, ask, variables=installer.to_ask_pip(os.environ))
    if answer.returncode:
        refuse(f"{answer.stderr.strip()}\npip cannot read its settings: {installer.SETTINGS}.")
    return installer.variables(answer.stdout, os.environ)
