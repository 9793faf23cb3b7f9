"""A command: how it is written down, and how it is run.

Nothing here goes through a shell: a command is a tuple of words from the moment it is decided to the
moment the machine gets it, and is quoted once, to be read and pasted by a person.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Protocol, TextIO

from invoke import Context, Exit

from steps import system
from steps.project import ROOT

SIGNAL_PATIENCE = 3  # seconds that a command has to end of itself after a signal
SIGNALLED = 128  # a shell's exit code for what signal N ended is 128 + N
Child = subprocess.Popen[bytes]
INTERRUPTED = "Interrupted; type it again when you like, it starts clean."


class PutDown(Protocol):
    """What ends all that a command started; `cut_off` where the command itself was ended in the middle of its work."""

    def __call__(self, *, cut_off: bool = False) -> object: ...


@dataclass(frozen=True)
class Command:
    """Words to run in a folder, with variables that are part of the line and variables that are not.

    A word that is a `Path` is shown relative to that folder. `hidden` holds what must not be shown, and None
    for a variable to remove.
    An `unattended` command asks nothing and is ended quietly by Ctrl-C; one that `waits_with_signals`
    lets Ctrl-C in only when it is ready to act on it, as `src/gunicorn.conf.py` does. One `by_plugin` of the docker
    client is ended with what it started, for at a terminal the client does not do that. `put_down` ends what
    a command started, where it failed, or a signal that we passed on was lost on the way. One that `reads` a file has
    it for its input, and one that `writes` one has it for its output.
    """

    argv: tuple[str | Path, ...]
    cwd: Path = ROOT
    shown: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str | None] = field(default_factory=dict)
    unattended: bool = False
    waits_with_signals: bool = False
    by_plugin: bool = False
    put_down: PutDown | None = None
    reads: Path | None = None
    writes: Path | None = None

    def line(self, here: Path = ROOT) -> str:
        """Return the command as one line that can be pasted into a shell in the folder `here`."""
        words = [os.path.relpath(word, self.cwd) if inside(word) else str(word) for word in self.argv]
        folder = None
        if self.cwd != here:
            folder = os.path.relpath(self.cwd, here) if inside(here) and inside(self.cwd) else str(self.cwd)
        files = {"<": self.reads, ">": self.writes}
        redirections = [f" {sign} {system.quoted(from_here(file, here))}" for sign, file in files.items() if file]
        return system.line(words, self.shown, folder) + "".join(redirections)


def from_here(file: Path, here: Path) -> str:
    """Return a path as one types it in a folder."""
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def inside(word: str | Path) -> bool:
    """Return whether a word is a path in the project."""
    return isinstance(word, Path) and word.is_relative_to(ROOT)


def dry(c: Context) -> bool:
    """Return whether commands are only to be printed, as `inv --dry` asks."""
    return bool(c.config.run.dry)


def say(text: str) -> None:
    """Tell the person what happens, on standard error, so that a command's own output stays its own."""
    print(text, file=sys.stderr, flush=True)


