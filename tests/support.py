"""Helpers that the tests share: type `inv`, ask a site, and wait."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pexpect

ROOT = Path(__file__).resolve().parent.parent
INV = (sys.executable, str(ROOT / "inv"))


def inv(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Type an `inv` command without a terminal and return what it said."""
    return run(*INV, *words, **environment)


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder, with more variables, and return what it said."""
    return subprocess.run(
        words, cwd=ROOT, env=surroundings(environment), capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def at_terminal(*words: str, **environment: str) -> pexpect.spawn[str]:
    """Type an `inv` command in a real terminal of 80 columns."""
    command, *arguments = [*INV, *words]
    return pexpect.spawn(
        command,
        arguments,
        cwd=str(ROOT),
        env=surroundings(environment),
        dimensions=(24, 80),
        encoding="utf-8",
        timeout=180,
    )


def tools_stamp(checkout: Path) -> str:
    """Return what `./inv` leaves in .tools/complete."""
    pins = [(checkout / f"requirements-{name}.txt").read_text(encoding="utf-8") for name in ("uv", "tools")]
    return "\n".join([os.path.realpath(checkout / ".tools/bin/python"), *pins])


def ended(terminal: pexpect.spawn[str]) -> bool:
    """Return whether what was typed in a terminal has ended; also where the terminal is closed."""
    return os.waitpid(terminal.pid or 0, os.WNOHANG) != (0, 0)


def surroundings(environment: dict[str, str]) -> dict[str, str]:
    """Return this process's variables and more; an empty value takes one away."""
    return {name: value for name, value in {**os.environ, **environment}.items() if value}


class Answer(NamedTuple):
    """The answer of a site."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def get(url: str, **headers: str) -> Answer:
    """Ask a site, without following a redirect; `_` in a header's name stands for `-`."""
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with opener.open(request, timeout=10) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as answer:
        return Answer(answer.code, answer.headers, answer.read())


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


opener = urllib.request.build_opener(NoRedirect)


def stylesheets(page: Answer, site: str) -> list[Answer]:
    """Return what the site answers for each stylesheet of a page, asked as a browser does."""
    links = re.findall(r'<link[^>]+href="([^"]+\.css)"', page.text)
    return [get(site + link, Accept_Encoding="gzip") for link in links]


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is true; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not true within {seconds} s"
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Return whether a site is ready."""
    try:
        return get(f"{url}/readyz").status == 200
    except OSError:
        return False


def free_port() -> int:
    """Return a port that nothing listens on, of those that neither the system nor the engine picks by itself."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def one_sentence(text: str) -> str:
    """Return what was refused, and fail if it was more than one line or a traceback."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]
