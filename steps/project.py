"""The project: its folder, and the names that its configuration gives to things."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from invoke import Context

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"


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
        """Return the project as this context's configuration describes it."""
        config = c.config
        return cls(
            engine=str(config.engine),
            name=str(config.project),
            image=str(config.image),
            port=str(config.port),
            up_image=str(config.up.image),
            up_port=str(config.up.port),
            venv=ROOT / str(config.venv),
            env_file=ROOT / str(config.env_file),
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
        return venv_program(self.venv, name)


def venv_program(venv: Path, name: str) -> Path:
    """Return where a virtual environment keeps a program; Windows has its own folder for them."""
    return venv / "Scripts" / f"{name}.exe" if os.name == "nt" else venv / "bin" / name


def python_version() -> str:
    """Return the Python version of the box, which the Dockerfile owns."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^ARG PYTHON_VERSION=(\S+)", text, re.MULTILINE)
    return found.group(1) if found else "?"
