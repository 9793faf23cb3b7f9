"""The board is an example: without its folder and its line in the settings, the site works."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support import ROOT

Python = Callable[..., subprocess.CompletedProcess[str]]
KEY = "only-for-tests-" + "0123456789" * 4

# Some commands of manage.py, and then the pages.
WORKS = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("check", fail_level="WARNING")
call_command("makemigrations", check_changes=True, dry_run=True)
call_command("migrate", verbosity=0)
for address in ("/", "/board/"):
    answer = Client(HTTP_HOST="localhost").get(address)
    print(address, answer.status_code, b"board" in answer.content.lower())
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of `src` without bytecode."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "src"


@pytest.mark.skipif(not (ROOT / "src/board").is_dir(), reason="the board is deleted already")
def test_site_works_without_the_board(copy: Path, python: Python, sqlite: str) -> None:
    line = '    "board",\n'
    settings = copy / "myproj/settings.py"
    assert settings.read_text().count(line) == 1
    settings.write_text(settings.read_text().replace(line, ""))
    shutil.rmtree(copy / "board")
    ended = python("-c", f"import os; os.chdir({str(copy)!r})\n{WORKS}", SECRET_KEY=KEY, DEBUG="1", DATABASE_URL=sqlite)
    assert ended.returncode == 0, ended.stderr
    shown = ended.stdout.splitlines()
    assert "No changes detected" in shown
    assert shown[-2:] == ["/ 200 False", "/board/ 404 True"]
