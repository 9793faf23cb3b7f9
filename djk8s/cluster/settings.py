"""The settings of `.env` as a cluster takes them.

    python -m djk8s.cluster.settings .env > FILE     one secret: NAME=value, and a zero byte after each
    python -m djk8s.cluster.settings .env FOLDER     a file for each, which has its value

So a value may have lines, and quotes.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from djk8s.dotenv.file import parse, values


def secret(settings: Mapping[str, str]) -> str:
    """Return the content of the secret, the same for the same settings."""
    return "".join(f"{name}={settings[name]}\0" for name in sorted(settings))


def write(settings: Mapping[str, str], folder: Path) -> None:
    """Write a file for each setting to a folder, which has no others afterwards, and nobody else may read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    for name, value in settings.items():
        (folder / name).write_text(value, encoding="utf-8", newline="")


if __name__ == "__main__":
    file, *folder = sys.argv[1:]
    found = values(parse(Path(file).read_text(encoding="utf-8")), file)
    if folder:
        write(found, Path(folder[0]))
    else:
        sys.stdout.buffer.write(secret(found).encode())
