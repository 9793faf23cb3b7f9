"""What may differ between the places of any site, each with its reason. Anything else that differs is a fault."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

REASONS = {
    r"Python|package (async-timeout|exceptiongroup|tomli|typing[-_]extensions)": "the venv is of the Python that made "
    "it; PYTHON_VERSION in the Dockerfile is the box's",
    r"package pip": "pip installs on this machine; the box is never installed into",
    r"setting CONTAINER": "serving/overlay.py says with it what differs in a container",
    r"setting DATABASES\.\w+\.NAME": "each place has a database of its own",
    r"setting MEDIA_ROOT": "a container keeps what people upload in its volume",
    r"setting LOGGING\.handlers\..*": "a container logs to its console, where `inv logs` looks",
    r"language": "taken from the machine; what the site shows follows LANGUAGE_CODE",
    r"open files": "a limit of the machine and of its engine",
    r"GET \S+ style (last-modified|etag)": "when the file was gathered",
}


def reasons(words: list[str]) -> Mapping[str, str]:
    """Return the reasons for any site, and those of the JSON file that `--reasons FILE` names; exits if it is none."""
    if "--reasons" not in words:
        return REASONS
    file = Path(words[words.index("--reasons") + 1])
    try:
        return {**REASONS, **json.loads(file.read_text(encoding="utf-8"))}
    except (OSError, ValueError) as error:
        sys.exit(f"{file} is no JSON file of reasons: {error}")


def reason(subject: str, known: Mapping[str, str]) -> str | None:
    """Return why a subject may differ; nothing where it may not."""
    return next((why for pattern, why in known.items() if re.fullmatch(pattern, subject)), None)
