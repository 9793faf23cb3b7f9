"""Messages: everything but a command's own output goes to standard error."""

import os
import sys
from typing import NoReturn, TextIO

from invoke import Exit


def say(text: str) -> None:
    """Print a message on standard error, so that standard output holds only a command's result."""
    print(text, file=sys.stderr, flush=True)


def refuse(sentence: str) -> NoReturn:
    """End the task with one sentence on standard error."""
    raise Exit(sentence, 1)


def takes_colours(stream: TextIO) -> bool:
    """Return True if a stream is a terminal that shows colours, and its user wants them: https://no-color.org."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")


def at_terminal() -> bool:
    """Return True if a person is at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def confirm(question: str) -> None:
    """Ask a person whether to go on, and raise `Exit` if not; where nobody is at a terminal, nobody is asked."""
    if not at_terminal():
        return
    try:
        typed = input(f"{question} [y/N] ")
    except EOFError:
        typed = ""
    if typed.strip().lower() not in {"y", "yes"}:
        refuse("Nothing was changed.")
