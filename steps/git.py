"""Questions to git, which may not be here."""

from __future__ import annotations

import subprocess

from steps.command import output


def ask(*words: str) -> subprocess.CompletedProcess[str] | None:
    """Return what git answers to words that change nothing; nothing where there is no git, or none in time."""
    try:
        return output(("git", *words))
    except (OSError, subprocess.TimeoutExpired):
        return None
