"""What a deployment with Compose removes."""

import pytest

from djk8s.cluster.machine import Machine
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project

SERVICES = {"web": {"scale": 3}, "proxy": {}, "db": {"scale": 1}, "worker": {"scale": 0}, "backup": {"scale": 0}}
OURS = "ps --all --filter label=com.docker.compose.project={0} --filter label=djk8s.project={0} --filter"
RUNNING = ["web", "web", "proxy", "db", "worker", "cache"]


def test_what_joined_only_an_earlier_release_is_left_over(shell: pytest.MonkeyPatch, project: Project) -> None:
    listed = "\n".join(f"{number} {service}" for number, service in enumerate(RUNNING))
    shell.setattr(Machine, "config", lambda *_: {"services": SERVICES})
    ours, target = OURS.format(project.name), Machine(project, EnvFile(project))
    shell.setattr(Machine, "ask", lambda _, *words: listed if " ".join(words).startswith(ours) else "")
    assert target.left_over(target.services()) == ["4", "5"]
