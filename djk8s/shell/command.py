"""A command, and how it is written down.

A command is a tuple of words from the moment it is decided until a process gets it. It never goes through a shell;
it is quoted once, for a person to read and paste.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from djk8s.shell import processes


@dataclass(frozen=True)
class Command:
    """Words to run in a folder of the project.

    `cwd` is relative to the project's folder, unless it is absolute. A `Path` among the words is shown relative to
    `cwd` if it is in the project. `shown` holds variables that are part of the printed line, `hidden` those that are
    not, with None for one to remove. `reads` and `writes` are files for standard input and output.
    """

    argv: tuple[str | Path, ...]
    cwd: Path = Path()
    shown: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str | None] = field(default_factory=dict)
    reads: Path | None = None
    writes: Path | None = None

    def line(self, root: Path, here: Path | None = None) -> str:
        """Return one line that can be pasted into a shell in the folder `here`, by default the project's."""
        here, cwd = here or root, root / self.cwd
        words = [os.path.relpath(word, cwd) if inside(word, root) else str(word) for word in self.argv]
        folder = None
        if cwd != here:
            folder = os.path.relpath(cwd, here) if inside(here, root) and inside(cwd, root) else str(cwd)
        line = processes.line(words, self.shown, folder)
        for sign, file in (("<", self.reads), (">", self.writes)):
            if file:
                typed = file.relative_to(here) if file.is_relative_to(here) else file
                line += f" {sign} {processes.quoted(str(typed))}"
        return line


def inside(word: str | Path, root: Path) -> bool:
    return isinstance(word, Path) and word.is_relative_to(root)
