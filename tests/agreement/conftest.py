"""Fixtures for the tests of agreement: what two shipped files both say has to be the same."""

import pytest

from djk8s.project import Project
from projects_here import configured


@pytest.fixture
def defaults() -> Project:
    """The project as tasks.py configures it."""
    return configured()
