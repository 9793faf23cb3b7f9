"""What the image compiles: where it lies, that Python takes it, what of the standard library, and the cache."""

from __future__ import annotations

import importlib.util
import marshal
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import CodeType

import pytest

import bytecode
from support import ROOT

UNCHECKED_HASH = (1).to_bytes(4, "little")  # the flags: https://peps.python.org/pep-0552/

Ended = subprocess.CompletedProcess[str]
Compile = Callable[..., Ended]


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the standard library already."""
    folder = tmp_path_factory.mktemp("warm")
    (folder / "empty").mkdir()
    (folder / "empty" / "empty.py").touch()
    run(folder / "empty", into=folder / "into", cache=folder / "cache")
    return folder / "cache"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder on Python's path, with a package in it."""
    (tmp_path / "lib" / "package").mkdir(parents=True)
    (tmp_path / "lib" / "package" / "__init__.py").write_text("from package.part import said\n")
    (tmp_path / "lib" / "package" / "part.py").write_text("def said():\n    return 'first'\n")
    return tmp_path / "lib"


def run(folder: Path, *, into: Path, cache: Path) -> Ended:
    """Compile a folder, as the Dockerfile does."""
    return subprocess.run(command(folder, into, cache), capture_output=True, text=True, check=False)


def command(folder: Path, into: Path, cache: Path) -> list[str]:
    script = ROOT / "image" / "bytecode.py"
    return [sys.executable, str(script), "--into", str(into), "--cache", str(cache), str(folder)]


