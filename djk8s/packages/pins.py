"""The text of a requirements file that a resolver wrote: one block for each package, with its hashes below it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.utils import canonicalize_name

PIN = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")


def blocks(text: str) -> list[str]:
    """Return the blocks of a file: a requirement and the lines below it that belong to it, without comments."""
    return re.findall(r"^[^\s#].*(?:\n[ \t]+--hash.*)*", text, re.MULTILINE)


def block(requirement: str, hashes: Iterable[str]) -> str:
    """Return the block of a requirement, given its hashes as `sha256:…`."""
    return " \\\n".join([requirement, *(f"    --hash={one}" for one in sorted(set(hashes)))])


def is_hashed(block: str) -> bool:
    return "--hash=" in block


def pin(block: str) -> tuple[str, str]:
    """Return the normal form of a package's name and its version, both "" if the block pins none."""
    found = PIN.match(block)
    return (canonicalize_name(found[1]), found[2]) if found else ("", "")


def versions(all_blocks: Iterable[str]) -> dict[str, str]:
    """Return the version of each package that is pinned."""
    return {name: version for name, version in map(pin, all_blocks) if name}


def constraints(all_blocks: Iterable[str]) -> list[str]:
    """Return what is pinned without extras and hashes, as lines for a file of constraints."""
    lines = [block.partition(" \\")[0] for block in all_blocks if PIN.match(block)]
    return [re.sub(r"^([\w.-]+)\[[^\]]*\]", r"\1", line) for line in lines]
