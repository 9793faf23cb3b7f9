"""A project as tasks.py configures it, in any folder."""

from pathlib import Path

from invoke.config import Config
from invoke.context import Context

import tasks
from djk8s.project import Project


def configured(root: Path = tasks.ROOT) -> Project:
    """Return the project in a folder, whatever this machine's settings say."""
    return Project.of(Context(Config(overrides=tasks.ns.configuration(), lazy=True)), root)
