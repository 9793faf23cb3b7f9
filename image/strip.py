"""Strip shared libraries: take out the symbols and debugging information that wheels bring and no process loads.

    python3 strip.py FOLDER

As sstrip does, and for its reason: what the program headers name is all that is ever loaded, and the rest of a file
follows it. The slim images have no `strip`, and to install one takes longer than all the packages.
https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html, https://www.muppetlabs.com/~breadbox/software/elfkickers.html
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import NamedTuple


class Layout(NamedTuple):
    """Where the numbers of a file's header and of a program header are, and how wide an offset is."""

    offset: str
    program_headers: int
    section_headers: int
    counts: int  # of e_phentsize, which e_phnum, e_shentsize, e_shnum and e_shstrndx follow
    segment_offset: int
    segment_size: int


LAYOUTS = {1: Layout("I", 28, 32, 42, 4, 16), 2: Layout("Q", 32, 40, 54, 8, 32)}  # by class: of 32 and of 64 bits
ORDERS = {1: "<", 2: ">"}


def main() -> None:
    """Strip the libraries in the folder that the command line names."""
    for here, _, names in os.walk(sys.argv[1]):
        for name in names:
            path = Path(here, name)
            if ".so" in path.suffixes and not path.is_symlink():
                before = path.read_bytes()
                if (after := stripped(before)) != before:
                    path.write_bytes(after)


def stripped(file: bytes) -> bytes:
    """Return an ELF file up to the end of what is loaded of it, without section headers; any other as it is."""
    if file[:4] != b"\x7fELF":
        return file
    layout, order = LAYOUTS[file[4]], ORDERS[file[5]]

    def number(kind: str, at: int) -> int:
        return int(struct.unpack_from(order + kind, file, at)[0])

    def end(segment: int) -> int:
        offset, size = segment + layout.segment_offset, segment + layout.segment_size
        return number(layout.offset, offset) + number(layout.offset, size)

    table = number(layout.offset, layout.program_headers)
    size, count = number("H", layout.counts), number("H", layout.counts + 2)
    segments = range(table, table + size * count, size)
    kept = bytearray(file[: max(segments.stop, *(end(segment) for segment in segments))])
    struct.pack_into(order + layout.offset, kept, layout.section_headers, 0)
    struct.pack_into(order + "HH", kept, layout.counts + 6, 0, 0)
    return bytes(kept)


if __name__ == "__main__":
    main()
