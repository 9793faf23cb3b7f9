"""What may happen to a deployment: `nox -s cluster_smoke -- tests/cluster/accidents.py` adds these, which take long."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from deployed import Deployed, deployed
from support import run, wait_until


@pytest.fixture(scope="module", params=["swarm", "compose"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("deployed"), request.param) as site:
        yield site


def test_second_deploy_at_once_is_refused_with_the_name_of_the_first(site: Deployed) -> None:
    site.version += 1
    words = ["./inv", "deploy", "--to", site.to, "--tag", f"v{site.version}"]
    first = subprocess.Popen(words, cwd=site.folder, env=site.environment, stdout=-3, stderr=-3)
    wait_until(lambda: bool(run("docker", "ps", "--quiet", "--filter", f"name={site.name}-deploying").stdout), 60)
    second = site.deploy()
    assert second.returncode == 1
    assert "is deploying" in second.stderr
    assert first.wait() == 0


def test_killed_inv_leaves_a_site_that_serves_and_a_lock_that_is_free(site: Deployed) -> None:
    site.version += 1
    words = ["./inv", "deploy", "--to", site.to, "--tag", f"v{site.version}"]
    locked = ("docker", "ps", "--quiet", "--filter", f"name={site.name}-deploying")
    with site.loaded("`inv deploy` killed half way", 6000):
        killed = subprocess.Popen(words, cwd=site.folder, env=site.environment, stdout=-3, stderr=-3)
        wait_until(lambda: bool(run(*locked).stdout), 60)
        killed.kill()
        wait_until(lambda: not run(*locked).stdout, 30)
    done = site.deploy()
    assert done.returncode == 0, done.stderr
