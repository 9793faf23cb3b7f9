"""What may differ between the places, each with its reason. Anything else that differs is a fault."""

from __future__ import annotations

import re

REASONS = {
    r"Python|package (async-timeout|exceptiongroup|typing[-_]extensions)": "the venv is of the Python that made it; "
    "PYTHON_VERSION in the Dockerfile is the box's",
    r"package pip": "pip installs on this machine; the box is never installed into",
    r"setting PLACE": "each place says what it is",
    r"setting PORT": "Compose has a port of its own inside, 8023, as the tutorial",
    r"setting DATABASES\.default\.NAME": "each place has a database of its own",
    r"language": "taken from the machine; what the site shows follows LANGUAGE_CODE",
    r"open files": "a limit of the machine and of its engine",
    r"GET / (body|content-length)": "the page says where it runs, on what, and on which port",
    r".* x-request-id": "each request has its own",
    r"GET /static/\S+ (last-modified|etag)": "when the file was gathered; its name has a hash of its content",
}


def reason(subject: str) -> str | None:
    """Return why a subject may differ; nothing where it may not."""
    return next((why for pattern, why in REASONS.items() if re.fullmatch(pattern, subject)), None)
