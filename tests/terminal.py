"""`inv` typed in a real terminal, and what `./inv` leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import pexpect

from support import INV, ROOT, surroundings


def at_terminal(*words: str, **environment: str) -> pexpect.spawn[str]:
    """Type an `inv` command in a real terminal of 80 columns."""
    command, *arguments = [*INV, *words]
    return pexpect.spawn(
        command,
        arguments,
        cwd=str(ROOT),
        env=surroundings(environment),
        dimensions=(24, 80),
        encoding="utf-8",
        timeout=180,
    )


def ended(terminal: pexpect.spawn[str]) -> bool:
    """Return whether what was typed in a terminal has ended; also where the terminal is closed."""
    return os.waitpid(terminal.pid or 0, os.WNOHANG) != (0, 0)


def tools_stamp(checkout: Path) -> str:
    """Return what `./inv` leaves in .tools/complete."""
    pins = [(checkout / f"requirements-{name}.txt").read_text(encoding="utf-8") for name in ("uv", "tools")]
    return "\n".join([os.path.realpath(checkout / ".tools/bin/python"), *pins])
