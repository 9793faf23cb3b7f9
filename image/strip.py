"""Strip shared libraries: cut off the symbols and debugging information that wheels bring and no process loads.

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
from typing import BinaryIO, NamedTuple


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
HEADER = 64  # bytes, at most


def main() -> None:
    """Strip the libraries in the folder that the command line names."""
    for here, _, names in os.walk(sys.argv[1]):
        for path in (Path(here, name) for name in names):
            if ".so" in path.suffixes and not path.is_symlink():
                with path.open("r+b") as file:
                    strip(file)


def strip(file: BinaryIO) -> None:
    """Cut an ELF file off behind what is loaded of it, and take its section headers out; leave any other as it is."""
    header = bytearray(file.read(HEADER))
    if len(header) < HEADER or header[:4] != b"\x7fELF" or header[4] not in LAYOUTS or header[5] not in ORDERS:
        return
    layout, order = LAYOUTS[header[4]], ORDERS[header[5]]
    (table,) = struct.unpack_from(order + layout.offset, header, layout.program_headers)
    size, count = struct.unpack_from(order + "HH", header, layout.counts)
    file.seek(table)
    segments = file.read(size * count)
    ends = [table + len(segments)]
    for at in range(0, len(segments), size or 1):
        (offset,) = struct.unpack_from(order + layout.offset, segments, at + layout.segment_offset)
        (length,) = struct.unpack_from(order + layout.offset, segments, at + layout.segment_size)
        ends.append(offset + length)
    if len(ends) == 1:
        return  # an object that is not linked yet
    struct.pack_into(order + layout.offset, header, layout.section_headers, 0)
    struct.pack_into(order + "HH", header, layout.counts + 6, 0, 0)
    file.truncate(max(ends))
    file.seek(0)
    file.write(header)


if __name__ == "__main__":
    main()