def python(code: str, package: Path, into: Path) -> str:
    """Return what Python prints where its bytecode is in a folder."""
    words = [sys.executable, "-X", f"pycache_prefix={into}", "-B", "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def bytecode_of(source: Path, into: Path) -> Path:
    return Path(bytecode.compiled(str(source), str(into)))


def code_in(file: Path) -> CodeType:
    code: CodeType = marshal.loads(file.read_bytes()[16:])
    return code


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_bytecode_is_where_python_looks_and_marked_unchecked(
    package: Path, tmp_path: Path, warm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = tmp_path / "into"
    done = run(package, into=into, cache=warm)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    monkeypatch.setattr(sys, "pycache_prefix", str(into))
    for source in package.rglob("*.py"):
        target = Path(importlib.util.cache_from_source(str(source)))
        assert target == into / source.parent.relative_to("/") / target.name
        assert target.read_bytes()[4:8] == UNCHECKED_HASH
    assert {path.read_bytes()[4:8] for path in into.rglob("*.pyc")} == {UNCHECKED_HASH}


def test_python_takes_the_bytecode_whatever_became_of_the_source(package: Path, tmp_path: Path, warm: Path) -> None:
    run(package, into=tmp_path / "into", cache=warm)
    (package / "package" / "part.py").write_text("def said():\n    return 'second'\n")
    assert python("import package; print(package.said())", package, tmp_path / "into") == "first"
    assert python("import package; print(package.said())", package, tmp_path / "elsewhere") == "second"


def test_second_run_takes_all_from_the_cache(package: Path, tmp_path: Path) -> None:
    assert run(package, into=tmp_path / "first", cache=tmp_path / "cache").returncode == 0
    for kept in (tmp_path / "cache").iterdir():
        kept.write_bytes(b"kept")
    assert run(package, into=tmp_path / "second", cache=tmp_path / "cache").returncode == 0
    first, second = contents(tmp_path / "first"), contents(tmp_path / "second")
    assert len(first) > 50
    assert set(first) == set(second)
    assert set(second.values()) == {b"kept"}


def test_source_that_changed_is_compiled_anew(package: Path, tmp_path: Path, warm: Path) -> None:
    run(package, into=tmp_path / "first", cache=warm)
    (package / "package" / "part.py").write_text("def said():\n    return 'second'\n")
    run(package, into=tmp_path / "second", cache=warm)
    assert python("import package; print(package.said())", package, tmp_path / "second") == "second"


def test_same_text_elsewhere_is_compiled_with_its_own_path(package: Path, tmp_path: Path, warm: Path) -> None:
    run(package, into=tmp_path / "into", cache=warm)
    moved = shutil.copytree(package, tmp_path / "moved")
    run(moved, into=tmp_path / "into", cache=warm)
    for folder in (package, moved):
        source = folder / "package" / "part.py"
        assert code_in(bytecode_of(source, tmp_path / "into")).co_filename == str(source)


def test_folder_read_elsewhere_is_compiled_for_its_place(package: Path, tmp_path: Path, warm: Path) -> None:
    place = tmp_path / "place"
    done = subprocess.run([*command(package, tmp_path / "into", warm)[:-1], f"{package}:{place}"], check=False)
    assert done.returncode == 0
    target = bytecode_of(place / "package" / "part.py", tmp_path / "into")
    assert code_in(target).co_filename == str(place / "package" / "part.py")
    assert not bytecode_of(package / "package" / "part.py", tmp_path / "into").exists()
    shutil.move(package, place)
    assert python("import package; print(package.said())", place, tmp_path / "into") == "first"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has columns since 3.11")
def test_columns_are_left_out_where_that_is_said_and_a_cache_keeps_both_kinds_apart(
    package: Path, tmp_path: Path, warm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    for said in ("", "1", "", "1"):  # the second time from the cache
        monkeypatch.setenv("PYTHONNODEBUGRANGES", said)
        run(package, into=tmp_path / "into", cache=warm)
        sizes.append(bytecode_of(package / "package" / "part.py", tmp_path / "into").stat().st_size)
    assert sizes[1] < sizes[0]
    assert sizes[2:] == sizes[:2]


def test_what_is_seldom_asked_for_is_not_compiled(package: Path, tmp_path: Path, warm: Path) -> None:
    for name in ("django/test", "django/contrib/gis/db", "django/contrib/auth", "mine/test"):
        (package / name).mkdir(parents=True)
        (package / name / "part.py").touch()
    assert run(package, into=tmp_path / "into", cache=warm).returncode == 0
    parts = [path for path in package.rglob("part.py") if bytecode_of(path, tmp_path / "into").exists()]
    found = {path.parent.relative_to(package).as_posix() for path in parts}
    assert found == {"package", "django/contrib/auth", "mine/test"}


@pytest.mark.parametrize("text", [b"def broken(:\n", b"\xff\xfe\n", b"print 'Python 2'\n", b"\0"])
def test_file_that_is_not_python_is_named_and_the_others_are_compiled(
    package: Path, tmp_path: Path, warm: Path, text: bytes
) -> None:
    (package / "package" / "broken.py").write_bytes(text)
    done = run(package, into=tmp_path / "into", cache=warm)
    assert done.returncode == 1
    assert str(package / "package" / "broken.py") in done.stderr
    assert "Traceback" not in done.stderr
    assert python("import package; print(package.__cached__)", package, tmp_path / "into").startswith(str(tmp_path))
    assert len(list((tmp_path / "into").rglob("part.*.pyc"))) == 1
    assert list((tmp_path / "into").rglob("broken.*")) == []


ALWAYS = {"encodings/idna.py", "encodings/utf_8.py", "runpy.py", "site.py", "stringprep.py"}
ASKED = [
    pytest.param("import sched\n", {"sched.py"}, id="by its name"),
    pytest.param("import colorsys, sched as later  # both\n", {"colorsys.py", "sched.py"}, id="two in one line"),
    pytest.param("def late():\n    import sched\n", {"sched.py"}, id="inside a function"),
    pytest.param("try:\n\tfrom sched import scheduler\nexcept E:\n\tpass\n", {"sched.py"}, id="indented by a tab"),
    pytest.param("import mailbox\n", {"mailbox.py", "email/message.py", "email/header.py"}, id="indirectly"),
    pytest.param(
        "from xml.etree import ElementTree as tree\n",
        {"xml/__init__.py", "xml/etree/__init__.py", "xml/etree/ElementTree.py", "xml/etree/ElementPath.py"},
        id="a module from its package",
    ),
    pytest.param("import logging.handlers\n", {"logging/handlers.py", "smtplib.py"}, id="with a dot"),
    pytest.param("import zoneinfo\n", {"zoneinfo/_tzpath.py"}, id="a neighbour of what is imported"),
]


@pytest.fixture
def library(tmp_path: Path) -> Callable[[str], set[str]]:
    """Return what a text asks of the standard library, as files in its folder."""

    def asked(text: str) -> set[str]:
        (tmp_path / "asks.py").write_text(text)
        bytecode.text.cache_clear()
        found = bytecode.stdlib_of([str(tmp_path / "asks.py")])
        return {Path(path).relative_to(bytecode.STDLIB).as_posix() for path in found}

    return asked


Library = Callable[[str], set[str]]


@pytest.mark.parametrize(("text", "asked"), ASKED)
def test_library_that_is_asked_for_is_found(library: Library, text: str, asked: set[str]) -> None:
    assert asked <= library(text)
    assert asked - library("") != set()


def test_library_that_no_import_names_is_found(library: Library) -> None:
    assert library("") >= ALWAYS


NOT_ASKED = [
    pytest.param("import django, csvkit\n", id="packages that are not of the library"),
    pytest.param("from . import sched\nfrom .sched import scheduler\n", id="a neighbour of the same name"),
    pytest.param("text = 'import sched'  # import sched\n", id="words in a line"),
    pytest.param("import unittest.mock, pdb\nfrom test import support\nimport tkinter\n", id="not for serving"),
]


@pytest.mark.parametrize("text", NOT_ASKED)
def test_library_that_is_not_asked_for_is_left_out(library: Library, text: str) -> None:
    assert library(text) == library("")
    assert {name.split("/")[0].removesuffix(".py") for name in library(text)} & bytecode.NOT_SERVING == set()


def test_library_that_is_for_other_systems_is_left_out(library: Library) -> None:
    asked = library("import ctypes._aix, nturl2path\nfrom asyncio import windows_events\n")
    assert {"asyncio/events.py", "asyncio/unix_events.py", "ctypes/__init__.py"} <= asked
    assert asked & {"asyncio/windows_events.py", "asyncio/windows_utils.py", "ctypes/_aix.py", "nturl2path.py"} == set()


def test_library_that_is_asked_for_is_compiled_and_python_finds_it(package: Path, tmp_path: Path, warm: Path) -> None:
    (package / "package" / "part.py").write_text("def said():\n    import sched, pdb\n    return sched.__cached__\n")
    assert run(package, into=tmp_path / "into", cache=warm).returncode == 0
    sched = Path(python("import package; print(package.said())", package, tmp_path / "into"))
    assert sched == bytecode_of(bytecode.STDLIB / "sched.py", tmp_path / "into")
    assert sched.is_file()
    assert not bytecode_of(bytecode.STDLIB / "pdb.py", tmp_path / "into").exists()


def test_two_runs_at_once_fill_one_cache(package: Path, tmp_path: Path) -> None:
    runs = [command(package, tmp_path / name, tmp_path / "cache") for name in ("first", "second")]
    started = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for words in runs]
    said = [one.communicate()[0] for one in started]
    assert ([one.returncode for one in started], said) == ([0, 0], ["", ""])
    assert run(package, into=tmp_path / "third", cache=tmp_path / "cache").returncode == 0
    first, second, third = (contents(tmp_path / name) for name in ("first", "second", "third"))
    assert set(first) == set(second) == set(third)
    # Whole, and of one of the two: Python does not promise the same bytes twice.
    assert [path for path in third if third[path] not in (first[path], second[path])] == []


def test_two_containers_whose_processes_have_one_number_fill_one_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads here: they have one process id, as the first processes of two builds do."""
    both, copy = threading.Barrier(2), shutil.copyfile

    def copy_together(source: Path, target: Path) -> None:
        copy(source, target)
        both.wait(10)

    monkeypatch.setattr(shutil, "copyfile", copy_together)
    (tmp_path / "target").write_text("bytecode")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(bytecode.keep, [tmp_path / "target"] * 2, [tmp_path / "cache" / "kept"] * 2))
    assert contents(tmp_path / "cache") == {Path("kept"): b"bytecode"}


def test_folder_of_the_current_one_is_compiled_for_its_whole_path(package: Path, tmp_path: Path, warm: Path) -> None:
    words = command(Path("package"), tmp_path / "into", warm)
    assert subprocess.run(words, cwd=package, check=False).returncode == 0
    assert bytecode_of(package / "package" / "part.py", tmp_path / "into").is_file()
