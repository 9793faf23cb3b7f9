"""djk8s itself among the pinned tools of a project: as a wheel that the project keeps, or by its version on an index.

The kept wheel is what Gradle's wrapper does with its jar: a project needs no index that has djk8s.
"""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from djk8s import facts, files
from djk8s.packages import resolver
from djk8s.shell.talk import refuse

FOLDER = ".tools-wheels"


def version() -> str:
    """Return the version of this djk8s."""
    pyproject = files.source() / "pyproject.toml"
    if pyproject.is_file():
        return str(facts.parsed(pyproject.read_text(encoding="utf-8"))["project"]["version"])
    return metadata.version("djk8s")


def line(keep: bool = True) -> str:
    """Return the lines of requirements-tools.txt that pin djk8s; raises `Exit` if its hash cannot be had."""
    return "".join(kept_line(path, content) for path, content in kept(keep).items()) or index_line(version())


def kept(keep: bool = True) -> dict[str, bytes]:
    """Return the wheel to keep in a project, by its path there; none for a djk8s that came from an index.

    Raises `Exit` if the wheel cannot be made, or is not where it was installed from.
    """
    found = wheel() if keep else None
    return {f"{FOLDER}/{found[0]}": found[1]} if found else {}


def kept_line(path: str, content: bytes) -> str:
    return f"./{path} \\\n    --hash=sha256:{hashlib.sha256(content).hexdigest()}\n"


def index_line(number: str) -> str:
    """Return the lines that pin a version of djk8s with the hashes that the index has; raises `Exit` if it has none."""
    with tempfile.TemporaryDirectory() as folder:
        asked, pinned = Path(folder, "djk8s.in"), Path(folder, "djk8s.txt")
        asked.write_text(f"djk8s=={number}\n", encoding="utf-8")
        words = (*resolver_words(), "--no-deps", "--no-header", "--output-file", pinned, asked)
        resolver.quiet(Path(folder))(words, lambda said: f"No index has djk8s {number}: {resolver.reason(said)}.")
        text = pinned.read_text(encoding="utf-8")
    if "--hash" not in text:
        refuse(f"The index that has djk8s {number} says no hash of it: name another in UV_DEFAULT_INDEX.")
    return text


def resolver_words() -> tuple[str | Path, ...]:
    return ("pip", "compile", "--quiet", "--generate-hashes", "--no-annotate", "--python", resolver.PYTHON)


@functools.cache
def wheel() -> tuple[str, bytes] | None:
    """Return the name and the content of this djk8s' own wheel, or None if it came from an index."""
    if (files.source() / "pyproject.toml").is_file():
        return built(files.source())
    recorded = metadata.distribution("djk8s").read_text("direct_url.json")
    if recorded is None:
        return None
    # https://packaging.python.org/en/latest/specifications/direct-url-data-structure/
    address = str(json.loads(recorded)["url"])
    place = Path(url2pathname(urlsplit(address).path))
    if not address.startswith("file:"):
        refuse(f"djk8s came from {address}: install it from its wheel, as a project has to keep that.")
    if place.is_dir():
        return built(place)
    if not place.is_file():
        refuse(f"djk8s came from {place}, which is not there any more: install it from its wheel again.")
    return place.name, place.read_bytes()


def built(source: Path) -> tuple[str, bytes]:
    """Build the wheel of a folder with the source of djk8s, and return its name and content."""
    with tempfile.TemporaryDirectory() as folder:
        words = ("build", "--wheel", "--quiet", "--out-dir", folder, source)
        resolver.quiet(source)(words, lambda said: f"The wheel of djk8s cannot be built: {resolver.reason(said)}.")
        (made,) = Path(folder).glob("djk8s-*.whl")
        return made.name, made.read_bytes()
