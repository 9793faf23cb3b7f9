"""How a command is run: it is printed, started on this terminal, gets its signals, and ends with its exit code."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from invoke import Exit

from djk8s.project import Project
from djk8s.shell import processes
from djk8s.shell.command import Command
from djk8s.shell.talk import refuse, say, takes_colours

SIGNAL_PATIENCE = 3  # seconds that a command has to end by itself after a signal
SIGNALLED = 128  # a shell's exit code for a command that signal N ended is 128 + N
INTERRUPTED = "Interrupted; type it again when you like, it starts clean."
PLUGINS = {"build", "compose"}  # the engine's client runs these as child processes: buildx and Compose
Child = subprocess.Popen[bytes]
CleanUp = Callable[..., object]  # ends what a command started; `cut_off=True` if that was in the middle of it


def run(
    project: Project,
    command: Command,
    failed: str | Callable[[str], str] = "",
    *,
    read: bool = False,
    unattended: bool = False,
    hold_interrupt: bool = False,
    clean_up: CleanUp | None = None,
) -> str:
    """Print a command and, without --dry, run it on this terminal until it ends.

    Returns its standard output if `read`, else "". An `unattended` command asks nothing, and a signal ends it and its
    descendants quietly. `hold_interrupt` starts it with Ctrl-C blocked, which `gunicorn.conf.py` unblocks once ready.
    `clean_up` is called if the command failed, or did not end after a signal.

    Raises `Exit` with the command's exit code, or 128 + N if signal N ended it. `failed` is the sentence to add when
    the command itself does not say what to do next; a function gets what an unattended command wrote to stderr.
    """
    line = command.line(project.root, Path.cwd())
    if project.dry:
        print(line, flush=True)
        return ""
    say(f"\033[1m{line}\033[0m" if takes_colours(sys.stderr) else line)
    plugin = command.argv[0] == project.engine and command.argv[1] in PLUGINS
    # Asked before anything runs: a terminal that was closed is not one any more.
    signal_child = partial(pass_on, unattended=unattended, descendants=plugin and sys.stdout.isatty())
    child = partial(start, project, command, read, unattended, hold_interrupt)
    with forwarding(signal_child) as (received, begin), begin(child()) as process:
        heard = echo_errors(process)
        said = finish(process, received, clean_up)
        complaint = heard()
        if clean_up and (process.returncode or received):
            clean_up(cut_off=bool(process.returncode and received))
    code = SIGNALLED - process.returncode if process.returncode < 0 else process.returncode
    if received and (unattended or read):
        raise Exit(INTERRUPTED, SIGNALLED + received[0])
    if received and code:
        raise Exit(None, SIGNALLED + received[0] if plugin else code)
    if code:
        raise Exit((failed(complaint) if callable(failed) else failed) or None, code)
    return said.decode() if read else ""


def start(project: Project, command: Command, read: bool, unattended: bool, hold_interrupt: bool) -> Child:
    """Start a command; raises `Exit` if there is no such program."""
    group = processes.own_group() if unattended else {}
    try:
        with ExitStack() as files, processes.interrupts_held_back(hold_interrupt):
            source = files.enter_context(command.reads.open("rb")) if command.reads else None
            target = files.enter_context(command.writes.open("wb")) if command.writes else None
            return subprocess.Popen(
                [str(word) for word in command.argv],
                cwd=project.root / command.cwd,
                env=environment(command.hidden, command.shown),
                stdin=source or (subprocess.DEVNULL if unattended else None),
                stdout=target or (subprocess.PIPE if read else None),
                stderr=subprocess.PIPE if unattended else None,
                **group,
            )
    except FileNotFoundError:
        if not (project.root / command.cwd).is_dir():
            refuse(f"There is no folder {command.cwd}: bring it back, for example with `git checkout`.")
        raise Exit(f"There is no {command.argv[0]} on this machine.", 127) from None
    except OSError as error:
        raise Exit(f"{command.argv[0]} cannot be run: {error.strerror}.", 126) from None


def echo_errors(child: Child) -> Callable[[], str]:
    """Copy a child's standard error to ours as it comes; returns a function that gives all of it at the end."""
    stream, child.stderr = child.stderr, None  # so that `communicate` leaves it alone
    if stream is None:
        return lambda: ""
    heard: list[bytes] = []

    def copy_lines() -> None:
        for line in stream:
            heard.append(line)
            os.write(sys.stderr.fileno(), line)

    thread = threading.Thread(target=copy_lines, daemon=True)
    thread.start()

    def everything() -> str:
        thread.join(SIGNAL_PATIENCE)  # a descendant may still hold the other end
        return b"".join(heard).decode(errors="replace")

    return everything


