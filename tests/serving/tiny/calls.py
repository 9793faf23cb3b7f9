"""Each call of the application leaves a line in a file."""

import os
from pathlib import Path


def note() -> None:
    with Path(os.environ["GO"]).with_name("calls").open("a") as calls:
        calls.write("called\n")
