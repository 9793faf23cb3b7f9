"""A checkout that is deployed, and the load on it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checkout import Checkout
from support import free_port, run, wait_until

LOAD = Path(__file__).with_name("load.py")
REQUESTS = int(os.environ.get("CLUSTER_REQUESTS", "0"))
SLOWEST = 30_000  # ms, which is the client's patience; README has what was measured
SLOW = 2  # seconds
ECHO = f'''

import asyncio

django_application = application


async def application(scope, receive, send):
    """Echo what a websocket says, and leave the rest to Django, sometimes late."""
    if scope["type"] != "websocket":
        await asyncio.sleep({SLOW} if scope.get("query_string") == b"slow" else 0)
        return await django_application(scope, receive, send)
    await receive()
    await send({{"type": "websocket.accept"}})
    while (message := await receive())["type"] == "websocket.receive":
        await send({{"type": "websocket.send", "text": message["text"]}})
'''


class Deployed(Checkout):
    """A checkout with a deployment of its own."""

    where: tuple[str, ...] = ()
    host = "localhost"

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
        return self.inv("deploy", "--to", self.to, *self.where, "--tag", f"v{self.version}", *words)

    def status(self) -> dict[str, Any]:
        """Return what `inv status` knows."""
        known: dict[str, Any] = json.loads(self.inv("status", "--to", self.to, *self.where, "--json").stdout)
        return known

    def revision(self) -> str:
        """Return what is deployed."""
        return str(self.status()["release"]["revision"])

    def loaded(self, requests: int) -> subprocess.Popen[str]:
        """Start the load, and return when it asks."""
        words = (sys.executable, str(LOAD), f"http://{self.host}:{self.deploy_port}", "--websocket")
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


def nothing_failed(
    site: Deployed, what: str, load: subprocess.Popen[str], but: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Wait for the load to end and check that each request got the answer it should, `but` for a few of these."""
    counted: dict[str, Any] = json.loads(load.communicate()[0])
    if table := os.environ.get("CLUSTER_TABLE"):
        row = (what, site.to, *(counted[key] for key in ("requests", "failed", "slowest_ms", "over_250_ms")))
        with Path(table).open("a") as file:
            file.write(f"| {' | '.join(map(str, row))} |\n")
    assert counted["twice"] == 0, counted
    assert {why: times for why, times in counted["why"].items() if why not in but or times > 3} == {}, counted
    assert counted["slowest_ms"] < SLOWEST
    return counted


@contextmanager
def deployed(folder: Path, to: str) -> Iterator[Deployed]:
    """Deploy a site in three replicas, with a database of its own, and remove it again."""
    # This engine becomes a Swarm of its own, unless it is one already.
    becomes = (
        to == "swarm" and run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}").stdout.strip() != "active"
    )
    if becomes:
        begun = run("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
        assert begun.returncode == 0, begun.stderr
    site = Deployed(folder, to)
    try:
        first = site.deploy("--with", "db")
        assert first.returncode == 0, first.stderr
        yield site
    finally:
        site.remove()
        if becomes:
            run("docker", "swarm", "leave", "--force")
