"""Build, run and remove with Docker, under a label that only this run has."""

from __future__ import annotations

import contextlib
import json
import random
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LABEL = "djk8s.bench"
BASE = "python:3.13-slim"  # of every recipe
PATIENCE = 20  # seconds to the first answer
# On Linux a container shares this machine's network, so that the engine's forwarding is not measured. Where the engine
# runs in a virtual machine, its port is published.
SHARED_NETWORK = sys.platform == "linux"


class Running(NamedTuple):
    """A container that has answered."""

    name: str
    port: int  # on 127.0.0.1
    answered: float  # seconds from `docker run` to the first answer of status 200


class Engine:
    """Docker, and the names of one run."""

    def __init__(self) -> None:
        """Choose names that no other run has."""
        self.name = f"djk8s-bench-{secrets.token_hex(4)}"
        self.label = f"{LABEL}={self.name}"

    def image(self, tag: str) -> str:
        """Return the name of an image."""
        return f"{self.name}:{tag}"

    def build(self, tag: str, folder: Path, *options: str) -> str:
        """Build an image, and return its name."""
        docker("build", "--quiet", "--label", self.label, "--tag", self.image(tag), *options, str(folder))
        return self.image(tag)

    def volume(self, name: str) -> str:
        """Make a volume, and return its name."""
        return docker("volume", "create", "--label", self.label, f"{self.name}-{name}")

    def run(self, image: str, *words: str, options: tuple[str, ...] = ()) -> None:
        """Run a command in a container to its end."""
        docker("run", "--rm", "--label", self.label, *options, image, *words)

    @contextlib.contextmanager
    def serve(self, image: str, options: tuple[str, ...] = (), command: list[str] | None = None) -> Iterator[Running]:
        """Run an image until its first answer, and remove the container in the end; raise `TimeoutError` if none comes.

        Each container has a port of its own: a server that closes every connection leaves thousands of them waiting,
        and this machine soon has no port left towards the same address.
        """
        port = free_port()
        network = ("--network", "host") if SHARED_NETWORK else ("--publish", f"127.0.0.1:{port}:{port}")
        options = (*network, "--env", f"PORT={port}", *options)
        words = [word.replace(":8000", f":{port}") for word in command or image_command(image)]
        start = time.perf_counter()
        name = docker("run", "--detach", "--label", self.label, *options, image, *words)
        try:
            if not first_answer(port):
                logs = docker("logs", "--tail", "5", name, errors=True)
                raise TimeoutError(f"{image} gave no good answer within {PATIENCE} s. The end of its log:\n{logs}")
            yield Running(name, port, time.perf_counter() - start)
        finally:
            docker("rm", "--force", "--volumes", name)

    def clean(self) -> None:
        """Remove all that carries the label, and cache mounts by name; the engine removes unused layers itself."""
        ours = ("--filter", f"label={self.label}")
        for kind, find in (("container", ("ls", "--all")), ("image", ("ls",)), ("volume", ("ls",))):
            if found := docker(kind, *find, "--quiet", *ours).split():
                docker(kind, "rm", "--force", *set(found))
        docker("image", "prune", "--force", *ours)
        for record in docker("buildx", "du", "--verbose").split("\n\n"):
            if self.name in record:
                docker("buildx", "prune", "--force", "--filter", f"id={record.split()[1]}")


def docker(*words: str, errors: bool = False) -> str:
    """Return the output of a docker command; raise `RuntimeError` with its own words if it fails."""
    return run("docker", *words, errors=errors).strip()


def run(*words: str, cwd: Path | None = None, errors: bool = False) -> str:
    """Return the output of a command, with `errors` its errors too; raise `RuntimeError` with both if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stdout}{done.stderr}".strip())
    return done.stdout + (done.stderr if errors else "")


def image_command(image: str) -> list[str]:
    """Return the command that an image runs by default."""
    return list(json.loads(docker("image", "inspect", "--format", "{{json .Config.Cmd}}", image)))


def free_port() -> int:
    """Return a port that nothing listens on, of those that neither the system nor the engine picks by itself."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def first_answer(port: int) -> bool:
    """Wait for an answer of status 200, asking every 4 ms; return False if none comes in time."""
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            if connection.recv(64).split(b" ")[1:2] == [b"200"]:
                return True
        time.sleep(0.004)
    return False
