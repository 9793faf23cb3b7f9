"""What differs between POSIX and Windows: the venv's layout, how a line is written, and how processes are ended.

It is decided here alone, by WINDOWS, a value that the tests change: both ways are tested on either system.
"""

from __future__ import annotations

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
AT_TERMINAL = sys.stdout.isatty()  # asked at once: one that is closed is none any more
NEW_GROUP = 0x00000200  # subprocess.CREATE_NEW_PROCESS_GROUP, a name that Python has on Windows alone


def program(venv: Path, name: str) -> Path:
    """Return where a virtual environment keeps a program."""
    return venv / "Scripts" / f"{name}.exe" if WINDOWS else venv / "bin" / name


def site_packages(venv: Path) -> list[Path]:
    """Return where a virtual environment keeps its packages."""
    return [venv / "Lib" / "site-packages"] if WINDOWS else list(venv.glob("lib/python*/site-packages"))


def quoted(word: str) -> str:
    """Return a word as the shell reads it: a POSIX shell, on Windows cmd.exe."""
    return careted(subprocess.list2cmdline([word])) if WINDOWS else shlex.quote(word)


def careted(text: str) -> str:
    """Return text that cmd.exe hands on as it is: with carets, where it has what quotes do not protect."""
    if text.count('"') % 2 == 0 and not re.search("[%^&|<>]", text):
        return text
    return re.sub('["%^&|<>]', r"^\g<0>", text)


def line(words: Sequence[str], variables: Mapping[str, str], folder: str | None = None) -> str:
    """Return words as one line that can be pasted, with variables before them, and for another folder from there."""
    command = " ".join(map(quoted, words))
    if WINDOWS:
        settings = [careted(f'set "{name}={value}"') for name, value in variables.items()]
        command = " && ".join([*settings, command])
        return f"pushd {quoted(folder)} && {command} & popd" if folder else command
    command = " ".join([*(f"{name}={quoted(value)}" for name, value in variables.items()), command])
    return f"(cd {quoted(folder)} && {command})" if folder else command


def continuation() -> str:
    """Return the sign at the end of a line that goes on in the next."""
    return "^" if WINDOWS else "\\"


def own_user() -> dict[str, str]:
    """Return who a container is to be that writes into the checkout; on Windows that makes no difference."""
    return {} if WINDOWS else {"UP_USER": f"{os.getuid()}:0"}


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals by which a program is asked to end; Windows knows no closed terminal."""
    asked = (signal.SIGINT, signal.SIGTERM)
    return asked if WINDOWS else (*asked, signal.SIGHUP)


@contextmanager
def interrupts_held_back(hold: bool) -> Iterator[None]:
    """Hold Ctrl-C back meanwhile: a child that starts now begins so too. Windows has nothing of the kind."""
    if WINDOWS or not hold:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def own_group() -> dict[str, Any]:
    """Return the options of `Popen` that keep the terminal's Ctrl-C from a child and from all that it starts."""
    return {"creationflags": NEW_GROUP} if WINDOWS else {"start_new_session": True}


def end_group(child: subprocess.Popen[bytes]) -> None:
    """End such a child with all that it started."""
    if WINDOWS:
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(child.pid)], capture_output=True, check=False)
        return
    with suppress(ProcessLookupError, PermissionError):  # it has ended already; macOS forbids it then
        os.killpg(child.pid, signal.SIGTERM)


def end(child: subprocess.Popen[bytes], plugins: bool) -> None:
    """End a child, and at a terminal its `plugins` too: the docker client leaves buildx and Compose to that there.

    https://github.com/docker/cli/blob/v26.1.5/cmd/docker/docker.go
    """
    import psutil  # here, because most commands need nothing of it

    with suppress(psutil.Error):  # it, or one of them, has ended already
        started = psutil.Process(child.pid).children(recursive=True) if plugins and AT_TERMINAL else []
        child.terminate()
        for process in started:
            process.terminate()


def kill_line(pid: int) -> str:
    """Return what a person types to end a process."""
    return f"taskkill /PID {pid}" if WINDOWS else f"kill {pid}"


def terminal_interrupts() -> bool:
    """Return whether Ctrl-C reaches our children without us; Windows sends it to all that share a console."""
    return WINDOWS or sys.stdin.isatty()


def interrupt(child: subprocess.Popen[bytes]) -> None:
    """Interrupt a child as Ctrl-C does; on Windows one can only end it."""
    if WINDOWS:
        child.terminate()
    else:
        child.send_signal(signal.SIGINT)


def become(argv: list[str]) -> NoReturn:
    """Go on as another program; Windows can only wait for its end, and leaves Ctrl-C to it."""
    if WINDOWS:
        signal.signal(signal.SIGINT, lambda *_: None)
        sys.exit(subprocess.call(argv))
    os.execv(argv[0], argv)
