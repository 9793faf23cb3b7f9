"""Waiting for Kubernetes to replace the replicas, on a cluster that says what it is told to."""

import json
import subprocess
import time
from collections.abc import Callable

import pytest
from invoke import Exit

from djk8s.cluster import kubernetes
from djk8s.cluster.kubernetes import Kubernetes
from djk8s.cluster.release import RELEASE, Release, dumps
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project

NEW = Release("shop:new", "new", "ada@laptop", "2026-11-26T12:00:00Z")
ROLLING = (0, 'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...')
DONE = (0, 'deployment "web" successfully rolled out')
AWAY = (1, "Unable to connect to the server")
SET = {
    "metadata": {
        "annotations": {RELEASE: dumps(NEW), kubernetes.REVISION: "2"},
        "labels": {kubernetes.HASH: "abc"},
    }
}


@pytest.fixture
def cluster(shell: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes a cluster of what `rollout status` says, and of why pods wait, by their selector."""

    def cluster(*statuses: tuple[int, str], waiting: dict[str, str]) -> None:
        said = iter(statuses)

        def question(_: Kubernetes, *words: str) -> subprocess.CompletedProcess[str]:
            if words[0] == "rollout":
                code, text = next(said)
                return subprocess.CompletedProcess(words, code, "" if code else text, text)
            if words[1] == "replicasets":
                return subprocess.CompletedProcess(words, 0, json.dumps({"items": [SET]}), "")
            return subprocess.CompletedProcess(words, 0, waiting.get(words[3], ""), "")

        shell.setattr(Kubernetes, "question", question)
        shell.setattr(time, "sleep", lambda seconds: None)

    return cluster


@pytest.mark.parametrize(
    ("statuses", "waiting"),
    [
        pytest.param([ROLLING, ROLLING, DONE], {}, id="it takes a while"),
        pytest.param([AWAY, ROLLING, AWAY, AWAY, DONE], {}, id="the control plane is away for a moment"),
        pytest.param([ROLLING, DONE], {"app=web,pod-template-hash=old": "CrashLoopBackOff"}, id="only old ones die"),
        pytest.param([ROLLING, DONE], {"app=web,pod-template-hash=abc": "ContainerCreating"}, id="they start"),
    ],
)
def test_rollout_that_ends_well(
    cluster: Callable[..., None], project: Project, statuses: list[tuple[int, str]], waiting: dict[str, str]
) -> None:
    cluster(*statuses, waiting=waiting)
    Kubernetes(project, EnvFile(project)).wait(NEW)


@pytest.mark.parametrize(
    ("statuses", "waiting", "said"),
    [
        pytest.param(
            [ROLLING], "CrashLoopBackOff", "new did not get healthy (CrashLoopBackOff), see above.", id="dies"
        ),
        pytest.param([ROLLING], "ImagePullBackOff", "new did not get healthy (ImagePullBackOff)", id="no image"),
        pytest.param([AWAY] * 3, "", "new did not get healthy, see above.", id="the control plane is gone"),
    ],
)
def test_rollout_that_does_not(
    cluster: Callable[..., None], project: Project, statuses: list[tuple[int, str]], waiting: str, said: str
) -> None:
    cluster(*statuses, waiting={"app=web,pod-template-hash=abc": waiting})
    with pytest.raises(Exit, match=said.replace("(", r"\(").replace(")", r"\)")):
        Kubernetes(project, EnvFile(project)).wait(NEW)


def test_changes_are_said_once(
    cluster: Callable[..., None], project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster(ROLLING, ROLLING, DONE, waiting={})
    Kubernetes(project, EnvFile(project)).wait(NEW)
    assert capsys.readouterr().err.splitlines() == [ROLLING[1], DONE[1]]
