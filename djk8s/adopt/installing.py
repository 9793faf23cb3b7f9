"""Why the packages of a project could not be installed in an image."""

from __future__ import annotations

import re

NO_IMAGE = r"failed to solve: (\S+?:\S+?): failed to (?:resolve source metadata|do request)"
REMEDY = (
    "pin a version that has a wheel for this Python, name another with --python, or list in apt.txt the packages of "
    "Debian that it needs, such as libssl-dev, and commit that."
)
# The first that is in the log gives the sentence; what BuildKit puts before each line is gone by then.
CAUSES = (
    (
        r"E: Unable to locate package (\S+)",
        "Debian has no package {0}: correct apt.txt. If it does not name that, it is a fault of djk8s: open an issue.",
    ),
    (r"E: (Failed to fetch [^\n]+|[^\n]+Could not resolve[^\n]+)", "Debian's packages cannot be had ({0}): try again."),
    (
        r"Failed to build [`']?(psycopg2(?:-binary)?==2\.(?:[0-8]\.\d+|9\.\d(?!\d)))",
        "{0} is too old for this Python: pin psycopg2-binary 2.9.10 or newer, or name an older Python with --python.",
    ),
    (
        r"Failed to build [`']?([\w.=-]+)(?:.*\n)*?.*?((?:fatal )?error: [^\n]+|\w+Error: [^\n]+)",
        "{0} cannot be compiled ({1}): " + REMEDY,
    ),
    (r"Failed to build [`']?([\w.=-]+)", "{0} cannot be built, see above: " + REMEDY),
    (
        r"(?:Hash mismatch for|hash(?:es)? (?:do|does) not match)[^\n]*?[`']([^`'\n]+)",
        "What the index has of {0} is not what its hash says: make the lock anew.",
    ),
    (
        r"Failed to (?:download|fetch):? [`']?([^`'\s]+)",
        "{0} cannot be had: see that the index of packages can be reached, then type this again.",
    ),
    (r"git operation failed|Git executable not found", "A package is fetched with git, which failed, see above."),
    (r"╰─▶ (Because [^\n]+(?:\n {6}[^\n]+)*)", "Its packages do not go together ({0}): mend that first."),
    (r"^error: ([^\n]+)", "Its packages cannot be installed: {0}"),
)


def no_image(log: str) -> str:
    """Return the sentence for a build whose base image cannot be had; "" for another failure."""
    found = re.search(NO_IMAGE, log)
    if not found:
        return ""
    remedy = (
        "name a Python that it has, for example --python 3.13"
        if found[1].startswith("python:")
        else "wait until it does"
    )
    return f"Docker cannot get {found[1]}: see that it reaches its registry, or {remedy}."


def classified(log: str) -> str:
    """Return why a build failed before the project's own code was in it, in one sentence."""
    if sentence := no_image(log):
        return sentence
    text = re.sub(r"^#\d+ (?:\d+\.\d+ )?", "", log, flags=re.MULTILINE)
    for pattern, sentence in CAUSES:
        if found := re.search(pattern, text, re.MULTILINE):
            return sentence.format(*(" ".join(part.split())[:300] for part in found.groups()))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"Its packages cannot be installed: {lines[-1][:300] if lines else 'the build printed nothing'}"
