"""What was found, as a table of 80 columns: the fact, its value, and where it was read."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from djk8s.adopt.found import Found

FACT, VALUE, WHERE = 12, 38, 26  # columns; two spaces between them


def text(found: Mapping[str, Found[str]]) -> str:
    """Return the table; a value that is too long goes on below."""
    lines = [row("fact", "value", "where it was read"), row("-" * FACT, "-" * VALUE, "-" * WHERE)]
    return "\n".join([*lines, *(row(fact, one.value or "none", one.where) for fact, one in found.items())])


def row(fact: str, value: str, where: str) -> str:
    """Return the lines of one fact."""
    columns = [folded(fact, FACT), folded(value, VALUE), folded(where, WHERE)]
    height = max(map(len, columns))
    cells = [[*column, *[""] * (height - len(column))] for column in columns]
    return "\n".join(f"{a:{FACT}}  {b:{VALUE}}  {c}".rstrip() for a, b, c in zip(*cells, strict=True))


def folded(words: str, width: int) -> list[str]:
    return textwrap.wrap(words, width, break_on_hyphens=False) or [""]
