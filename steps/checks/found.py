"""What a check says."""

from __future__ import annotations

from typing import NamedTuple

FINE, NOTE, WRONG = "fine", "note", "wrong"


class Found(NamedTuple):
    """What a check found: `wrong` where a step of the list would fail, `note` where it would not.

    One sentence says it, with the one command that mends it.
    """

    state: str
    says: str


def fine(says: str) -> Found:
    return Found(FINE, says)


def note(says: str) -> Found:
    return Found(NOTE, says)


def wrong(says: str) -> Found:
    return Found(WRONG, says)
