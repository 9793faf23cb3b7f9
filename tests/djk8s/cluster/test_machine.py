"""What a deployment with Compose removes."""

import pytest

from djk8s.cluster import docker, machine
from djk8s.cluster.release import Release, Where
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
    shell.setattr(docker, "config", lambda *_: {"services": SERVICES})
    shell.setattr(docker, "ask", lambda project, where, *words: listed if words[:7] == OURS else "")
    assert machine.left_over(project, Where("shop"), Release("shop:1", "v1")) == ["4", "5"]
