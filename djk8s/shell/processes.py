"""The differences between POSIX and Windows: a venv's layout, how a line is quoted, and how processes end.

Everything depends on WINDOWS, a value that the tests change, so that both ways are tested on either system.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

WINDOWS = os.name == "nt"
NEW_GROUP = 0x00000200  # subprocess.CREATE_NEW_PROCESS_GROUP, a name that Python defines on Windows only


def program(venv: Path, name: str) -> Path:
    return venv / "Scripts" / f"{name}.exe" if WINDOWS else venv / "bin" / name


def quoted(word: str) -> str:
    """Quote a word for the shell: a POSIX shell, or cmd.exe on Windows."""
    return careted(subprocess.list2cmdline([word])) if WINDOWS else shlex.quote(word)


def careted(text: str) -> str:
    """Escape with carets what cmd.exe would act on, unless quotes protect it already."""
    if text.count('"') % 2 == 0 and not re.search("[%^&|<>]", text):
        return text
    return re.sub('["%^&|<>]', r"^\g<0>", text)


def line(words: Sequence[str], variables: Mapping[str, str], folder: str | None = None) -> str:
    """Join words into one line that can be pasted, with its variables, to run in `folder`."""
    command = " ".join(map(quoted, words))
    if WINDOWS:
        settings = [careted(f'set "{name}={value}"') for name, value in variables.items()]
        command = " && ".join([*settings, command])
        return f"pushd {quoted(folder)} && {command} & popd" if folder else command
    command = " ".join([*(f"{name}={quoted(value)}" for name, value in variables.items()), command])
    return f"(cd {quoted(folder)} && {command})" if folder else command


def own_user() -> dict[str, str]:
    """Return the user for a container that writes into the checkout; on Windows it makes no difference."""
    return {} if WINDOWS else {"UP_USER": f"{os.getuid()}:0"}


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that ask a program to end; Windows has none for a closed terminal."""
    asked = (signal.SIGINT, signal.SIGTERM)
    return asked if WINDOWS else (*asked, signal.SIGHUP)


@contextmanager
def interrupts_held_back(hold: bool) -> Iterator[None]:
    """Block Ctrl-C for a while; a child that starts meanwhile inherits that. Windows has nothing of the kind."""
    if WINDOWS or not hold:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def own_group() -> dict[str, Any]:
    """Return the `Popen` options that keep the terminal's Ctrl-C from a child and its descendants."""
    return {"creationflags": NEW_GROUP} if WINDOWS else {"start_new_session": True}


def end_group(child: subprocess.Popen[bytes]) -> None:
    """End a child that was started with `own_group`, and its descendants."""
    if WINDOWS:
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(child.pid)], capture_output=True, check=False)
        return
    with suppress(ProcessLookupError, PermissionError):  # it has ended already; macOS then says EPERM
        os.killpg(child.pid, signal.SIGTERM)


def end(child: subprocess.Popen[bytes], descendants: bool) -> None:
    """End a child, and its descendants too if asked."""
    import psutil  # here, because most commands do not need it

    with suppress(psutil.Error):  # one of them has ended already
        started = psutil.Process(child.pid).children(recursive=True) if descendants else []
        child.terminate()
        for process in started:
            process.terminate()


def kill_line(pid: int) -> str:
    return f"taskkill /PID {pid}" if WINDOWS else f"kill {pid}"


def terminal_interrupts() -> bool:
    """Return True if Ctrl-C reaches our children without us; Windows sends it to all that share a console."""
    return WINDOWS or sys.stdin.isatty()


def interrupt(child: subprocess.Popen[bytes]) -> None:
    """Interrupt a child as Ctrl-C does; Windows can only end it."""
    if WINDOWS:
        child.terminate()
    else:
        child.send_signal(signal.SIGINT)


def become(argv: list[str]) -> NoReturn:
    """Replace this process by another program; Windows can only wait for it, and leaves Ctrl-C to it."""
    if WINDOWS:
        signal.signal(signal.SIGINT, lambda *_: None)
        sys.exit(subprocess.call(argv))
    os.execv(argv[0], argv)
