"""Fixtures: a Django project whose settings a test writes, asked with the Python that runs the tests."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from djk8s.adopt import ask, inside, variables
from djk8s.adopt.ask import Answer, Known, Said
from repository_of import FILES, SETTINGS, committed


def here(root: Path, variables: Mapping[str, str]) -> Said:
    """Run inside.py in a folder, as a container would."""
    script = Path(str(inspect.getsourcefile(inside))).read_text(encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    given = {**kept, **variables, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run([sys.executable, "-"], input=script, cwd=root, env=given, capture_output=True, text=True)
    return ask.parsed(ran.stdout, ran.stderr)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for a project."""
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop"


@pytest.fixture
def asked(root: Path) -> Callable[..., Answer]:
    """Make a project with more settings and files, and ask Django about it."""

    def make(settings: str = "", files: Mapping[str, str] | None = None, **known: Mapping[str, str]) -> Answer:
        committed(root, {**FILES, "shop/settings.py": SETTINGS + settings, **(files or {})})
        what = Known(
            known.get("given", {}),
            known.get("example", {}),
            variables.of(root),
            root,
            production=known.get("production", {}),
            settings="shop.settings",
        )
        return ask.until_it_answers(lambda given: here(root, given), what)

    return make
