"""What a deployment with Compose removes."""

from dataclasses import replace

import pytest

from djk8s.cluster.machine import Machine
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project

SERVICES = {"web": {"scale": 3}, "proxy": {}, "db": {"scale": 1}, "worker": {"scale": 0}, "backup": {"scale": 0}}
OURS = (
    *("ps", "--all"),
    *("--filter", "label=com.docker.compose.project=shop"),
    *("--filter", "label=djk8s.project=shop", "--filter"),
)
RUNNING = ["web", "web", "proxy", "db", "worker", "cache"]


def test_what_joined_only_an_earlier_release_is_left_over(shell: pytest.MonkeyPatch, project: Project) -> None:
    listed = "\n".join(f"{number} {service}" for number, service in enumerate(RUNNING))
    shell.setattr(Machine, "config", lambda *_: {"services": SERVICES})
    shell.setattr(Machine, "ask", lambda _, *words: listed if words[:7] == OURS else "")
    target = Machine(replace(project, name="shop"), EnvFile(project))
    assert target.left_over(target.services()) == ["4", "5"]
