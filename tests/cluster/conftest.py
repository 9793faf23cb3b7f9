"""An engine that is a Swarm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import run


@pytest.fixture(scope="session")
def a_swarm() -> Iterator[None]:
    """Make this engine a Swarm of its own, unless it is one already."""
    active = run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}").stdout.strip() == "active"
    if not active:
        begun = run("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
        assert begun.returncode == 0, begun.stderr
    yield
    if not active:
        run("docker", "swarm", "leave", "--force")
