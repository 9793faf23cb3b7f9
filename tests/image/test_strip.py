"""What is stripped from shared libraries: what no process loads, and nothing else."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

import strip
from support import ROOT

# Greenlet's wheel for Linux brings its debugging information along, nine tenths of it.
linux = pytest.mark.skipif(
    sys.platform != "linux" or not find_spec("greenlet"), reason="the libraries of the image are those of Linux"
)


def library() -> Path:
    (found,) = (Path(file.locate()) for file in metadata.files("greenlet") or () if file.match("_greenlet*.so"))
    return found


def stripped(file: bytes) -> bytes:
    changed = io.BytesIO(file)
    strip.strip(changed)
    return changed.getvalue()


def imported(folder: Path) -> str:
    """Return which file a Python takes that finds greenlet in a folder, and what one of its switches returns."""
    code = (
        "from greenlet import _greenlet as one; print(one.__file__, one.greenlet(lambda word: word).switch('switched'))"
    )
    words = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@linux
def test_stripped_library_is_smaller_and_works(tmp_path: Path) -> None:
    here = library()
    there = tmp_path / "greenlet"
    there.mkdir()
    for file in here.parent.glob("*.py"):
        (there / file.name).write_bytes(file.read_bytes())
    (there / here.name).write_bytes(here.read_bytes())
    (there / "libgreenlet-0123.so.3.1").write_bytes(here.read_bytes())  # as auditwheel calls those of others
    (there / "_greenlet.txt").write_bytes(here.read_bytes())
    words = [sys.executable, str(ROOT / "image/strip.py"), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (there / here.name).stat().st_size < here.stat().st_size / 2
    assert (there / "libgreenlet-0123.so.3.1").read_bytes() == (there / here.name).read_bytes()
    assert (there / "_greenlet.txt").read_bytes() == here.read_bytes()
    assert imported(tmp_path) == f"{there / here.name} switched"


@linux
def test_what_is_stripped_has_nothing_left_to_strip() -> None:
    once = stripped(library().read_bytes())
    assert stripped(once) == once


OTHERS = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"\x7fELF", id="the beginning of one"),
    pytest.param(
        b"GROUP ( /lib/libm.so.6  AS_NEEDED ( /lib/libmvec.so.1 ) )  a linker's script".ljust(100), id="a script"
    ),
    pytest.param(b"\xcf\xfa\xed\xfe" + bytes(100), id="one of macOS"),
    pytest.param(b"\x7fELF\x03\x01" + bytes(100), id="of an unknown class"),
    pytest.param(b"\x7fELF\x02\x03" + bytes(100), id="in an unknown order"),
    pytest.param(b"\x7fELF\x02\x01" + bytes(100), id="an object that is not linked"),
]


@pytest.mark.parametrize("text", OTHERS)
def test_file_that_is_no_library_of_linux_stays_as_it_is(text: bytes) -> None:
    assert stripped(text) == text


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("bits", [32, 64])
def test_library_ends_where_its_last_segment_does_whatever_the_processor(bits: int, order: str) -> None:
    """Segments in no order: the one that is last in the file is first in the table."""
    wide = bits == 64
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    head = struct.Struct(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"))
    entry = struct.Struct(order + ("IIQQQQQQ" if wide else "IIIIIIII"))

    def segment(offset: int, size: int) -> bytes:
        return entry.pack(1, 5, offset, 0, 0, size, 0, 0) if wide else entry.pack(1, offset, 0, 0, size, 0, 5, 0)

    begins = 16 + head.size

    def file(sections: int, count: int, end: bytes) -> bytes:
        described = ident + head.pack(3, 62, 1, 0, begins, sections, 0, begins, entry.size, 2, 64, count, count and 5)
        table = segment(200, 100) + segment(0, 150)
        return (described + table).ljust(300, b"c") + end

    assert stripped(file(320, 6, b"symbols" * 40)) == file(0, 0, b"")
