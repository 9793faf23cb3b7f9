"""The pinned tools in `.tools/`: who may run the list, and how uv and Nox are called from it."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from invoke import Context

from steps import command, installer, system
from steps.command import Command, dry, output, refuse
from steps.project import ROOT

TOOLS = ROOT / ".tools"


def hand_over() -> None:
    """Turn an Invoke that someone installed elsewhere into the project's own, which it may have to set up.

    Does nothing in the project's own Invoke, for shell completion, and where the tasks are only
    imported, as tests do.
    """
    program = Path(sys.argv[0])
    is_invoke = program.stem in {"inv", "invoke"} or program.parts[-2:] == ("invoke", "__main__.py")
    if not is_invoke or "--complete" in sys.argv or Path(sys.prefix).resolve() == TOOLS.resolve():
        return
    system.become([sys.executable, str(ROOT / "inv"), *sys.argv[1:]])


def run(c: Context, installing: Command, failed: str | Callable[[str], str] = "") -> None:
    """Run a command that installs packages: it gets the user's indexes, and no other setting of pip and uv."""
    command.run(c, installing if dry(c) else replace(installing, hidden=index_variables()), failed)


@functools.cache
def index_variables() -> installer.Variables:
    """Return the variables for pip and uv; raises `Exit` where pip cannot read its settings."""
    ask = (system.program(TOOLS, "python"), "-I", "-m", "pip", "config", "list")
    answer = output(ask, variables=installer.to_ask_pip(os.environ))
    if answer.returncode:
        refuse(f"{answer.stderr.strip()}\npip cannot read its settings: {installer.SETTINGS}.")
    return installer.variables(answer.stdout, os.environ)


def nox_command(*words: str) -> Command:
    """Return a Nox command, of the Nox beside the Invoke that runs this."""
    return Command((Path(sys.executable), "-m", "nox", *words))


def test_command(sessions: tuple[str, ...] = ()) -> Command:
    """Return the command that runs sessions, by default all that this machine can.

    One that is asked for by name is not to be skipped: without its Python it fails. Raises `Exit` for what Nox
    would take for an option of its own.
    """
    if not sessions:
        return nox_command()
    for session in sessions:
        if not re.fullmatch(r"\w[\w.-]*", session):
            refuse(f"--session {session!r} is not a session: give the name of one, as --session lint.")
    # One --session for all: of two, Nox takes the last.
    return nox_command("--error-on-missing-interpreters", "--session", *sessions)


def bench_command(json: bool = False, chart: bool = False, rounds: str = "5") -> Command:
    """Return the command that measures the recipes.

    Raises `Exit` unless `rounds` is a whole number, 1 or more.
    """
    if not re.fullmatch(r"[1-9][0-9]{0,3}", rounds):
        refuse(f"--rounds {rounds!r} is not a number of rounds: give 1 or more, as --rounds 5.")
    options = [*(["--json"] if json else []), *(["--chart"] if chart else []), "--rounds", rounds]
    return nox_command("--session", "bench", "--", *options)


def lint_command() -> Command:
    """Return the command that runs the check of style, types and files alone."""
    return nox_command("--session", "lint")


def lock_command(upgrade: bool = False) -> Command:
    """Return the command that pins what the .in files ask for."""
    return nox_command("--session", "lock", *(["--", "--upgrade"] if upgrade else []))
