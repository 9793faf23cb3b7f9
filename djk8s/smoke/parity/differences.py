"""What may differ between the places of any site, each with its reason. Anything else that differs is a fault."""

from __future__ import annotations

import json
import os
import re

REASONS = {
    r"Python|package (async-timeout|exceptiongroup|tomli|typing[-_]extensions)": "the venv is of the Python that made "
    "it; PYTHON_VERSION in the Dockerfile is the box's",
    r"package pip": "pip installs on this machine; the box is never installed into",
    r"setting DATABASES\.\w+\.NAME": "each place has a database of its own",
    r"setting MEDIA_ROOT": "a container keeps what people upload in its volume",
    r"setting LOGGING\.handlers\..*": "a container logs to its console, where `inv logs` looks",
    r"language": "taken from the machine; what the site shows follows LANGUAGE_CODE",
    r"open files": "a limit of the machine and of its engine",
    r"GET \S+ style (last-modified|etag)": "when the file was gathered",
}


def reason(subject: str) -> str | None:
    """Return why a subject may differ, on any site or as the session says of this one; nothing where it may not."""
    known = {**REASONS, **json.loads(os.environ.get("SMOKE_REASONS") or "{}")}
    return next((why for pattern, why in known.items() if re.fullmatch(pattern, subject)), None)
