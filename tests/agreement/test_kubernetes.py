"""What the manifests of kubernetes/ and other files have to say alike, and what every pod has to refuse."""

import re
from typing import Any

import pytest
import yaml

from djk8s.cluster import machine
from djk8s.container import site
from support import ROOT

BASE = ROOT / "kubernetes" / "base"
DEPLOYMENT, JOB = (yaml.safe_load((BASE / f"{name}.yaml").read_text()) for name in ("deployment", "migrate"))
SPEC = DEPLOYMENT["spec"]
POD = SPEC["template"]["spec"]
(WEB,) = POD["containers"]
(CONFIG,) = yaml.safe_load((BASE / "kustomization.yaml").read_text())["configMapGenerator"]
GUNICORN = (ROOT / "serving" / "gunicorn.conf.py").read_text()


def test_stop_has_the_time_that_it_has_elsewhere_after_draining() -> None:
    *_, draining = WEB["lifecycle"]["preStop"]["exec"]["command"]
    file, seconds = re.findall(r"touch (\S+) && sleep (\d+)", draining)[0]
    assert POD["terminationGracePeriodSeconds"] == int(seconds) + int(site.STOP_TIMEOUT)
    assert f'Path("{file}")' in GUNICORN
    assert "/tmp" in [volume["mountPath"] for volume in WEB["volumeMounts"]]


def test_trial_of_a_version_is_as_long_as_elsewhere() -> None:
    assert SPEC["minReadySeconds"] == machine.TRIAL
    assert SPEC["progressDeadlineSeconds"] > SPEC["minReadySeconds"] + WEB["startupProbe"]["failureThreshold"]


def test_port_is_the_one_that_the_site_listens_on() -> None:
    (port,) = WEB["ports"]
    assert f"PORT={port['containerPort']}" in CONFIG["literals"]
    assert "PLACE=cluster" in CONFIG["literals"]


def test_no_replica_goes_before_another_is_there() -> None:
    assert SPEC["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize(("probe", "path"), [("startup", "/readyz"), ("readiness", "/readyz"), ("liveness", "/livez")])
def test_probes(probe: str, path: str) -> None:
    assert WEB[f"{probe}Probe"]["httpGet"] == {"path": path, "port": "http"}


@pytest.mark.parametrize("pod", [POD, JOB["spec"]["template"]["spec"]], ids=["web", "migrate"])
def test_pod_may_do_as_little_as_it_needs(pod: dict[str, Any]) -> None:
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"].keys() == {"requests", "limits"}
        assert container["image"] == "site"
