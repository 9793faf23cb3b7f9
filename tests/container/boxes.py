"""Containers of an image, confined as `inv run` and Compose confine them."""

from __future__ import annotations

import gzip
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager

from support import answers, free_port, run, wait_until

NAME = os.environ["INVOKE_IMAGE"]
IMAGE = f"{NAME}:smoke"  # built by the session
CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
STOP_BUDGET = 10  # seconds; Docker kills a container that takes longer


def docker(*words: str) -> str:
    """Return the output of a docker command that has to succeed."""
    done = run("docker", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Box:
    """A running container, with a fresh volume for its data."""

    def __init__(self, image: str, *options: str, command: tuple[str, ...] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = ("--publish", f"127.0.0.1:{self.port}:8000", "--volume", "/app/data", "--env", "SECRET_KEY=" + "k" * 50)
        self.name = docker("run", "--detach", *CONFINED, *own, *options, image, *command)

    def ready(self) -> Box:
        """Wait until the site is ready."""
        wait_until(lambda: answers(self.url) or not self.runs(), 60)
        assert self.runs(), self.log()
        return self

    def runs(self) -> bool:
        return self.inspect("{{.State.Running}}") == "true"

    def stop(self) -> str:
        """Stop the container as `docker stop` does, and return its exit code; 137 if Docker had to kill it."""
        docker("stop", "--time", str(STOP_BUDGET), self.name)
        return self.inspect("{{.State.ExitCode}}")

    def signal(self, name: str) -> None:
        docker("kill", "--signal", name, self.name)

    def inspect(self, template: str) -> str:
        return docker("inspect", "--format", template, self.name)

    def inside(self, *words: str) -> str:
        """Run a command in the container and return its output."""
        return docker("exec", self.name, *words)

    def log(self) -> str:
        shown = run("docker", "logs", self.name)
        return shown.stdout + shown.stderr

    def workers(self) -> set[str]:
        """Return the process ids of the workers, which are the children of PID 1."""
        return set(self.inside("cat", "/proc/1/task/1/children").split())


@contextmanager
def box(image: str, *options: str, command: tuple[str, ...] = ()) -> Iterator[Box]:
    """Run a container for as long as a test needs it."""
    one = Box(image, *options, command=command)
    try:
        yield one
    finally:
        docker("rm", "--force", "--volumes", one.name)


def layers(image: str) -> Iterator[bytes]:
    """Yield each layer of an image and each file that describes it; some engines compress them."""
    saving = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
    with saving, tarfile.open(fileobj=saving.stdout, mode="r|") as saved:
        for member in saved:
            if file := saved.extractfile(member):
                part = file.read()
                yield gzip.decompress(part) if part.startswith(b"\x1f\x8b") else part


def found_in(image: str, texts: set[bytes]) -> set[bytes]:
    """Return the texts that an image contains: in a file of a layer, in its settings or in its history."""
    history = docker("history", "--no-trunc", image).encode()
    return {text for part in [*layers(image), history] for text in texts if text in part}
