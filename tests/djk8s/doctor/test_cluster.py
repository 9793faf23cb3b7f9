"""`inv doctor --to …`: each thing that a deployment would founder on is named, with what mends it."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import subprocess
import threading
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from djk8s.doctor import cluster
from djk8s.doctor.finding import FINE, NOTE, WRONG
from support import free_port

Typed = subprocess.CompletedProcess[str]
Inv = Callable[..., Typed]
Noting = Callable[..., tuple[Path, Callable[..., list[dict[str, Any]]]]]
Program = Callable[[str, str], Path]
Answers = dict[str, tuple[str, int]]


def site(vendor: str, *files: str) -> tuple[str, int]:
    """Return what a site in its image says of itself."""
    return f"any line of its own\n{json.dumps({'vendor': vendor, 'files': files, 'migrations': [], 'unmade': []})}\n", 0


def composed(**volume: str) -> tuple[str, int]:
    return json.dumps({"services": {"web": {"image": "site", "environment": {}}}, "volumes": {"data": volume}}), 0


# A Swarm of two nodes and all in order, and what differs from it.
SWARM: Answers = {
    "info": ("true\n", 0),
    "node ls": ("one\ntwo\n", 0),
    "node inspect": ("linux/x86_64\nlinux/x86_64\n", 0),
    "image inspect": ("linux/amd64\n", 0),
    "compose --file": composed(driver="nfs"),
    "run": site("postgresql", "board.Note.attachment"),
    "context inspect": ("unix:///var/run/docker.sock\n", 0),
}
MIXED = {"node inspect": ("linux/x86_64\nlinux/aarch64\n", 0)}
ONE = {"node ls": ("one\n", 0), "node inspect": ("linux/x86_64\n", 0)}
ON_A_SWARM = [
    pytest.param("rights", {}, FINE, "It manages a Swarm.", id="manager"),
    pytest.param("rights", {"info": ("false\n", 0)}, WRONG, "`docker swarm init` makes it a manager", id="no manager"),
    pytest.param("registry", ONE, FINE, "None is needed on one node.", id="one node needs no registry"),
    pytest.param("registry", {}, WRONG, "write `registry: …` in invoke.yaml", id="two nodes need a registry"),
    pytest.param("nodes", {}, FINE, "linux/amd64, as the image: 2.", id="nodes like the image"),
    pytest.param("nodes", MIXED, NOTE, "node update --availability drain NODE`", id="one node of another kind"),
    pytest.param(
        "nodes",
        {"node inspect": ("linux/aarch64\nlinux/aarch64\n", 0)},
        WRONG,
        "`DOCKER_DEFAULT_PLATFORM=linux/arm64 inv deploy --to swarm`",
        id="all nodes of another kind",
    ),
    pytest.param("replicas", {}, FINE, "3 replicas can share the database and the uploads.", id="shared"),
    pytest.param("replicas", {"image inspect": ("", 1)}, NOTE, "`inv build` builds it", id="image not built"),
    pytest.param("replicas", {"run": site("sqlite")}, WRONG, "set DATABASE_URL, or add --with db", id="SQLite"),
    pytest.param(
        "replicas",
        {"compose --file": composed()},
        WRONG,
        "board.Note.attachment keeps its files on one machine: give the volume `data` a driver",
        id="uploads on several nodes",
    ),
    pytest.param("replicas", {"compose --file": composed(), **ONE}, FINE, "can share", id="uploads on one node"),
    pytest.param("replicas", {"run": ("No key.", 1)}, WRONG, "cannot start with these settings", id="no start"),
]


def doctored(inv: Inv, *words: str, **environment: str) -> dict[str, tuple[str, str]]:
    typed = inv("doctor", "--json", *words, **environment)
    findings = {finding["check"]: (finding["state"], finding["says"]) for finding in json.loads(typed.stdout)}
    assert typed.returncode == (1 if WRONG in {state for state, _ in findings.values()} else 0), typed.stderr
    return findings


@pytest.mark.parametrize(("name", "answers", "state", "told"), ON_A_SWARM)
def test_a_swarm(inv: Inv, noting: Noting, name: str, answers: Answers, state: str, told: str) -> None:
    path, _ = noting("docker", **{**SWARM, **answers})
    found = doctored(inv, "--to", "swarm", INVOKE_ENGINE=str(path))[name]
    assert (found[0], told in found[1]) == (state, True), found


def test_context_that_does_not_answer(inv: Inv, program: Program) -> None:
    engine = program("docker", '[ "$DOCKER_CONTEXT" = elsewhere ] && exit 1; echo 26.1.5')
    findings = doctored(inv, "--to", "swarm", "--context", "elsewhere", INVOKE_ENGINE=str(engine))
    assert findings.pop("context") == (
        WRONG,
        f"--context elsewhere does not answer: `{engine} context ls` shows what there is.",
    )
    assert set(findings.values()) == {(NOTE, "Not looked at: the context does not answer.")}


def test_compose_is_for_this_machine(inv: Inv, noting: Noting) -> None:
    path, calls = noting("docker", **{**SWARM, "context inspect": ("ssh://ada@elsewhere", 0)})
    findings = doctored(inv, "--to", "compose", "--context", "elsewhere", INVOKE_ENGINE=str(path))
    assert findings["rights"][0] == WRONG
    assert "`inv deploy --to swarm` is for another one" in findings["rights"][1]
    assert findings["port"] == (FINE, "Not looked at: 8080 is another machine's.")
    assert {call["env"]["DOCKER_CONTEXT"] for call in calls("context", "inspect")} == {"elsewhere"}


def test_place_that_is_none(inv: Inv) -> None:
    typed = inv("doctor", "--to", "nomad")
    assert (typed.returncode, typed.stdout) == (1, "")
    assert typed.stderr == "--to 'nomad' is unknown: write compose, swarm or kubernetes.\n"


def test_port_that_is_free_taken_or_the_deployments_own(inv: Inv, noting: Noting) -> None:
    path, _ = noting("docker", **SWARM)
    port = free_port()
    words = {"INVOKE_ENGINE": str(path), "INVOKE_DEPLOY_PORT": str(port)}
    assert doctored(inv, "--to", "swarm", **words)["port"] == (FINE, f"{port}, for deploy, is free.")
    with socket.create_server(("127.0.0.1", port)):
        state, says = doctored(inv, "--to", "swarm", **words)["port"]
        assert (state, "INVOKE_DEPLOY_PORT" in says) == (WRONG, True), says
        ours = f"ps --quiet --filter label=com.docker.stack.namespace=djk8s --filter publish={port}"
        path, _ = noting("docker", **{**SWARM, ours: ("one\n", 0)})
        found = doctored(inv, "--to", "swarm", **words, INVOKE_PROJECT="djk8s")
        assert found["port"] == (FINE, f"{port}, on which the deployment serves now.")


@pytest.fixture
def answering() -> Iterator[Callable[..., str]]:
    """Serve one answer for every question, and return the address; `context` makes it https."""
    servers = []

    def serve(status: int, context: ssl.SSLContext | None = None) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"localhost:{server.server_address[1]}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def registry(inv: Inv, noting: Noting, named: str) -> tuple[str, str]:
    path, _ = noting("docker", **SWARM)
    return doctored(inv, "--to", "swarm", INVOKE_ENGINE=str(path), INVOKE_REGISTRY=named)["registry"]


@pytest.mark.parametrize(
    ("status", "state", "told"),
    [(200, FINE, "answers."), (401, FINE, "answers."), (404, WRONG, "answers 404 at /v2/, as no registry does")],
)
def test_registry_that_answers(
    inv: Inv, noting: Noting, answering: Callable[..., str], status: int, state: str, told: str
) -> None:
    host = answering(status)
    found = registry(inv, noting, f"{host}/team")
    assert (found[0], f"{host} {told}" in found[1]) == (state, True), found


def test_registry_that_is_gone(inv: Inv, noting: Noting) -> None:
    host = f"localhost:{free_port()}"
    assert registry(inv, noting, f"{host}/team") == (
        WRONG,
        f"{host} does not answer: `curl -v https://{host}/v2/` says why.",
    )


def test_registry_with_a_certificate_that_is_not_known(inv: Inv, noting: Noting, answering: Callable[..., str]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    found = registry(inv, noting, answering(200, context))
    assert (found[0], "a certificate that this Python does not know" in found[1]) == (NOTE, True), found


def test_registry_elsewhere_without_https(inv: Inv, noting: Noting, shell: pytest.MonkeyPatch) -> None:
    def asked(url: str) -> int:
        if url.startswith("https:"):
            raise urllib.error.URLError("wrong version number")
        return 200

    shell.setattr(cluster, "asked", asked)
    found = registry(inv, noting, "registry.example.com/team")
    assert found == (
        WRONG,
        "registry.example.com speaks no https: name it in `insecure-registries` of each node's daemon.json.",
    )


def test_a_name_without_a_host_is_on_docker_hub(inv: Inv, noting: Noting, shell: pytest.MonkeyPatch) -> None:
    urls: list[str] = []

    def asked(url: str) -> int:
        urls.append(url)
        return 401

    shell.setattr(cluster, "asked", asked)
    assert registry(inv, noting, "team")[0] == FINE
    assert urls == ["https://registry-1.docker.io/v2/"]


# A kubectl whose cluster is in order, and what it answers otherwise, by its first words.


def web(volume: dict[str, Any]) -> str:
    """Return the Deployment of an overlay, with its volume for uploads."""
    spec = {"volumes": [{"name": "data", **volume}]}
    return json.dumps({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": spec}}})


KUBECTL = {
    "config current-context": "echo mine",
    "config get-contexts": "echo mine; echo other",
    "version": """echo '{"serverVersion": {"gitVersion": "v1.33.1"}}'""",
    "auth can-i": "echo yes",
    "get nodes": "printf 'linux/amd64\\nlinux/amd64\\n'",
    "get replicasets": "echo '{\"items\": []}'",
    "get deployment/web": "true",
    "create --dry-run=client": f"echo '{web({'emptyDir': {}})}'",
}
ON_KUBERNETES = [
    pytest.param("context", {}, "", FINE, "answers, with Kubernetes v1.33.1.", id="answers"),
    pytest.param("context", {}, "other", FINE, "The context other answers", id="another context"),
    pytest.param("context", {}, "third", WRONG, "`kubectl config get-contexts` shows those", id="no such context"),
    pytest.param(
        "context", {"config current-context": "exit 1"}, "", WRONG, "use-context NAME` chooses one", id="no context"
    ),
    pytest.param(
        "context",
        {"version": "echo 'dial tcp: connection refused.' >&2; exit 1"},
        "",
        WRONG,
        "does not answer (dial tcp: connection refused): `kubectl cluster-info` says more.",
        id="no answer",
    ),
    pytest.param("rights", {}, "", FINE, "You may deploy in the namespace djk8s.", id="rights"),
    pytest.param(
        "rights",
        {"auth can-i create secrets": "echo no; exit 1"},
        "",
        WRONG,
        "You may not create secrets there: somebody who may types `kubectl create rolebinding djk8s",
        id="no right",
    ),
    pytest.param("registry", {}, "", WRONG, "No registry is named", id="no registry"),
    pytest.param("nodes", {}, "", FINE, "linux/amd64, as the image: 2.", id="nodes like the image"),
    pytest.param("nodes", {"get nodes": "exit 1"}, "", NOTE, "you may not list the nodes", id="unseen nodes"),
    pytest.param(
        "nodes",
        {"get nodes": "printf 'linux/amd64\\nlinux/arm64\\n'"},
        "",
        WRONG,
        "1 of 2 nodes cannot run the image, which is linux/amd64, as they are linux/arm64: `kubectl cordon NODE`",
        id="one node of another kind",
    ),
    pytest.param("replicas", {}, "", WRONG, "board.Note.attachment keeps its files", id="uploads in each replica"),
    pytest.param(
        "replicas",
        {"create --dry-run=client": f"echo '{web({'persistentVolumeClaim': {'claimName': 'data'}})}'"},
        "",
        FINE,
        "3 replicas can share the database and the uploads.",
        id="uploads on a volume",
    ),
]


@pytest.mark.parametrize(("name", "answers", "context", "state", "told"), ON_KUBERNETES)
def test_kubernetes(
    inv: Inv,
    noting: Noting,
    program: Program,
    shell: pytest.MonkeyPatch,
    name: str,
    answers: dict[str, str],
    context: str,
    state: str,
    told: str,
) -> None:
    known = {**KUBECTL, **answers}
    longest_first = sorted(known, key=len, reverse=True)
    cases = "".join(f'*" {words} "*) {known[words]} ;;\n' for words in longest_first)
    kubectl = program("bin/kubectl", f'case " $* " in\n{cases}*) exit 9 ;; esac')
    shell.setenv("PATH", str(kubectl.parent), prepend=":")
    path, _ = noting("docker", **SWARM)
    words = ("--context", context) if context else ()
    given = {"INVOKE_ENGINE": str(path), "INVOKE_PROJECT": "djk8s"}
    findings = doctored(inv, "--to", "kubernetes", *words, **given)
    assert (findings[name][0], told in findings[name][1]) == (state, True), findings[name]
    assert "port" not in findings


def test_without_kubectl(inv: Inv, noting: Noting, tmp_path: Path, shell: pytest.MonkeyPatch) -> None:
    path, _ = noting("docker", **SWARM)
    shell.setenv("PATH", str(tmp_path / "empty"))
    assert doctored(inv, "--to", "kubernetes", INVOKE_ENGINE=str(path))["context"] == (
        WRONG,
        "There is no kubectl here: install it (https://kubernetes.io/docs/tasks/tools/).",
    )
