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
RATE = 125  # requests a second, of a machine that carries twice as much
LOWEST_RATE = 15
PROMPT = 100  # ms, the median of a machine that is not too busy
SLOWEST = 30_000  # ms, which is the client's patience; README has what was measured
SLOW = 2  # seconds
COUNTED = ("requests", "failed", "slowest_ms", "over_250_ms")  # a row of README's table
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
        self.deploy_port, self.rate = free_port(), RATE
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

    @contextmanager
    def loaded(self, what: str, requests: int, but: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
        """Ask this site meanwhile, as long at least as so many requests take at the full rate, and count.

        Afterwards it checks that each request got the answer it should, `but` for a few of these.
        """
        counted: dict[str, Any] = {}
        load = self.asked((REQUESTS or requests) * self.rate // RATE, self.rate, "--websocket", "--until-told")
        try:
            yield counted
            load.terminate()
            counted.update(json.loads(load.communicate()[0]))
        finally:
            load.kill()
        if table := os.environ.get("CLUSTER_TABLE"):
            row = (what, self.to, self.rate, *(counted[key] for key in COUNTED))
            with Path(table).open("a") as file:
                file.write(f"| {' | '.join(map(str, row))} |\n")
        assert counted["twice"] == 0, counted
        assert {why: times for why, times in counted["why"].items() if why not in but or times > 3} == {}, counted
        assert counted["slowest_ms"] < SLOWEST

    def asked(self, requests: int, rate: int, *words: str) -> subprocess.Popen[str]:
        """Start to ask this site for so many requests, at so many a second."""
        url = f"http://{self.host}:{self.deploy_port}"
        words = (sys.executable, str(LOAD), url, "--requests", str(requests), "--rate", str(rate), *words)
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def ease(self) -> None:
        """Halve the rate until this machine carries twice as much, as one that is full fails without a deploy, too."""
        while self.rate > LOWEST_RATE:
            counted = json.loads(self.asked(8 * self.rate, 2 * self.rate).communicate()[0])
            if counted["failed"] == 0 and counted["median_ms"] < PROMPT:
                return
            self.rate //= 2
            print(f"This machine is too busy for {4 * self.rate} requests a second, so it gets {self.rate}: {counted}")

    @contextmanager
    def changed(self, path: str, more: str) -> Iterator[None]:
        """Add to a file meanwhile, which is made where there is none."""
        file = self.folder / path
        before = file.read_text() if file.exists() else None
        file.write_text((before or "") + more)
        try:
            yield
        finally:
            file.unlink() if before is None else file.write_text(before)

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
        run("docker", "image", "rm", f"{self.name}-backup", f"{self.name}-backup-backup")
        self.inv("clean", "--volumes")


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
        site.ease()
        yield site
    finally:
        site.remove()
        if becomes:
            run("docker", "swarm", "leave", "--force")
