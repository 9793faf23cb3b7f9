"""Nox commands: the sessions that the tasks call, with the Nox of `.tools/`."""

import re
import sys
from pathlib import Path

from djk8s.shell.command import Command
from djk8s.shell.talk import refuse


def command(*words: str) -> Command:
    """Return a command of the Nox that is installed beside the Invoke that runs this."""
    return Command((Path(sys.executable), "-m", "nox", *words))


def test_command(sessions: tuple[str, ...] = ()) -> Command:
    """Return the command that runs sessions, by default all that this machine can; one that was asked for must."""
    if not sessions:
        return command()
    for session in sessions:
        if not re.fullmatch(r"\w[\w.-]*", session):
            refuse(f"--session {session!r} is not a session: give the name of one, for example --session lint.")
    # One --session for all, because Nox takes the last one.
    return command("--error-on-missing-interpreters", "--session", *sessions)


def bench_command(json: bool = False, chart: bool = False, rounds: str = "5") -> Command:
    """Return the command that measures the recipes; raises `Exit` unless `rounds` is a number, 1 or more."""
    if not re.fullmatch(r"[1-9][0-9]{0,3}", rounds):
        refuse(f"--rounds {rounds!r} is not a number of rounds: give 1 or more, for example --rounds 5.")
    options = [*(["--json"] if json else []), *(["--chart"] if chart else []), "--rounds", rounds]
    return command("--session", "bench", "--", *options)
