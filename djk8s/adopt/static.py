"""How the static files of a project are made, and why gathering them failed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from djk8s.adopt.found import Found

APP = PurePosixPath("/app")
COLLECT = "collectstatic --no-input"
MANIFESTS = ("staticfiles.json", "manifest.json", "rev-manifest.json")

# What a failed collectstatic said, and what to do about it. Heroku's buildpack for Python tells such causes apart too:
# https://github.com/heroku/buildpack-python/blob/main/src/django.rs
CAUSES = {
    r"The file '([^']+)' could not be found with": "a stylesheet names {0}, which is in no folder of static files: add "
    "it, or correct the stylesheet",
    r"ValueError: Missing staticfiles manifest entry for '([^']+)'": "the manifest of static files lacks {0}",
    r"ModuleNotFoundError: No module named '([^']+)'": "the code imports {0}, which is not among the packages",
    r"FileNotFoundError: .*'([^']+)'": "there is no {0}: add it, or take its folder out of STATICFILES_DIRS",
    r"NoCredentialsError|ClientError|botocore": "the storage for static files asks S3, which a build cannot: choose "
    "another storage where its variables are not set",
    r"OperationalError|connection to server": "the code asks the database while it is imported, and a build has none: "
    "ask it in a function",
    r"PermissionError: .*'([^']+)'": "{0} cannot be written",
    r"ImproperlyConfigured: (.*)": "{0}",
    r"KeyError: '([A-Z][A-Z0-9_]*)'": "the settings read {0}, which has no value",
}


def commands(said: Mapping[str, Any], tracked: Iterable[str]) -> Found[tuple[str, ...]]:
    """Return the manage.py commands that make the static files, in order; none where that is done already."""
    if "django.contrib.staticfiles" not in said["settings"]["INSTALLED_APPS"]:
        return Found((), "no staticfiles in INSTALLED_APPS")
    folder = root(said).value
    made = [path for path in tracked if path.startswith(f"{folder}/") and PurePosixPath(path).name in MANIFESTS]
    if made:
        return Found((), made[0])
    if said["settings"].get("COMPRESS_OFFLINE"):
        return Found(("compress --force", COLLECT), "Django: COMPRESS_OFFLINE")
    return Found((COLLECT,), "Django")


def root(said: Mapping[str, Any]) -> Found[str]:
    """Return STATIC_ROOT relative to /app, as the overlay has it where it is unset, or is elsewhere."""
    given = PurePosixPath(str(said["settings"]["STATIC_ROOT"] or "/app/staticfiles"))
    if given.is_relative_to(APP) and given != APP:
        return Found(str(given.relative_to(APP)), "Django" if said["settings"]["STATIC_ROOT"] else "the overlay")
    return Found(str(given), "Django")


def node(root: Path, tracked: Iterable[str]) -> Found[str]:
    """Return the folder of the package.json with a script `build`, the nearest to the top; "" if there is none."""
    files = [path for path in tracked if PurePosixPath(path).name == "package.json" and "node_modules" not in path]
    for path in sorted(files, key=lambda one: (one.count("/"), one)):
        if "build" in scripts(root / path):
            return Found(str(PurePosixPath(path).parent), path)
    return Found("", "no package.json with a script `build`")


def scripts(file: Path) -> Mapping[str, str]:
    """Return the scripts of a package.json."""
    try:
        found = json.loads(file.read_text(encoding="utf-8")).get("scripts", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def classified(log: str) -> str:
    """Return the cause of a failed build in one sentence, given what it said."""
    for said, cause in CAUSES.items():
        if found := re.search(said, log):
            return f"{cause.format(*found.groups()).rstrip('.')}."
    errors = [line.split(" ", 2)[-1] for line in log.splitlines() if re.search(r"\b\w*(Error|Exception)\b: ", line)]
    return f"{(errors or log.strip().splitlines() or ['nothing was said'])[-1].strip().rstrip('.')}."
