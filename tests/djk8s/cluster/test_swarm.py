"""What Swarm says of its replicas."""

import pytest

from djk8s.cluster import docker, swarm
from djk8s.cluster.release import Where
from djk8s.project import Project

# Of three nodes, one has died a minute ago: `docker service ls` still counts what ran there.
SAID = {
    "service": "shop_web 4/3\nshop_proxy 3/2\nshop_static 2/2 (2/2 completed)",
    "stack": "shop_web.1 Running 9 minutes ago\n"
    "shop_web.2 Running 9 minutes ago\n"
    "shop_web.3 Starting 2 seconds ago\n"
    "shop_proxy.1jr5 Running 9 minutes ago\n"
    "shop_proxy.uduc Running 9 minutes ago",
}


def test_replicas_of_a_node_that_is_gone_are_not_counted(shell: pytest.MonkeyPatch, project: Project) -> None:
    shell.setattr(docker, "ask", lambda project, where, *words: SAID[words[0]])
    assert swarm.replicas(project, Where("shop")) == {"web": "2/3", "proxy": "2/2", "static": "2/2 (2/2 completed)"}
