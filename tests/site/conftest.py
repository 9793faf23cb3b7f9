"""What the tests of the site share: static files without a manifest, and a Python that starts the site anew."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from myproj import views
from support import ROOT

Ended = subprocess.CompletedProcess[str]

# What a site may see of the machine it is started on.
MACHINE = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")


@pytest.fixture
def plain_static(settings: Settings) -> None:
    """Static files by their own names: nobody has gathered them for a test. And no page of another test."""
    views.page.cache_clear()
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def anew() -> Callable[..., Ended]:
    """Run Python code in `src` with these variables alone; the developer's `.env` is not read."""

    def run(code: str, **environment: str) -> Ended:
        surroundings = {name: os.environ[name] for name in MACHINE if name in os.environ}
        surroundings |= {"DJANGO_SETTINGS_MODULE": "myproj.settings", "PYTHON_DOTENV_DISABLED": "1", **environment}
        words = [sys.executable, "-c", code]
        return subprocess.run(
            words, cwd=ROOT / "src", env=surroundings, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The URL of an SQLite database that is not there yet."""
    return f"sqlite:///{tmp_path}/db.sqlite3"
