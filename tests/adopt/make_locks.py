"""Make the locks in locks/, each by the tool of its kind: `python tests/adopt/make_locks.py PYTHON3.13 INDEX`.

They are checked in, because the tools take long and need an index. The hashes are the tools' own; the address of the
index is not ours to keep, and is replaced by index.example.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LOCKS = Path(__file__).parent / "locks"
PDM = ("uvx", "--exclude-newer", "2025-11-20", "pdm")  # later libraries break it
ADDRESS = re.compile(r"https://[^/\"]+/(simple|packages/[^\"]*/)")
# poetry asks an index for JSON unless its pyproject.toml names the index, which then counts in the hash of the lock.
NAMED = '\n[[tool.poetry.source]]\nname = "index"\nurl = "{}"\n'
REHASH = "from poetry.factory import Factory as f; print(f().create_poetry('.').locker._get_content_hash())"
BESIDE = {"PIPENV_VENV_IN_PROJECT": "1", "POETRY_VIRTUALENVS_IN_PROJECT": "1"}  # their environments, to go with them


def make(python: str, index: str) -> None:
    """Write each lock anew for a Python 3.13, from an index with pages for pip."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        shutil.copytree(LOCKS, work, ignore=shutil.ignore_patterns("*lock"), dirs_exist_ok=True)
        run(work / "uv", "uv", "lock", "--python", python)
        run(work / "pipenv", "uvx", "pipenv", "lock", "--python", python)
        run(work / "pdm", *PDM, "use", "--first", python)
        run(work / "pdm", *PDM, "lock")
        poetry(work / "poetry", python, index)
        for lock in work.glob("*/*lock"):
            text = ADDRESS.sub(r"https://index.example/\1", lock.read_text())
            (LOCKS / lock.relative_to(work)).write_text(text)


def poetry(folder: Path, python: str, index: str) -> None:
    """Lock with the index named in pyproject.toml, and take its name out again."""
    asked, lock = folder / "pyproject.toml", folder / "poetry.lock"
    plain = asked.read_text()
    asked.write_text(plain + NAMED.format(index))
    run(folder, "uvx", "poetry", "env", "use", python)
    run(folder, "uvx", "poetry", "lock")
    asked.write_text(plain)
    content_hash = run(folder, "uvx", "--from", "poetry", "python", "-c", REHASH).strip()
    text = re.sub(r'\n\[package\.source\]\n(?:\w+ = ".*"\n)+', "", lock.read_text())
    lock.write_text(re.sub(r'content-hash = ".*"', f'content-hash = "{content_hash}"', text))


def run(folder: Path, *words: str) -> str:
    environment = {**os.environ, **BESIDE}
    return subprocess.run(words, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    make(*sys.argv[1:])
