"""The project: its folder, and the names that its configuration gives to things."""

from __future__ import annotations

import os
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from invoke import Context

from djk8s import checkout, facts
from djk8s.shell import processes
from djk8s.shell.talk import refuse

NOT_AN_OPTION = r"[^\s-].*"
# Project names that Compose accepts: https://docs.docker.com/compose/how-tos/project-name/
NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
# The name of an image: https://pkg.go.dev/github.com/distribution/reference#pkg-overview
PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
HOST = r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?"
IMAGE = rf"(?=.{{1,200}}\Z)(?:{HOST}/)?{PART}(?:/{PART})*"
REGISTRY = rf"(?:{HOST}(?:/{PART})*)?"
APPLICATION = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"
PROJECT = "djk8s.project"  # the label of all that the tasks and the Compose files make
SECONDS, SOME_SECONDS = r"[1-9][0-9]{0,4}", "a number of seconds, such as 60"
TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"


@dataclass(frozen=True)
class Project:
    """The project's folder, --dry, and the settings of tasks.py, invoke.yaml and the INVOKE_… variables."""

    root: Path
    dry: bool
    engine: str
    name: str
    image: str
    registry: str
    port: str
    up_image: str
    up_ports: Mapping[str, str]  # by the names of the settings, such as https_port
    deploy_port: str
    overlay: str
    venv: Path
    env_file: Path
    ready_within: int
    src: Path
    application: str
    dockerfile: Path
    compose_file: Path
    requirements: Path
    env_example: Path
    pythonpath: tuple[Path, ...]
    checkout: str = ""

    @classmethod
    def of(cls, c: Context, root: Path) -> Project:
        """Return the project in a folder, as Invoke's context configures it; raises `Exit` for a wrong setting."""
        config = c.config
        return cls(
            root=root,
            dry=bool(config.run.dry),
            engine=setting("engine", config.engine, NOT_AN_OPTION, "a program"),
            name=setting("project", config.project, NAME, "a name of a-z, 0-9, _ and -"),
            image=setting("image", config.image, IMAGE, "an image's name without a tag, such as djk8s"),
            registry=setting("registry", config.registry, REGISTRY, "as registry.example.com/team, without https"),
            port=str(config.port),
            up_image=setting("up.image", config.up.image, f"{IMAGE}(?::{TAG})?", "an image's name, such as djk8s:v1"),
            up_ports={name: str(port) for name, port in config.up.items() if name != "image"},
            deploy_port=str(config.deploy.port),
            overlay=setting("deploy.overlay", config.deploy.overlay, NAME, "a folder of kubernetes/overlays"),
            venv=not_around(root, "venv", path(root, "venv", config.venv)),
            env_file=path(root, "env_file", config.env_file),
            ready_within=int(setting("ready_within", config.ready_within, SECONDS, SOME_SECONDS)),
            src=path(root, "src", config.src),
            application=setting("application", config.application, APPLICATION, "as shop.wsgi:application"),
            dockerfile=path(root, "files.dockerfile", config.files.dockerfile),
            compose_file=path(root, "files.compose", config.files.compose),
            requirements=path(root, "files.requirements", config.files.requirements),
            env_example=path(root, "files.env_example", config.files.env_example),
            pythonpath=tuple(path(root, "pythonpath", one) for one in str(config.pythonpath).split(":")),
            checkout=checkout.identify(root),
        )

    def oldest_python(self) -> tuple[int, ...]:
        """Return the oldest Python for the site, if .djk8s.toml or pyproject.toml names one."""
        files = [file for file in (self.root / facts.FILE, self.root / "pyproject.toml") if file.is_file()]
        text = "".join(file.read_text(encoding="utf-8") for file in files)
        found = re.search(r'^(?:requires-python = ">= *|oldest_python = ")(\d+)\.(\d+)', text, re.MULTILINE)
        return tuple(map(int, found.groups())) if found else ()

    @property
    def scope(self) -> str:
        """The name of everything that this checkout makes on an engine; two checkouts have different ones."""
        return f"{self.name}-{self.checkout}"

    @property
    def label(self) -> str:
        """The label of this checkout's containers and images."""
        return f"{PROJECT}={self.scope}"

    @property
    def volume(self) -> str:
        """The named volume in which `inv run` keeps the database."""
        return f"{self.scope}-run"

    def program(self, name: str) -> Path:
        return processes.program(self.venv, name)

    def shown(self, path: Path) -> str:
        """Return a path as a person types it in the project's folder."""
        typed = str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)
        return printable(typed)


def printable(name: str) -> str:
    """Return a name so that a sentence with it stays on one line."""
    return name if name.isprintable() else repr(name)


def setting(name: str, value: object, shape: str, wanted: str) -> str:
    """Return the value of a setting; raises `Exit` unless it matches the pattern `shape`."""
    text = str(value)
    if not (text.isprintable() and re.fullmatch(shape, text)):
        refuse(f"{where(name)} is {reprlib.repr(text)}, and has to be {wanted}.")
    return text


def where(name: str) -> str:
    """Return what a setting is called, in a file and as a variable."""
    return f"The setting {name} (in {places(name)})"


def places(name: str) -> str:
    """Return where a setting can be given."""
    return f"invoke.yaml or INVOKE_{name.upper().replace('.', '_')}"


def path(root: Path, name: str, value: object) -> Path:
    """Return the path that a setting names, relative to the project's folder; raises `Exit` if it is impossible."""
    whole = root / setting(name, value, NOT_AN_OPTION, "a path")
    try:
        whole.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # it may be made later
    except OSError as error:
        refuse(f"{where(name)} is {reprlib.repr(str(value))}: {error.strerror}; name another path.")
    return whole


def not_around(root: Path, name: str, folder: Path) -> Path:
    """Return a folder that may be emptied; raises `Exit` if the project is in it."""
    if root.is_relative_to(os.path.realpath(folder)):
        refuse(f"{where(name)} is the folder that the project is in: name one of its own, for example venv.")
    return folder
