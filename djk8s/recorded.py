"""What is recorded about a project in its .djk8s.toml."""

from __future__ import annotations

from pathlib import Path

from djk8s.facts import FILE, Recorded, loads
from djk8s.shell.talk import refuse


def recorded_in(root: Path) -> Recorded | None:
    """Return what the .djk8s.toml of a project says, if there is one; raises `Exit` if it cannot be read."""
    file = root / FILE
    if not file.is_file():
        return None
    try:
        return loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        refuse(f"{FILE} cannot be read ({error}): mend it, or `git checkout {FILE}`.")
