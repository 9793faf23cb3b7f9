"""Which line of the site's own code something comes from."""

import logging
import traceback
from pathlib import Path

STANDARD, OURS = Path(logging.__file__).parent.parent, Path(__file__).parent


def own_line(stack: traceback.StackSummary) -> str:
    """Return the innermost line that is no package's, such as "/app/src/shop/views.py:12 in index"."""
    for frame in reversed(stack):
        path = Path(frame.filename)
        packaged = {STANDARD, OURS} & {*path.parents} or {"site-packages", "dist-packages"} & {*path.parts}
        if path.exists() and not packaged:
            return f"{frame.filename}:{frame.lineno} in {frame.name}"
    return "a package"
