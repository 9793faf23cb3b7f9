"""Fixtures for the tests of agreement: what two shipped files both say has to be the same."""

import pytest
from invoke.config import Config
from invoke.context import Context

import tasks
from djk8s.project import Project


@pytest.fixture
def defaults() -> Project:
    """The project as tasks.py configures it, whatever this machine says."""
    return Project.of(Context(Config(overrides=tasks.ns.configuration(), lazy=True)), tasks.ROOT)
