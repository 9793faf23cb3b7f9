"""A command: how it is written down, and how it is run.

Nothing here goes through a shell: a command is a tuple of words from the moment it is decided to the
moment the machine gets it, and is quoted once, to be read and pasted by a person.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from invoke import Context, Exit

from steps.project import ROOT


@dataclass(frozen=True)
class Command:
    """Words to run in a folder, with variables that are part of the line and variables that are not.

    A word that is a `Path` is shown relative to that folder. `hidden` holds what must not be shown.
    """

    argv: tuple[str | Path, ...]
    cwd: Path = ROOT
    shown: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)

    def line(self, here: Path = ROOT) -> str:
        """Return the command as one line that can be pasted into a POSIX shell in the folder `here`."""
        words = [os.path.relpath(word, self.cwd) if inside(word) else str(word) for word in self.argv]
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.shown.items()]
        line = " ".join([*variables, shlex.join(words)])
        if self.cwd == here:
            return line
        folder = os.path.relpath(self.cwd, here) if inside(here) and inside(self.cwd) else self.cwd
        return f"(cd {shlex.quote(str(folder))} && {line})"


def inside(word: str | Path) -> bool:
    """Return whether a word is a path in the project."""
    return isinstance(word, Path) and word.is_relative_to(ROOT)


def dry(c: Context) -> bool:
    """Return whether commands are only to be printed, as `inv --dry` asks."""
    return bool(c.config.run.dry)


def say(text: str) -> None:
    """Tell the person what happens, on standard error, so that a command's own output stays its own."""
    print(text, file=sys.stderr, flush=True)


def show(c: Context, command: Command) -> None:
    """Print a command: as the result on standard output with --dry, else as news on standard error."""
    line = command.line(Path.cwd())
    if dry(c):
        print(line, flush=True)
    elif sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        say(f"\033[1m{line}\033[0m")
    else:
        say(line)


def run(c: Context, command: Command, failed: str = "", read: bool = False) -> str:
    """Print a command and, without --dry, run it on this terminal until it ends.

    Returns its standard output if that is to be `read`, else nothing. Raises `Exit` with the command's
    own exit code, 128 + N when signal N ended it, unless that is 0; `failed` is the sentence to add
    where the command itself does not say what to do next.
    """
    show(c, command)
    if dry(c):
        return ""
    try:
        child = subprocess.Popen(
            [str(word) for word in command.argv],
            cwd=command.cwd,
            env={**os.environ, **command.hidden, **command.shown},
            stdout=subprocess.PIPE if read else None,
        )
    except FileNotFoundError:
        raise Exit(f"There is no {command.argv[0]} on this machine.", 127) from None
    with signals_for(child):
        said, _ = child.communicate()
    if child.returncode:
        raise Exit(failed or None, 128 - child.returncode if child.returncode < 0 else child.returncode)
    return said.decode() if read else ""


@contextmanager
def signals_for(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave signals to the child while it runs: it ends in its own way, and then so do we.

    A terminal sends Ctrl-C to the child as well as to us, so it is passed on only where there is none.
    A closed terminal (SIGHUP) is passed on as SIGTERM, because servers take SIGHUP for "reload".
    """

    def pass_on(number: int, _frame: object) -> None:
        if number != signal.SIGINT or not sys.stdin.isatty():
            child.send_signal(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), pass_on) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def output(argv: tuple[str, ...], timeout: float = 10) -> subprocess.CompletedProcess[str]:
    """Run a command that changes nothing and return what it said.

    Raises `FileNotFoundError` where there is no such program and `subprocess.TimeoutExpired` after
    `timeout` seconds.
    """
    return subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
    )


def after_dashes() -> tuple[str, ...]:
    """Return the words after `--`, each as it was typed; Invoke's own `remainder` loses the quoting."""
    return tuple(sys.argv[sys.argv.index("--") + 1 :]) if "--" in sys.argv else ()


def refuse(sentence: str, code: int = 1) -> NoReturn:
    """End the task with one sentence on standard error."""
    raise Exit(sentence, code)
