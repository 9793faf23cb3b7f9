"""The project: its folder, and the names that its configuration gives to things."""

from __future__ import annotations

import hashlib
import os
import re
import reprlib
from dataclasses import dataclass
from pathlib import Path

from invoke import Context, Exit

from steps import system

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"

SOMETHING = r"[^\s-].*"  # a word that no program takes for an option
# What Compose takes for a project: https://docs.docker.com/compose/how-tos/project-name/
NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
# An image's name: https://pkg.go.dev/github.com/distribution/reference#pkg-overview
PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
IMAGE = rf"(?=.{{1,200}}\Z)(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?{PART}(?:/{PART})*"
TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"


@dataclass(frozen=True)
class Project:
    """What the defaults of tasks.py, invoke.yaml and the INVOKE_… variables say, as one value."""

    engine: str
    name: str
    image: str
    port: str
    up_image: str
    up_port: str
    venv: Path
    env_file: Path

    @classmethod
    def of(cls, c: Context) -> Project:
        """Return the project as this context's configuration describes it; raises `Exit` where it makes no sense."""
        config = c.config
        return cls(
            engine=setting("engine", config.engine, SOMETHING, "a program"),
            name=setting("project", config.project, NAME, "a name of a-z, 0-9, _ and -"),
            image=setting("image", config.image, IMAGE, "an image's name without a tag, as djk8s"),
            port=str(config.port),
            up_image=setting("up.image", config.up.image, f"{IMAGE}(?::{TAG})?", "an image's name, as djk8s:v1"),
            up_port=str(config.up.port),
            venv=folder_of_its_own("venv", path("venv", config.venv)),
            env_file=path("env_file", config.env_file),
        )

    @property
    def scope(self) -> str:
        """Return the name of what this checkout makes: two checkouts on one engine stay apart."""
        folder = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:6]
        return f"{self.name}-{folder}"

    @property
    def label(self) -> str:
        """Return the label by which containers of this checkout are found again."""
        return f"djk8s.project={self.scope}"

    @property
    def volume(self) -> str:
        """Return the named volume in which `inv run` keeps the database."""
        return f"{self.scope}-run"

    def program(self, name: str) -> Path:
        """Return the path of a program in the virtual environment."""
        return system.program(self.venv, name)


def setting(name: str, value: object, shape: str, wanted: str) -> str:
    """Return what a setting says; raises `Exit` unless that has the shape of what is wanted."""
    text = str(value)
    if not (text.isprintable() and re.fullmatch(shape, text)):
        raise Exit(f"{where(name)} is {reprlib.repr(text)}, and has to be {wanted}.", 1)
    return text


def where(name: str) -> str:
    """Return how a setting is called, in a file and as a variable."""
    return f"The setting {name} (in invoke.yaml, or INVOKE_{name.upper().replace('.', '_')})"


def path(name: str, value: object) -> Path:
    """Return the path that a setting names, from the project's folder; raises `Exit` where there can be no such."""
    whole = ROOT / setting(name, value, SOMETHING, "a path")
    try:
        whole.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # it may come
    except OSError as error:
        raise Exit(f"{where(name)} is {reprlib.repr(str(value))}: {error.strerror}; name another path.", 1) from None
    return whole


def folder_of_its_own(name: str, whole: Path) -> Path:
    """Return a folder that may be emptied; raises `Exit` where the project is in it."""
    if ROOT.is_relative_to(os.path.realpath(whole)):
        raise Exit(f"{where(name)} is the folder that the project is in: name one of its own, as venv.", 1)
    return whole


def python_version() -> str:
    """Return the Python version of the box, which the Dockerfile owns."""
    return in_dockerfile(r"ARG PYTHON_VERSION=(\S+)")


def oldest_python() -> tuple[int, ...]:
    """Return the oldest Python for the site, if pyproject.toml names one."""
    file = ROOT / "pyproject.toml"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(r'^requires-python = ">= *(\d+)\.(\d+)', text, re.MULTILINE)
    return tuple(map(int, found.groups())) if found else ()


def base_image() -> str:
    """Return the name of the image on which the box stands."""
    return in_dockerfile(r"FROM (\S+)").replace("${PYTHON_VERSION}", python_version())


def in_dockerfile(instruction: str) -> str:
    """Return what the first instruction like this says in its group."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(f"^{instruction}", text, re.MULTILINE)
    return found.group(1) if found else "?"
