"""The id of a checkout, part of the name of everything that it makes on an engine.

It stays when the folder is renamed or moved, as otherwise its databases would be out of sight, and a copy gets its own.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

FILE = ".djk8s"


def identify(root: Path) -> str:
    """Return the id of a checkout: the recorded one, unless the folder is a copy of one that is still there."""
    recorded = read(root)
    if not recorded or (recorded["folder"] != str(root) and read(Path(recorded["folder"])) == recorded):
        # The inode, because another folder may have been at this path before and been moved.
        return hashlib.sha256(f"{root} {root.stat().st_ino}".encode(errors="surrogateescape")).hexdigest()[:6]
    return recorded["id"]


def record(root: Path, identity: str) -> None:
    """Keep the id in the folder, if that can be written to."""
    now = {"id": identity, "folder": str(root)}
    if read(root) != now:
        with suppress(OSError):
            (root / FILE).write_text(json.dumps(now), encoding="utf-8", errors="surrogateescape")


def read(root: Path) -> dict[str, str]:
    """Return what a folder recorded, or nothing."""
    try:
        recorded = json.loads((root / FILE).read_text(encoding="utf-8"))
        return {name: str(recorded[name]) for name in ("id", "folder")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
