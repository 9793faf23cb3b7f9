"""The settings of `.env` as one secret: NAME=value, and a zero byte after each, so that a value may have lines.

python -m djk8s.cluster.settings .env
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from djk8s.dotenv.file import parse, values


def secret(settings: Mapping[str, str]) -> str:
    """Return the content of the secret, the same for the same settings."""
    return "".join(f"{name}={settings[name]}\0" for name in sorted(settings))


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    sys.stdout.buffer.write(secret(values(parse(text), sys.argv[1])).encode())
