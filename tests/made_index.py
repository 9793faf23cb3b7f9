"""A folder of tiny packages that uv resolves from, so that a test of locking needs no network."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from djk8s.shell import processes
from support import ROOT


def wheel(
    folder: Path, name: str, version: str, requires: Sequence[str] = (), tag: str = "py3-none-any", python: str = ""
) -> None:
    """Write a wheel with nothing but its metadata."""
    file = name.replace("-", "_")
    with zipfile.ZipFile(folder / f"{file}-{version}-{tag}.whl", "w") as made:
        made.writestr(f"{file}-{version}.dist-info/METADATA", metadata(name, version, requires, python))
        made.writestr(f"{file}-{version}.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        made.writestr(f"{file}-{version}.dist-info/RECORD", "")


def sdist(folder: Path, name: str, version: str) -> None:
    """Write a source distribution that says what it is, and cannot be built."""
    file = f"{name.replace('-', '_')}-{version}"
    text = metadata(name, version).encode()
    with tarfile.open(folder / f"{file}.tar.gz", "w:gz") as made:
        for path, content in {"PKG-INFO": text, "pyproject.toml": b"[build-system]\nrequires = []\n"}.items():
            entry = tarfile.TarInfo(f"{file}/{path}")
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))


def metadata(name: str, version: str, requires: Sequence[str] = (), python: str = "") -> str:
    """Return what a package says of itself; `python` is the versions that it is for, as >=3.12."""
    lines = ["Metadata-Version: 2.2", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {python}"] if python else []
    return "\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires), ""])


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with Django, what serving needs, and nothing else; uv sees this folder alone."""
    folder = tmp_path / "index"
    folder.mkdir()
    for version in ("5.2.1", "5.2.2"):
        wheel(folder, "django", version, ["sqlparse"])
    for name in ("sqlparse", "whitenoise", "python-json-logger", "packaging"):
        wheel(folder, name, "4.0")
    for version in ("23.0", "27.0"):
        wheel(folder, "gunicorn", version, ["packaging"])
    wheel(folder, "dj-database-url", "2.0", ["django<5"])
    wheel(folder, "dj-database-url", "3.0", ["django>=5"])
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "file:///no-index")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(processes.program(ROOT / ".tools", "uv").parent), prepend=os.pathsep)
    return folder
