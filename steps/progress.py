"""One line that says what is waited for and, on a terminal, for how long."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from steps.command import say, understands


@contextmanager
def waiting(what: str) -> Iterator[Callable[[], None]]:
    """Say what is waited for; yields what the waiting loop is to call, some times in a second.

    On a terminal that rewrites the one line with the seconds; elsewhere the line is said once.
    """
    if not rewritable():
        say(f"{what} …")
        yield lambda: None
        return
    start = time.monotonic()

    def tick() -> None:
        print(f"\r{what} … {time.monotonic() - start:.0f} s", end="", file=sys.stderr, flush=True)

    tick()
    try:
        yield tick
    finally:
        say("")  # ends the line


def rewritable() -> bool:
    """Return whether somebody watches a terminal on which a line can be written anew."""
    return understands(sys.stderr) and not os.environ.get("CI")
