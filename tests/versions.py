"""Versions of djk8s, built from copies of this repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from support import ROOT

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "venv", "staticfiles", "data", "tests", "docs", "bench", "src")
UV = ROOT / ".tools/bin/uv"


def copy(folder: Path, version: str) -> Path:
    """Copy what a wheel is made of to a folder, as another version, and return the folder."""
    shutil.copytree(ROOT, folder, ignore=left_out)
    for name in (".dockerignore", ".env.example"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / ".devcontainer", folder / ".devcontainer")
    change(folder / "pyproject.toml", r'(?m)^version = ".*"$', f'version = "{version}"')
    return folder


def left_out(folder: str, names: list[str]) -> set[str]:
    """Return what is not copied of a folder; below the top, djk8s has folders of the same names."""
    return LEFT_OUT(folder, names) if Path(folder) == ROOT else {"__pycache__"}.intersection(names)


def change(file: Path, pattern: str, text: str) -> None:
    """Change what a pattern matches in a file, which it has to."""
    changed, count = re.subn(pattern, text, file.read_text(encoding="utf-8"))
    assert count, f"{pattern} is not in {file}"
    file.write_text(changed, encoding="utf-8")


def build(source: Path, made: Path | None = None) -> Path:
    """Return the wheel of a copy, or of this repository."""
    made = made or source.parent / f"{source.name}-wheel"
    subprocess.run([UV, "build", "--wheel", "--quiet", "--out-dir", made, source], check=True)
    (wheel,) = made.glob("*.whl")
    return wheel


def djk8s(source: Path, *words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Type a `djk8s` command of a copy."""
    start = f"import sys; sys.path.insert(0, {str(source)!r}); from djk8s.command import main; main()"
    path = {"PATH": f"{UV.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, "-B", "-c", start, *words],
        cwd=cwd,
        env={**os.environ, **path, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
