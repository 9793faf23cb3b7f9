"""What the tests of the site share: static files without a manifest, and the site in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from support import ROOT

Python = Callable[..., subprocess.CompletedProcess[str]]

# The only variables that the site sees of this machine.
MACHINE = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")


@pytest.fixture
def plain_static(settings: Settings) -> None:
    """Static files by their own names, as a test has no manifest of hashed ones."""
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def python() -> Python:
    """Run Python with these arguments in `src` and with these variables alone; `.env` is not read."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {name: os.environ[name] for name in MACHINE if name in os.environ}
        own |= {"DJANGO_SETTINGS_MODULE": "myproj.settings", "PYTHON_DOTENV_DISABLED": "1", **environment}
        command = [sys.executable, *words]
        return subprocess.run(
            command, cwd=ROOT / "src", env=own, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The URL of an SQLite database that is not there yet."""
    return f"sqlite:///{tmp_path}/db.sqlite3"
