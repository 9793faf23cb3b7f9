"""What stays out of the image because git or their own .dockerignore says so, as settings of one machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from djk8s.adopt.layout import read
from djk8s.git import tracked

# By their names: what is made of sources, as styles and translations, may be meant for the image.
PRIVATE = re.compile(
    r"secret|credential|password|\.(py|ini|cfg|conf|toml|pem|key|p12|pfx|db|sqlite|log|sql|dump)$", re.I
)


def files(ignored: Iterable[str], dockerignore: str) -> tuple[str, ...]:
    """Return the files, of those that git ignores, that may be for one machine only and that get into the image.

    Django was asked without them, so that the site can do without.
    """
    patterns = [line.removeprefix("**/") for line in dockerignore.splitlines() if line[:1] not in {"", "#"}]
    found = (path for path in ignored if PRIVATE.search(path.rpartition("/")[2]))
    return tuple(path for path in found if not any(fnmatch(part, one) for part in path.split("/") for one in patterns))


def left_out(root: Path) -> tuple[str, ...]:
    """Return the code that their own .dockerignore names, as settings for development that win where they are there."""
    lines = {line.strip().lstrip("/") for line in read(root, ".dockerignore").splitlines()}
    return tuple(path for path in tracked(root) if path.endswith(".py") and path in lines)
