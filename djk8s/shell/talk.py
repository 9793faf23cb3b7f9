"""Messages: everything but a command's own output goes to standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TextIO

from invoke import Exit


def say(text: str) -> None:
    """Print a message on standard error, so that standard output holds only a command's result."""
    print(text, file=sys.stderr, flush=True)


def refuse(sentence: str, code: int = 1) -> NoReturn:
    """End the task with one sentence on standard error."""
    raise Exit(sentence, code)


def takes_colours(stream: TextIO) -> bool:
    """Return True if a stream is a terminal that shows colours, and its user wants them: https://no-color.org."""
    return is_capable(stream) and not os.environ.get("NO_COLOR")


def is_capable(stream: TextIO) -> bool:
    """Return True if a stream is a terminal that understands control sequences."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def at_terminal() -> bool:
    """Return True if a person is at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def waiting(message: str) -> Iterator[Callable[[], None]]:
    """Show a message while something is waited for; yields a function to call a few times a second.

    On a terminal the function updates the seconds on the same line. Elsewhere the message is printed once.
    """
    if not is_capable(sys.stderr) or os.environ.get("CI"):
        say(f"{message} …")
        yield lambda: None
        return
    start = time.monotonic()

    def tick() -> None:
        print(f"\r{message} … {time.monotonic() - start:.0f} s", end="", file=sys.stderr, flush=True)

    tick()
    try:
        yield tick
    finally:
        say("")  # ends the line
