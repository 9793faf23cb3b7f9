"""Deployments while a site is asked 125 times a second: not one request may fail, whatever the new version is like.

CLUSTER_REQUESTS is how many are sent during each, and CLUSTER_TABLE a file for the rows of README's table.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checkout import Checkout
from support import free_port, run, wait_until

LOAD = Path(__file__).with_name("load.py")
REQUESTS = int(os.environ.get("CLUSTER_REQUESTS", "0"))
SLOWEST = 30_000  # ms, which is the client's patience; README has what was measured
ECHO = '''

django_application = application


async def application(scope, receive, send):
    """Echo what a websocket says, and leave the rest to Django."""
    if scope["type"] != "websocket":
        return await django_application(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
'''
NEVER_HEALTHY = '\n\nPROBES["/readyz"] = lambda: "503 never"\n'
DIES = "\n\nimport os, threading\n\nthreading.Timer(10, os._exit, (3,)).start()\n"
FAILS = """
from django.db import migrations


def fail(apps, schema_editor):
    raise RuntimeError("this migration fails")


class Migration(migrations.Migration):
    dependencies = [("board", "0001_initial")]
    operations = [migrations.RunPython(fail)]
"""


class Deployed(Checkout):
    """A checkout with a deployment of its own."""

    def __init__(self, folder: Path, to: str) -> None:
        self.name, self.to, self.version = f"djk8s-{to}-{secrets.token_hex(3)}", to, 0
        super().__init__(folder, self.name)
        self.deploy_port = free_port()
        self.environment |= {"INVOKE_DEPLOY_PORT": str(self.deploy_port), "INVOKE_READY_WITHIN": "15"}
        asgi = self.folder / "src/myproj/asgi.py"
        asgi.write_text(asgi.read_text() + ECHO)
        assert self.inv("env", "--set", "SERVER=asgi", "--set", "WEB_CONCURRENCY=1").returncode == 0

    def deploy(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Deploy the folder as a new version; each has another style sheet, and so an asset of another name."""
        self.version += 1
        styles = self.folder / "src/board/static/board/board.css"
        styles.write_text(f"{styles.read_text()}\n/* {self.version} */\n")
        return self.inv("deploy", "--to", self.to, "--tag", f"v{self.version}", *words)

    def revision(self) -> str:
        """Return what is deployed."""
        return str(json.loads(self.inv("status", "--to", self.to, "--json").stdout)["release"]["revision"])

    def loaded(self, requests: int) -> subprocess.Popen[str]:
        """Start the load, and return when it asks."""
        words = (sys.executable, str(LOAD), f"http://localhost:{self.deploy_port}", "--websocket")
        return subprocess.Popen([*words, "--requests", str(REQUESTS or requests)], stdout=subprocess.PIPE, text=True)

    def change(self, path: str, more: str) -> None:
        file = self.folder / path
        self.before = (file, file.read_text() if file.exists() else None)
        file.write_text((self.before[1] or "") + more)

    def undo(self) -> None:
        file, text = self.before
        if text is None:
            file.unlink()
        else:
            file.write_text(text)

    def remove(self) -> None:
        """Remove the deployment with its volumes, and the images."""
        if self.to == "swarm":
            run("docker", "stack", "rm", self.name)
        found = run("docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.name}")
        if found.stdout:
            run("docker", "rm", "--force", *found.stdout.split())
        run("docker", "network", "rm", f"{self.name}_default")
        volumes = [f"{self.name}_{volume}" for volume in ("data", "database", "static")]
        wait_until(lambda: run("docker", "volume", "rm", "--force", *volumes).returncode == 0, 60)
        self.inv("clean", "--volumes")


@pytest.fixture(scope="module")
def a_swarm() -> Iterator[None]:
    """Make this engine a Swarm of its own, unless it is one already."""
    active = run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}").stdout.strip() == "active"
    if not active:
        begun = run("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
        assert begun.returncode == 0, begun.stderr
    yield
    if not active:
        run("docker", "swarm", "leave", "--force")


@pytest.fixture(scope="module", params=["swarm", "compose"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, a_swarm: None) -> Iterator[Deployed]:
    """A site in three replicas, with a database of its own."""
    site = Deployed(tmp_path_factory.mktemp("deployed"), request.param)
    try:
        first = site.deploy("--with", "db")
        assert first.returncode == 0, first.stderr
        yield site
    finally:
        site.remove()


def nothing_failed(site: Deployed, what: str, load: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the load to end and check that each request got the answer it should."""
    counted: dict[str, Any] = json.loads(load.communicate()[0])
    if table := os.environ.get("CLUSTER_TABLE"):
        row = (what, site.to, *(counted[key] for key in ("requests", "failed", "slowest_ms", "over_250_ms")))
        with Path(table).open("a") as file:
            file.write(f"| {' | '.join(map(str, row))} |\n")
    assert (counted["why"], counted["twice"]) == ({}, 0), counted
    assert counted["slowest_ms"] < SLOWEST
    return counted


def test_deploy_and_rollback(site: Deployed) -> None:
    load = site.loaded(6000)
    done = site.deploy()
    assert done.returncode == 0, done.stderr
    assert nothing_failed(site, "a new version", load)["reconnects"] > 0  # a websocket moved to a new replica
    assert site.revision() == "v2"

    load = site.loaded(5000)
    done = site.inv("rollback", "--to", site.to)
    assert done.returncode == 0, done.stderr
    nothing_failed(site, "back to the version before", load)
    assert site.revision() == "v1"


def test_version_that_never_gets_healthy_is_taken_back(site: Deployed) -> None:
    site.change("serving/health.py", NEVER_HEALTHY)
    before, load = site.revision(), site.loaded(10000)
    try:
        done = site.deploy()
    finally:
        site.undo()
    assert (done.returncode, site.revision()) == (1, before), done.stderr
    nothing_failed(site, "one that never gets healthy", load)


def test_version_that_dies_after_ten_seconds_is_taken_back(site: Deployed) -> None:
    site.change("src/myproj/asgi.py", DIES)
    before, load = site.revision(), site.loaded(6000)
    try:
        done = site.deploy()
    finally:
        site.undo()
    assert (done.returncode, site.revision()) == (1, before), done.stderr
    nothing_failed(site, "one that dies after ten seconds", load)


def test_version_whose_migration_fails_is_not_deployed(site: Deployed) -> None:
    site.change("src/board/migrations/0002_fails.py", FAILS)
    before, load = site.revision(), site.loaded(2000)
    try:
        done = site.deploy()
    finally:
        site.undo()
    assert done.returncode == 1
    assert "this migration fails" in done.stderr
    assert site.revision() == before
    nothing_failed(site, "one whose migration fails", load)


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
    load = site.loaded(6000)
    killed = subprocess.Popen(words, cwd=site.folder, env=site.environment, stdout=-3, stderr=-3)
    wait_until(lambda: bool(run("docker", "ps", "--quiet", "--filter", f"name={site.name}-deploying").stdout), 60)
    killed.kill()
    wait_until(lambda: not run("docker", "ps", "--quiet", "--filter", f"name={site.name}-deploying").stdout, 30)
    nothing_failed(site, "`inv deploy` killed half way", load)
    done = site.deploy()
    assert done.returncode == 0, done.stderr
