"""The lease that keeps others from deploying, on a cluster of one object."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from invoke import Exit

from djk8s.cluster import lease
from djk8s.cluster.kubernetes import Kubernetes
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project


class Cluster:
    """A cluster that knows `create`, `replace`, `patch`, `delete` and `get` of one lease, as kubectl types them."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] = {}
        self.version = 0

    def question(self, verb: str, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        new = json.loads(given) if given else {}
        seen = new.get("metadata", {}).get("resourceVersion")
        if (verb == "create" and self.lease) or (verb == "replace" and seen != str(self.version)):
            return subprocess.CompletedProcess(words, 1, "", "Error from server (AlreadyExists or Conflict)")
        if verb == "patch":
            self.lease["spec"].update(json.loads(words[-1])["spec"])
        if verb == "delete":
            self.lease = {}
        if new:
            self.lease = new
        if verb != "get":
            self.version += 1
            self.lease.get("metadata", {})["resourceVersion"] = str(self.version)
        return subprocess.CompletedProcess(words, 0, json.dumps(self.lease), "")


@pytest.fixture
def cluster(shell: pytest.MonkeyPatch) -> Iterator[Cluster]:
    found = Cluster()
    shell.setattr(Kubernetes, "question", found.question)
    shell.setattr(lease, "RENEWED", 0.1)
    shell.setattr(lease, "STEP", 0.1)
    shell.setattr(lease, "DEAD", 0.5)
    yield found


@pytest.fixture
def target(project: Project) -> Kubernetes:
    return Kubernetes(replace(project, name="shop"), EnvFile(project))


def test_it_is_there_while_somebody_deploys(cluster: Cluster, target: Kubernetes) -> None:
    with lease.held(target, "ada@laptop"):
        assert cluster.lease["spec"]["holderIdentity"] == "ada@laptop"
    assert cluster.lease == {}


def test_second_one_is_refused_with_the_name_of_the_first(cluster: Cluster, target: Kubernetes) -> None:
    refused = pytest.raises(Exit, match=r"ada@laptop is deploying shop since [\d:]{8} UTC: try again")
    with lease.held(target, "ada@laptop"):
        with refused, lease.held(target, "bob@desk"):
            pytest.fail("both deploy")
        assert cluster.lease["spec"]["holderIdentity"] == "ada@laptop"


def test_lease_of_one_who_died_is_taken(cluster: Cluster, target: Kubernetes) -> None:
    cluster.lease = lease.lease("ada@laptop")
    cluster.lease["metadata"]["resourceVersion"] = "0"
    with lease.held(target, "bob@desk"):
        assert cluster.lease["spec"]["holderIdentity"] == "bob@desk"


def test_lease_that_is_given_back_meanwhile_is_taken(
    cluster: Cluster, target: Kubernetes, shell: pytest.MonkeyPatch
) -> None:
    cluster.lease = lease.lease("ada@laptop")
    shell.setattr(time, "sleep", lambda _: cluster.question("delete"))
    with lease.held(target, "bob@desk"):
        assert cluster.lease["spec"]["holderIdentity"] == "bob@desk"
