"""The result of a check."""

from typing import NamedTuple

FINE, NOTE, WRONG = "fine", "note", "wrong"


class Finding(NamedTuple):
    """The result of a check: `wrong` if a step of the list would fail, `note` if something deserves attention.

    It is one sentence, with the command that mends it.
    """

    state: str
    says: str


def fine(says: str) -> Finding:
    return Finding(FINE, says)


def note(says: str) -> Finding:
    return Finding(NOTE, says)


def wrong(says: str) -> Finding:
    return Finding(WRONG, says)
