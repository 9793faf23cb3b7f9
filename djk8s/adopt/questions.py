"""What only the project's people can answer, by a flag or at a terminal."""

from __future__ import annotations

import re
from argparse import Namespace

from djk8s.adopt.found import Unsure
from djk8s.shell.talk import at_terminal, refuse, say


def answered(unsure: Unsure) -> str:
    """Return what a person chooses; raises `Exit` that names the flag where nobody is there to ask."""
    if not at_terminal():
        refuse(f"{unsure} Choose with {unsure.flag}: {', '.join(unsure.choices)}.")
    say(str(unsure))
    for number, choice in enumerate(unsure.choices, start=1):
        say(f"  {number}. {choice}")
    try:
        typed = input(f"Which one? [1-{len(unsure.choices)}] ").strip()
    except EOFError:
        typed = ""
    if typed in unsure.choices:
        return typed
    if not re.fullmatch("[0-9]{1,3}", typed) or not 1 <= int(typed) <= len(unsure.choices):
        refuse(f"{typed!r} is none of them, and nothing was written: {unsure.flag} gives the answer too.")
    return unsure.choices[int(typed) - 1]


def confirm(options: Namespace) -> None:
    """Raise `Exit` unless a person agrees, or has with --yes."""
    if options.yes:
        return
    if not at_terminal():
        refuse("Nothing was written: add --yes, if this is right.")
    try:
        typed = input("Write these files? [Y/n] ").strip().lower()
    except EOFError:
        typed = "n"
    if typed not in {"", "y", "yes"}:
        refuse("Nothing was written.")
