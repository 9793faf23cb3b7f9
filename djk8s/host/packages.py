"""The packages in the virtual environment, compared with the pinned ones."""

from __future__ import annotations

import re
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, canonicalize_version

from djk8s.project import Project
from djk8s.shell import processes


def differing(project: Project, pins: str) -> list[str]:
    """Return the packages that are missing, have another version, or are there without a pin; pip may be."""
    wanted, there = pinned(project, pins), installed(project)
    return sorted(name for name in {*wanted, *there} - {"pip"} if wanted.get(name) != there.get(name))


def pinned(project: Project, pins: str) -> dict[str, str]:
    """Return the version of each package that the text of a requirements file asks for."""
    found: dict[str, str] = {}
    for line in pins.splitlines():
        try:
            requirement = Requirement(line.rstrip("\\ "))
        except InvalidRequirement:
            continue  # a comment, or a line of hashes
        if requirement.marker is None or requirement.marker.evaluate(python_of(project)):
            version = str(requirement.specifier).removeprefix("==")
            found[canonicalize_name(requirement.name)] = canonicalize_version(version)
    return found


def python_of(project: Project) -> dict[str, str]:
    """Return the environment's Python as markers know it, which may be another than ours."""
    try:
        text = (project.venv / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return {}
    found = re.search(r"^version = ((\d+\.\d+)\.\d+)", text, re.MULTILINE)
    return {"python_full_version": found[1], "python_version": found[2]} if found else {}


def installed(project: Project) -> dict[str, str]:
    """Return the version of each package in the environment."""
    folders = [str(path) for path in processes.site_packages(project.venv)]
    complete = (found for found in metadata.distributions(path=folders) if found.read_text("METADATA"))
    return {canonicalize_name(found.name): canonicalize_version(found.version) for found in complete}
