"""The site in a container, as a person starts it: with `inv run`, or with Compose where it needs more than itself."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator

from anysite import NEEDS, READY_WITHIN
from support import answers, free_port, inv, run, wait_until

ENGINE = os.environ.get("INVOKE_ENGINE") or "docker"
STOP_BUDGET = 10  # seconds; Docker kills a container that takes longer


def docker(*words: str) -> str:
    """Return the output of a docker command that has to succeed."""
    done = run(ENGINE, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Box:
    """The container of the site that was started last."""

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://localhost:{port}"
        entered = inv("shell", "--", "cat", "/proc/sys/kernel/hostname")
        assert entered.returncode == 0, entered.stderr
        self.name = entered.stdout.strip()
        self.log_of_its_start = self.log()

    @classmethod
    def run(cls, tag: str) -> Box:
        """Start it of an image that was built; with what it needs where that is more, by Compose."""
        port = int(os.environ["INVOKE_UP_PORT"]) if NEEDS else free_port()
        words = ["run", "--detach", "--tag", tag, "--port", str(port)]
        image = {"INVOKE_UP_IMAGE": f"{os.environ['INVOKE_IMAGE']}:{tag}"}
        started = inv("up", "--detach", "--no-build", *NEEDS, **image) if NEEDS else inv(*words)
        assert started.returncode == 0, started.stderr
        return cls(port)

    def stop(self) -> str:
        """Stop the container as `docker stop` does, and return its exit code; 137 if Docker had to kill it."""
        docker("stop", "-t", str(STOP_BUDGET), self.name)
        return self.inspect("{{.State.ExitCode}}")

    def start_again(self) -> None:
        """Start the container that was stopped; fails unless the site gets ready."""
        docker("start", self.name)
        wait_until(lambda: answers(self.url), READY_WITHIN)

    def inspect(self, template: str) -> str:
        return docker("inspect", "--format", template, self.name)

    def inside(self, *words: str) -> str:
        """Run a command in the container and return its output."""
        return docker("exec", self.name, *words)

    def environment(self) -> bytes:
        """Return the variables of its process 1, as Linux shows them."""
        return bytes.fromhex(self.inside("python", "-c", "print(open('/proc/1/environ', 'rb').read().hex())"))

    def users(self) -> set[str]:
        """Return the numbers of the users that its processes run as."""
        status = self.inside("bash", "-c", "cat /proc/[0-9]*/status")
        return {number for line in re.findall(r"^Uid:(.*)$", status, re.MULTILINE) for number in line.split()}

    def log(self) -> str:
        shown = run(ENGINE, "logs", self.name)
        return shown.stdout + shown.stderr


def layers(image: str) -> Iterator[bytes]:
    """Yield each layer of an image and each file that describes it; some engines compress them."""
    saving = subprocess.Popen([ENGINE, "save", image], stdout=subprocess.PIPE)
    with saving, tarfile.open(fileobj=saving.stdout, mode="r|") as saved:
        for member in saved:
            if file := saved.extractfile(member):
                part = file.read()
                yield gzip.decompress(part) if part.startswith(b"\x1f\x8b") else part


def found_in(image: str, texts: set[bytes]) -> set[bytes]:
    """Return the texts that an image contains: in a file of a layer, in its settings or in its history."""
    history = docker("history", "--no-trunc", image).encode()
    return {text for part in [*layers(image), history] for text in texts if text in part}