def takes_colours(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that shows colours, and whose user wants them: https://no-color.org."""
    return understands(stream) and not os.environ.get("NO_COLOR")


def understands(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that understands more than lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def show(c: Context, command: Command) -> None:
    """Print a command: as the result on standard output with --dry, else as news on standard error."""
    line = command.line(Path.cwd())
    if dry(c):
        print(line, flush=True)
    elif takes_colours(sys.stderr):
        say(f"\033[1m{line}\033[0m")
    else:
        say(line)


def run(c: Context, command: Command, failed: str | Callable[[str], str] = "", read: bool = False) -> str:
    """Print a command and, without --dry, run it on this terminal until it ends.

    Returns its standard output if that is to be `read`, else nothing. Raises `Exit` with the command's
    own exit code, 128 + N when signal N ended it, unless that is 0; `failed` is the sentence to add
    where the command itself does not say what to do next, or makes it, once it failed, of what an unattended
    one said on standard error.
    """
    show(c, command)
    if dry(c):
        return ""
    with signals_for(command) as (received, begin), begin(started(command, read)) as child:
        heard = overhear(child)
        said = finish(child, command, received)
        complaint = heard()
        if command.put_down and (child.returncode or received):
            command.put_down(cut_off=bool(child.returncode and received))
    code = SIGNALLED - child.returncode if child.returncode < 0 else child.returncode
    if received and (command.unattended or read):
        raise Exit(INTERRUPTED, SIGNALLED + received[0])
    if received and code:
        raise Exit(None, SIGNALLED + received[0] if command.by_plugin else code)
    if code:
        raise Exit((failed(complaint) if callable(failed) else failed) or None, code)
    return said.decode() if read else ""


def overhear(child: Child) -> Callable[[], str]:
    """Pass on what a child says on standard error, as it comes; returns what tells all of it once the child ended."""
    stream, child.stderr = child.stderr, None  # `communicate` is to leave it alone
    if stream is None:
        return lambda: ""
    heard: list[bytes] = []

    def pass_on_lines() -> None:
        for line in stream:
            heard.append(line)
            os.write(sys.stderr.fileno(), line)

    thread = threading.Thread(target=pass_on_lines, daemon=True)
    thread.start()

    def all_of_it() -> str:
        thread.join(SIGNAL_PATIENCE)  # what it started may still hold the other end
        return b"".join(heard).decode(errors="replace")

    return all_of_it


def finish(child: Child, command: Command, received: list[int]) -> bytes:
    """Wait for the end of a command and return its output, if that is read."""
    while True:
        before = len(received)
        try:
            return child.communicate(timeout=SIGNAL_PATIENCE)[0]
        except subprocess.TimeoutExpired:
            if before and command.put_down:
                put_down(command.put_down, child)


def put_down(act: PutDown, child: Child) -> None:
    """End what a child started; a child that cannot be ended so, because its engine is silent, is killed."""
    try:
        act()
    except Exit:
        child.kill()
        raise


def started(command: Command, read: bool) -> subprocess.Popen[bytes]:
    """Start a command; raises `Exit` where there is no such program."""
    group = system.own_group() if command.unattended else {}
    try:
        with ExitStack() as files, system.interrupts_held_back(command.waits_with_signals):
            given = files.enter_context(command.reads.open("rb")) if command.reads else None
            taken = files.enter_context(command.writes.open("wb")) if command.writes else None
            return subprocess.Popen(
                [str(word) for word in command.argv],
                cwd=command.cwd,
                env=environment(command.hidden, command.shown),
                stdin=given or (subprocess.DEVNULL if command.unattended else None),
                stdout=taken or (subprocess.PIPE if read else None),
                stderr=subprocess.PIPE if command.unattended else None,
                **group,
            )
    except FileNotFoundError:
        raise Exit(f"There is no {command.argv[0]} on this machine.", 127) from None
    except OSError as error:
        raise Exit(f"{command.argv[0]} cannot be run: {error.strerror}.", 126) from None


def environment(*more: Mapping[str, str | None]) -> dict[str, str]:
    """Return this process's variables with more; None removes one."""
    merged: dict[str, str | None] = dict(os.environ)
    for variables in more:
        merged.update(variables)
    return {name: value for name, value in merged.items() if value is not None}


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

    with on_signals(come):
        yield received, begin


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise `Exit` where a signal comes that asks us to end, so that what was begun is undone on the way."""

    def end(number: int, _frame: object) -> None:
        raise Exit(INTERRUPTED, SIGNALLED + number)

    with on_signals(end):
        yield


@contextmanager
def on_signals(act: Callable[[int, object], None]) -> Iterator[None]:
    """Act when a signal asks us to end; afterwards it means what it meant before."""
    before = {number: signal.signal(number, act) for number in system.ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def pass_on(number: int, child: Child, command: Command, early: bool = False) -> None:
    """Pass a signal on to a child; an `early` one came before it was there, so no terminal has sent it that."""
    if command.unattended:
        system.end_group(child)
    elif number != signal.SIGINT:
        system.end(child, plugins=command.by_plugin)
    elif early or not system.terminal_interrupts():
        system.interrupt(child)


def output(
    argv: Sequence[str | Path], timeout: float = 10, variables: Mapping[str, str | None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that changes nothing, with more variables, and return what it said.

    Raises `FileNotFoundError` where there is no such program and `subprocess.TimeoutExpired` after
    `timeout` seconds.
    """
    return subprocess.run(
        argv,
        cwd=ROOT,
        env=environment(variables or {}),
        capture_output=True,
        text=True,
        errors="replace",
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
