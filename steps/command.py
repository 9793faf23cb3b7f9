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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from invoke import Context, Exit

from steps.project import ROOT

SIGNAL_PATIENCE = 3  # seconds that a command has to end of itself after a signal
Child = subprocess.Popen[bytes]
INTERRUPTED = "Interrupted; type it again when you like, it starts clean."


@dataclass(frozen=True)
class Command:
    """Words to run in a folder, with variables that are part of the line and variables that are not.

    A word that is a `Path` is shown relative to that folder. `hidden` holds what must not be shown.
    An `unattended` command asks nothing and is ended quietly by Ctrl-C; one that `waits_with_signals`
    lets Ctrl-C in only when it is ready to act on it, as `src/gunicorn.conf.py` does. `put_down` ends what
    a command started, where a signal that we passed on was lost on the way.
    """

    argv: tuple[str | Path, ...]
    cwd: Path = ROOT
    shown: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    unattended: bool = False
    waits_with_signals: bool = False
    put_down: Callable[[], object] | None = None

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
    with signals_for(command) as (received, begin), begin(started(command, read)) as child:
        said = finish(child, command, received)
    code = 128 - child.returncode if child.returncode < 0 else child.returncode
    if code and received:
        raise Exit(INTERRUPTED if command.unattended else None, 130 if command.unattended else code)
    if code:
        raise Exit(failed or None, code)
    return said.decode() if read else ""


def finish(child: Child, command: Command, received: list[int]) -> bytes:
    """Wait for the end of a command and return its output, if that is read."""
    while True:
        before = len(received)
        try:
            return child.communicate(timeout=SIGNAL_PATIENCE)[0]
        except subprocess.TimeoutExpired:
            if before and command.put_down:
                command.put_down()


def started(command: Command, read: bool) -> subprocess.Popen[bytes]:
    """Start a command; raises `Exit` where there is no such program."""
    blocked = {signal.SIGINT} if command.waits_with_signals else set()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked) if blocked else set()  # a child inherits it
    try:
        return subprocess.Popen(
            [str(word) for word in command.argv],
            cwd=command.cwd,
            env={**os.environ, **command.hidden, **command.shown},
            stdin=subprocess.DEVNULL if command.unattended else None,
            stdout=subprocess.PIPE if read else None,
            start_new_session=command.unattended,
        )
    except FileNotFoundError:
        raise Exit(f"There is no {command.argv[0]} on this machine.", 127) from None
    except OSError as error:
        raise Exit(f"{command.argv[0]} cannot be run: {error.strerror}.", 126) from None
    finally:
        if blocked:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def signals_for(command: Command) -> Iterator[tuple[list[int], Callable[[Child], Child]]]:
    """Leave signals to the child while it runs: it ends in its own way, and then so do we.

    Yields the list of the signals that came, and a function that takes the child once it is started; a
    signal that came before that is passed on then. A terminal sends Ctrl-C to the child as well as to us,
    so it is passed on only where there is none. A closed terminal (SIGHUP) is passed on as SIGTERM, because
    servers take SIGHUP for "reload". An unattended child is ended by SIGTERM with all that it started,
    because a Python that is interrupted ends in a traceback.
    """
    received: list[int] = []
    children: list[Child] = []

    def come(number: int, _frame: object) -> None:
        received.append(number)
        for child in children:
            pass_on(number, child, command)

    def begin(child: Child) -> Child:
        children.append(child)
        for number in received:
            pass_on(number, child, command, early=True)
        return child

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), come) for name in names}
    try:
        yield received, begin
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def pass_on(number: int, child: Child, command: Command, early: bool = False) -> None:
    """Pass a signal on to a child; an `early` one came before it was there, so no terminal has sent it that."""
    if command.unattended:
        os.killpg(child.pid, signal.SIGTERM)
    elif number != signal.SIGINT:
        child.terminate()
    elif early or not sys.stdin.isatty():
        child.send_signal(signal.SIGINT)


def output(
    argv: Sequence[str | Path], timeout: float = 10, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that changes nothing, with more variables, and return what it said.

    Raises `FileNotFoundError` where there is no such program and `subprocess.TimeoutExpired` after
    `timeout` seconds.
    """
    return subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def after_dashes() -> tuple[str, ...]:
    """Return the words after `--`, each as it was typed; Invoke's own `remainder` loses the quoting."""
    return tuple(sys.argv[sys.argv.index("--") + 1 :]) if "--" in sys.argv else ()


def refuse(sentence: str, code: int = 1) -> NoReturn:
    """End the task with one sentence on standard error."""
    raise Exit(sentence, code)
