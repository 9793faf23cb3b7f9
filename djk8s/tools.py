"""The pinned tools in `.tools/`: uv, which installs, and pip, which knows where the user's packages come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from djk8s.packages import resolver
from djk8s.project import Project
from djk8s.shell import processes
from djk8s.shell.command import Command
from djk8s.shell.run import run as run_command


def program(project: Project, name: str) -> Path:
    """Return the path of a program in .tools/."""
    return processes.program(project.root / ".tools", name)


def run(project: Project, command: Command, failed: str | Callable[[str], str] = "", unattended: bool = False) -> None:
    """Run a command that installs packages: it gets the user's indexes, and no other setting of pip and uv."""
    if not project.dry:
        command = replace(command, hidden=resolver.index_variables())
    run_command(project, command, failed, unattended=unattended)
