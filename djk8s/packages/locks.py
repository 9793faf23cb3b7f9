"""What the locks of Poetry, Pipenv and PDM pin for the site; uv reads its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from djk8s.facts import parsed
from djk8s.packages import pins
from djk8s.shell.talk import refuse

Table = Mapping[str, Any]
PRODUCTION = {"prod", "production"}  # groups of packages that are not for developing


@dataclass(frozen=True)
class Locked:
    """What a lock pins for the site, as blocks of a requirements file.

    `pythons` says which it is for, as `>=3.10`, and `indexes` has the lines for indexes of its own. `asked` has what it
    does not pin: uv has to resolve that in the versions of `limits`.
    """

    blocks: tuple[str, ...]
    pythons: str = ""
    indexes: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


def read(file: Path) -> Locked:
    """Return what a poetry.lock, Pipfile.lock or pdm.lock pins for the site; raises `Exit` if it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
        whole = json.loads(text) if file.name == "Pipfile.lock" else parsed(text)
        return READERS[file.name](whole, file.parent)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        refuse(f"{file.name} cannot be read ({type(error).__name__}: {error}): lock the packages again.")


def table(file: Path, *names: str) -> Table:
    """Return a table of a TOML file, such as [tool.poetry] for `tool`, `poetry`; empty if there is none."""
    try:
        found: Any = parsed(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    for name in names:
        found = found.get(name, {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def poetry(lock: Table, folder: Path) -> Locked:
    """Return what Poetry pins. Before version 2 its lock did not say which packages are the site's."""
    old = lock["metadata"].get("files", {})  # before Poetry 1.3 they are not with the packages
    says_groups = all("groups" in package for package in lock.get("package", ()))
    found, indexes = [], []
    for package in lock.get("package", ()):
        groups = [name for name in package.get("groups", ()) if name in {"main", *PRODUCTION}]
        if says_groups and (not groups or package.get("optional")):
            continue
        markers, source = package.get("markers") or "", package.get("source", {})
        if isinstance(markers, dict):
            each = {markers.get(name, "") for name in groups}
            several = " or ".join(f"({one})" for one in sorted(each))
            markers = "" if "" in each else several if len(each) > 1 else each.pop()
        if source.get("type") == "legacy":
            indexes.append(f"--extra-index-url {source['url']}")
        files = package.get("files") or old.get(package["name"], ())
        found.append(requirement(package["name"], package["version"], markers, hashes(files), from_poetry(source)))
    pythons, places = lock["metadata"].get("python-versions", ""), tuple(dict.fromkeys(indexes))
    if says_groups:
        return Locked(tuple(found), pythons, places)
    tool = table(folder / "pyproject.toml", "tool", "poetry")
    production = [group.get("dependencies", {}) for name, group in tool.get("group", {}).items() if name in PRODUCTION]
    asked = [name for one in (tool.get("dependencies", {}), *production) for name in of_poetry(one)]
    return Locked((), pythons, places, tuple(with_sources(asked, found)), tuple(found))


def from_poetry(source: Table) -> str:
    """Return where a package comes from, as pip writes it after `@`; "" for an index."""
    kind, url = source.get("type", "legacy"), source.get("url", "")
    if kind == "git":
        return f"git+{url}@{source['resolved_reference']}"
    return "" if kind == "legacy" else url


def of_poetry(dependencies: Table) -> Iterator[str]:
    """Yield the names in Poetry's own table, with extras and markers; the lock has the versions."""
    for name, wanted in dependencies.items():
        first = wanted[0] if isinstance(wanted, list) else wanted
        more: Table = first if isinstance(first, dict) else {}
        if name.lower() != "python" and not more.get("optional"):
            marker = "" if isinstance(wanted, list) else more.get("markers", "")
            yield with_marker(name + extras(more), marker)


def with_sources(asked: Iterable[str], blocks: Iterable[str]) -> Iterator[str]:
    """Yield what is asked for, with the git repository or folder of a package that comes from one."""
    elsewhere = {canonicalize_name(block.split(" @ ")[0]): block for block in blocks if " @ " in block}
    for one in asked:
        yield elsewhere.get(canonicalize_name(re.split(r"[^\w.-]", one)[0]), one)


def pipenv(lock: Table, _folder: Path) -> Locked:
    """Return what Pipenv pins: all but what only another system needs than the one on which it was locked."""
    meta = lock["_meta"]
    indexes = [f"--extra-index-url {source['url']}" for source in meta.get("sources", ()) if source["name"] != "pypi"]
    found, asked = [], []
    for name, package in lock["default"].items():
        source = package.get("path") or package.get("file") or ""
        if "git" in package:
            source = f"git+{package['git']}@{package['ref']}"
        version, marker = package.get("version", "*"), package.get("markers", "")
        if version == "*" and not source:
            asked.append(with_marker(name + extras(package), marker))
            continue
        name, version = name + extras(package), version.removeprefix("==")
        found.append(requirement(name, version, marker, package.get("hashes", ()), source))
    python = meta.get("requires", {}).get("python_version", "")
    return Locked(tuple(found), f"=={python}.*" if python else "", tuple(indexes), tuple(asked), tuple(found))


def pdm(lock: Table, folder: Path) -> Locked:
    """Return what PDM pins. Before version 2.11, or with uv, its lock does not say which packages are the site's."""
    says_groups = all("groups" in package for package in lock.get("package", ()))
    found = []
    for package in lock.get("package", ()):
        if package.get("extras") or (says_groups and not {"default", *PRODUCTION} & {*package["groups"]}):
            continue  # one with extras is there without them too
        source = package.get("path") or package.get("url") or ""
        if "git" in package:
            source = f"git+{package['git']}@{package['revision']}"
        marker = package.get("marker", "")
        version, files = package.get("version", ""), package.get("files", ())
        found.append(requirement(package["name"], version, marker, hashes(files), source))
    targets = lock["metadata"].get("targets") or [{}]
    pythons = targets[0].get("requires_python", "")
    if says_groups:
        return Locked(tuple(found), pythons)
    asked = table(folder / "pyproject.toml", "project").get("dependencies", ())
    return Locked((), pythons, (), tuple(with_sources(asked, found)), tuple(found))


READERS: dict[str, Callable[[Table, Path], Locked]] = {"poetry.lock": poetry, "Pipfile.lock": pipenv, "pdm.lock": pdm}


def requirement(name: str, version: str, marker: str, all_hashes: Any, source: str = "") -> str:
    """Return the block of a package: a pin with its hashes, or where it comes from, which has none."""
    if not source:
        return pins.block(with_marker(f"{name}=={version}", marker), all_hashes)
    if "://" in source:
        return with_marker(f"{name} @ {source}", marker)
    path = source if source.startswith((".", "/")) else f"./{source}"
    return with_marker(path, marker)


def hashes(files: Any) -> list[str]:
    return [file["hash"] for file in files]


def extras(package: Table) -> str:
    listed = ",".join(package.get("extras", ()))
    return f"[{listed}]" if listed else ""


def with_marker(requirement: str, marker: str) -> str:
    return f"{requirement} ; {marker}" if marker else requirement
