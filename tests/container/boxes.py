"""Containers of an image, confined as `inv run` and Compose confine them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from boxed import STOP_BUDGET, docker
from support import answers, free_port, run, wait_until

NAME = os.environ["INVOKE_IMAGE"]
IMAGE = f"{NAME}:smoke"  # built by the fixture of conftest.py
CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


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
        docker("stop", "-t", str(STOP_BUDGET), self.name)
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