def finish(child: Child, received: list[int], clean_up: CleanUp | None) -> bytes:
    """Wait for a command to end and return its output, if that is read."""
    while True:
        before = len(received)
        try:
            return child.communicate(timeout=SIGNAL_PATIENCE)[0]
        except subprocess.TimeoutExpired:
            if before and clean_up:
                try:
                    clean_up()
                except Exit:  # the engine does not answer, so the child would wait for ever
                    child.kill()
                    raise


@contextmanager
def forwarding(signal_child: Callable[..., None]) -> Iterator[tuple[list[int], Callable[[Child], Child]]]:
    """Leave signals to the child while it runs: it ends in its own way, and then so do we.

    Yields the list of signals received, and a function that takes the child once it is started and gives it the
    signals that came before.
    """
    received: list[int] = []
    children: list[Child] = []

    def receive(number: int, _frame: object) -> None:
        received.append(number)
        for child in children:
            signal_child(number, child)

    def begin(child: Child) -> Child:
        children.append(child)
        for number in received:
            signal_child(number, child, early=True)
        return child

    with on_signals(receive):
        yield received, begin


def pass_on(number: int, child: Child, *, unattended: bool, descendants: bool, early: bool = False) -> None:
    """Pass a signal on to a child.

    A terminal sends Ctrl-C to the child as well, so we send it only where there is no terminal, or if it came `early`,
    before the child existed. SIGHUP becomes SIGTERM, because servers take SIGHUP for "reload". An unattended child gets
    SIGTERM for Ctrl-C too, because a Python that is interrupted prints a traceback. The docker client ends its plugins
    itself, but not on a terminal: https://github.com/docker/cli/blob/v26.1.5/cmd/docker/docker.go
    """
    if unattended:
        processes.end_group(child)
    elif number != signal.SIGINT:
        processes.end(child, descendants)
    elif early or not processes.terminal_interrupts():
        processes.interrupt(child)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise `Exit` on a signal that asks us to end, so that the code around it can clean up."""

    def end(number: int, _frame: object) -> None:
        raise Exit(INTERRUPTED, SIGNALLED + number)

    with on_signals(end):
        yield


@contextmanager
def taking_back(project: Project, take_back: Callable[[], object]) -> Iterator[None]:
    """Call `take_back` if the code within ends in `Exit`, or a signal asks us to end meanwhile; not with --dry."""
    try:
        with ended_by_signals():
            yield
    except Exit:
        if not project.dry:
            take_back()
        raise


@contextmanager
def on_signals(act: Callable[[int, object], None]) -> Iterator[None]:
    """Handle the signals that ask us to end, and restore their handlers afterwards."""
    before = {number: signal.signal(number, act) for number in processes.ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def environment(*more: Mapping[str, str | None]) -> dict[str, str]:
    """Return this process's variables with more; None removes one."""
    merged: dict[str, str | None] = dict(os.environ)
    for variables in more:
        merged.update(variables)
    return {name: value for name, value in merged.items() if value is not None}


def output(
    project: Project,
    argv: Sequence[str | Path],
    timeout: float | None = 10,
    variables: Mapping[str, str | None] | None = None,
    given: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a command quietly in the project's folder, with `given` as input; raises what `subprocess.run` does."""
    return subprocess.run(
        argv,
        cwd=project.root,
        env=environment(variables or {}),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        input=given,
    )
