"""The Python that a project is for, and the versions that a specifier allows."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from djk8s.adopt.found import Found
from djk8s.packages.locks import table
from djk8s.shell.talk import refuse

AVAILABLE = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
USUAL = "3.13"
NUMBER = r"(\d+\.\d+)"
LATER = range(100)  # a specifier may ask for a patch release


def version(root: Path, given: str | None) -> Found[str]:
    """Return the Python for a project, such as 3.13; raises `Exit` for one that there is no image of."""
    if given:
        return Found(checked(given, "--python"), "--python")
    for name, pattern in FILES.items():
        if name == "pyproject.toml":
            found = by_specifier(root)
        elif name == "Dockerfile":
            found = next(in_dockerfiles(root), None)
        else:
            found = in_file(root / name, pattern)
        if found:
            return Found(checked(found.value, found.where), found.where)
    return Found(USUAL, "by default")


def checked(asked: str, where: str) -> str:
    """Return a version without its patch level; raises `Exit` if it is not available."""
    found = re.match(NUMBER + r"(\.|$)", asked)
    if not found or found[1] not in AVAILABLE:
        refuse(
            f"{where} asks for Python {asked}, and there is {AVAILABLE[0]} to {AVAILABLE[-1]}: "
            f"name one that the project runs on, for example --python {USUAL}."
        )
    return found[1]


# In this order; the first that says a version counts.
FILES = {
    ".python-version": rf"^(?:cpython-|python-)?{NUMBER}",
    "pyproject.toml": "",
    "Dockerfile": "",
    "runtime.txt": rf"^python-{NUMBER}",
    ".tool-versions": rf"^python\s+{NUMBER}",
}


def in_file(file: Path, pattern: str) -> Found[str] | None:
    found = re.search(pattern, read(file), re.MULTILINE)
    return Found(found[1], file.name) if found else None


def read(file: Path) -> str:
    """Return the text of a file, which PowerShell may have written in UTF-16; "" if it cannot be read."""
    try:
        content = file.read_bytes()
    except OSError:
        return ""
    encoding = "utf-16" if content[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8"
    return content.decode(encoding, errors="replace").replace("\r\n", "\n")


def by_specifier(root: Path) -> Found[str] | None:
    """Return the usual Python if pyproject.toml or Pipfile allows it, else the newest that it allows."""
    file = root / "pyproject.toml"
    asked = table(file, "project").get("requires-python") or table(file, "tool", "poetry", "dependencies").get("python")
    if not isinstance(asked, str) or not asked.strip():
        exact = table(root / "Pipfile", "requires").get("python_version")
        return Found(str(exact), "Pipfile") if exact else None
    allowed = [one for one in AVAILABLE if allows(asked, one)]
    if not allowed:
        return Found(asked, file.name)
    return Found(USUAL if USUAL in allowed else allowed[-1], file.name)


def allows(specifier: str, python: str) -> bool:
    """Return whether a specifier, Poetry's own kinds included, allows some release of a Python, such as 3.13.

    One that cannot be read allows all.
    """
    try:
        alternatives = [SpecifierSet(standard(part)) for part in re.split(r"\|\|?", specifier)]
    except InvalidSpecifier:
        return True
    return any(one.contains(f"{python}.{patch}") for one in alternatives for patch in LATER)


def standard(specifier: str) -> str:
    """Return a specifier of Poetry as the standard writes it: `^3.10` is `>=3.10,<4`, `~3.10` is `==3.10.*`."""
    parts = [part for part in re.split(r"\s*,\s*|\s+(?=[<>=!~^])", specifier.strip()) if part and part != "*"]
    return ",".join(map(standard_part, parts))


def standard_part(part: str) -> str:
    if caret := re.fullmatch(r"\^\s*(\d+)(.*)", part):
        return f">={caret[1]}{caret[2]},<{int(caret[1]) + 1}"
    if tilde := re.fullmatch(r"~\s*(\d+(?:\.\d+)?)(\.\d+)?", part):
        return f">={tilde[1]}{tilde[2] or ''},=={tilde[1]}.*"
    return f"=={part}" if part[0].isdigit() else part


def in_dockerfiles(root: Path) -> Iterator[Found[str]]:
    """Yield the Python of each Dockerfile, the one at the top first and those for development last."""
    files = [path for pattern in ("", "*/", "*/*/", "*/*/*/") for path in sorted(root.glob(f"{pattern}*ockerfile*"))]
    files = [path for path in files if path.is_file() and not {"node_modules", "venv", ".venv"} & set(path.parts)]
    for path in sorted(files, key=lambda path: bool(re.search("local|dev|test|ci|docs", str(path.relative_to(root))))):
        text = read(path)
        arguments = dict(re.findall(r"^ARG\s+(\w+)=[\"']?([^\s\"']+)", text, re.MULTILINE))
        for image in re.findall(r"^FROM\s+(?:--\S+\s+)?(\S+)", text, re.MULTILINE | re.IGNORECASE):
            for name, value in arguments.items():
                image = re.sub(rf"\$(?:{name}\b|{{{name}[^}}]*}})", value, image)
            if found := re.search(rf"(?:^|[/:-])python:?{NUMBER}", image):
                yield Found(found[1], path.relative_to(root).as_posix())
