"""`inv push` to a registry, and to those that refuse it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from boxed import docker
from container.boxes import NAME
from support import free_port, get, inv, run, wait_until

MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json"
# It writes the file of users itself, with a password that nobody knows.
USERS = {
    "REGISTRY_AUTH": "htpasswd",
    "REGISTRY_AUTH_HTPASSWD_REALM": "any",
    "REGISTRY_AUTH_HTPASSWD_PATH": "/tmp/users",
}
LOCKED = [word for name, value in USERS.items() for word in ("--env", f"{name}={value}")]


@contextmanager
def registry(*options: str) -> Iterator[str]:
    """Run a registry, and return its address."""
    address = f"localhost:{free_port()}"
    published = ("--publish", f"127.0.0.1:{address.partition(':')[2]}:5000")
    container = docker("run", "--detach", *published, *options, "registry:2")
    try:
        wait_until(lambda: there(address))
        yield address
    finally:
        docker("rm", "--force", "--volumes", container)
        pushed = run("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"{address}/team/{NAME}").stdout
        for image in pushed.split():
            docker("image", "rm", image)


def there(address: str) -> bool:
    try:
        return get(f"http://{address}/v2/").status in {200, 401}
    except OSError:
        return False


@pytest.fixture(scope="module")
def open_registry() -> Iterator[str]:
    with registry() as address:
        yield address


def digest(address: str, tag: str) -> str | None:
    """Return the digest that a registry itself tells."""
    answer = get(f"http://{address}/v2/team/{NAME}/manifests/{tag}", Accept=MANIFESTS)
    return answer.headers["Docker-Content-Digest"]


def test_the_image_is_there_under_its_digest(open_registry: str) -> None:
    pushed = inv("push", "--registry", f"{open_registry}/team", "--tag", "v1")
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout.splitlines()[-1] == f"{open_registry}/team/{NAME}:v1@{digest(open_registry, 'v1')}"


def test_changes_get_a_tag_that_says_so_or_the_revision_is_the_tag(open_registry: str) -> None:
    pushed = inv("push", "--allow-dirty", INVOKE_REGISTRY=f"{open_registry}/team")
    assert pushed.returncode == 0, pushed.stderr
    tag = re.findall(rf"{NAME}:([0-9a-f]{{12}}(?:-dirty-[0-9]{{8}}T[0-9]{{6}})?)@", pushed.stdout)
    assert len(tag) == 1, pushed.stdout
    assert digest(open_registry, tag[0])


def test_a_platform_is_built_and_pushed_in_one(open_registry: str) -> None:
    here = docker("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")
    pushed = inv("push", "--registry", f"{open_registry}/team", "--tag", "v2", "--platform", here)
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout.splitlines()[-1] == f"{open_registry}/team/{NAME}:v2@{digest(open_registry, 'v2')}"


def test_what_the_builder_cannot_do_is_refused_before_anything_is_built(open_registry: str) -> None:
    if "Driver: docker" not in re.sub(" +", " ", docker("buildx", "inspect")):
        pytest.skip("this builder can do it")
    for words in (["--sbom"], ["--platform", "linux/amd64", "--platform", "linux/arm64"]):
        refused = inv("push", "--registry", f"{open_registry}/team", "--tag", "v3", *words)
        assert refused.returncode == 1
        assert "`docker buildx create --use --driver-opt network=host` makes one that can." in refused.stderr
        assert "buildx build" not in refused.stderr
    assert digest(open_registry, "v3") is None


def test_without_a_login_it_says_how_to_log_in() -> None:
    with registry(*LOCKED) as address:
        refused = inv("push", "--registry", f"{address}/team", "--tag", "v1")
    assert refused.returncode != 0
    assert "no basic auth credentials" in refused.stderr
    assert f"`docker login {address}`" in refused.stderr.splitlines()[-1]


def test_a_registry_that_is_gone_does_not_answer() -> None:
    address = f"localhost:{free_port()}"
    refused = inv("push", "--registry", f"{address}/team", "--tag", "v1")
    docker("image", "rm", f"{address}/team/{NAME}:v1")
    assert refused.returncode != 0
    assert "connection refused" in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith(f"{address} does not answer: ")
