"""What stays out of the image because git ignores it, as settings and secrets of one machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatch

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
