"""What a place is, seen from inside, subject by subject, as JSON. One file, because `manage.py shell -c` runs it."""

import hashlib
import io
import json
import locale
import os
import platform
import re
import resource
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

import serving

SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|_KEY\b|DSN")
PROJECT = str(Path(serving.__file__).resolve().parent.parent)


def subjects() -> Iterator[tuple[str, str]]:
    """Yield (subject, value)."""
    yield "Python", platform.python_version()
    for package in metadata.distributions():
        yield f"package {package.name.lower()}", package.version
    yield "check --deploy", said_by("check", "--deploy")
    yield "migrations", said_by("showmigrations", "--plan", "--no-color")
    yield "time zone", "/".join(time.tzname)
    yield "language", ".".join(str(part) for part in locale.getlocale())
    yield "encodings", "/".join((sys.getfilesystemencoding(), locale.getpreferredencoding(), str(sys.flags.utf8_mode)))
    yield "open files", str(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    for name in sorted(name for name in dir(settings) if name.isupper()):
        yield from flat(f"setting {name}", getattr(settings, name))
    for name, value in os.environ.items():
        if name.startswith("NASTY"):
            yield f"value {name}", value


def flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield a setting, or each part of one that is a mapping; of a secret, a digest."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from flat(f"{name}.{key}", part)
    elif SECRET.search(name):
        yield name, hashlib.sha256(str(value).encode()).hexdigest()[:12]
    else:
        shown = repr(sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value)
        yield name, re.sub(r" at 0x[0-9a-f]+", "", shown).replace(PROJECT, "PROJECT")


def said_by(*words: str) -> str:
    """Return all that a manage.py command says."""
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=out)
    return out.getvalue()


# In a line of its own, as a site may print something when it starts.
print("\n" + json.dumps(dict(subjects())))
