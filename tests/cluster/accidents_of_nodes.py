"""What may happen to nodes: `nox -s cluster_smoke -- tests/cluster/accidents_of_nodes.py` runs three, as containers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployed import SLOW
from nodes import DeployedOnNodes, deployed_on_nodes
from support import get, run, wait_until

# What nobody can save, where a process dies: nginx sends no form a second time.
IN_ITS_HANDS = frozenset({"post: 502", "post: 504", "websocket: dropped"})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedOnNodes]:
    with deployed_on_nodes(tmp_path_factory.mktemp("deployed")) as site:
        yield site


def healthy(site: DeployedOnNodes) -> int:
    return int(site.status()["healthy"])


def test_replica_that_is_killed(site: DeployedOnNodes) -> None:
    node = site.nodes.names[1]
    with site.loaded("a replica killed", 5000, IN_ITS_HANDS):
        replica = site.nodes.on(node, "ps", "--quiet", "--filter", f"name={site.name}_web").split()[0]
        site.nodes.on(node, "kill", replica)
    wait_until(lambda: healthy(site) == 3, 60)


def test_registry_that_is_gone(site: DeployedOnNodes) -> None:
    before = site.revision()
    run("docker", "stop", site.nodes.registry)
    try:
        with site.loaded("the registry gone", 5000):
            done = site.deploy()
    finally:
        run("docker", "start", site.nodes.registry)
    assert (done.returncode, site.revision()) == (1, before), done.stderr


def test_node_whose_disk_is_full(site: DeployedOnNodes) -> None:
    before, node = site.revision(), site.nodes.names[2]
    try:
        with site.loaded("the disk of a node full", 8000):
            run("docker", "exec", node, "dd", "if=/dev/zero", "of=/var/lib/docker/full", "bs=1M")
            done = site.deploy()
    finally:
        run("docker", "exec", node, "rm", "/var/lib/docker/full")
    assert (done.returncode, site.revision()) == (1, before), done.stderr


def test_node_that_is_lost(site: DeployedOnNodes) -> None:
    url = f"http://{site.host}:{site.deploy_port}/?slow"
    with site.loaded("a node lost", 6000, IN_ITS_HANDS), ThreadPoolExecutor(12) as browsers:
        under_way = [browsers.submit(get, url) for _ in range(12)]
        time.sleep(SLOW / 2)
        site.nodes.lose(site.nodes.names[2])
        assert [one.result().status for one in under_way] == [200] * 12
    wait_until(lambda: healthy(site) == 3, 60)


def test_deploy_without_the_node_that_was_killed(site: DeployedOnNodes) -> None:
    done = site.deploy()
    assert done.returncode == 0, done.stderr
    assert (healthy(site), site.status()["wanted"]) == (3, 3)
