"""The board is an example: its folder and its line in the settings go, and the site goes on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support import ROOT

Anew = Callable[..., subprocess.CompletedProcess[str]]
KEY = "only-for-tests-" + "0123456789" * 4

# As with `manage.py`, one after the other; then the home page, as a browser gets it.
GOES_ON = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("check", fail_level="WARNING")
call_command("makemigrations", check_changes=True, dry_run=True)
call_command("migrate", verbosity=0)
for address in ("/", "/board/", "/readyz"):
    answer = Client(HTTP_HOST="localhost").get(address)
    print(address, answer.status_code, b"board" in answer.content.lower())
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of `src` without bytecode."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "src"


@pytest.mark.skipif(not (ROOT / "src/board").is_dir(), reason="the board is deleted already")
def test_site_goes_on_when_the_board_is_deleted(copy: Path, anew: Anew, sqlite: str) -> None:
    line = '    "board",\n'
    settings = copy / "myproj/settings.py"
    assert settings.read_text().count(line) == 1
    settings.write_text(settings.read_text().replace(line, ""))
    shutil.rmtree(copy / "board")
    ended = anew(f"import os; os.chdir({str(copy)!r})\n{GOES_ON}", SECRET_KEY=KEY, DEBUG="1", DATABASE_URL=sqlite)
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout.splitlines()
    assert "No changes detected" in said
    assert said[-3:] == ["/ 200 False", "/board/ 404 True", "/readyz 200 False"]
