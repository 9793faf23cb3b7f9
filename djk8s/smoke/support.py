"""Helpers that the tests share: type `inv` in the project's folder, ask a site, and wait."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

# pytest is started in the project's folder; this file may be anywhere.
ROOT = Path.cwd()
INV = (sys.executable, str(ROOT / "inv"))


def inv(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Type an `inv` command without a terminal and return what it said."""
    return run(*INV, *words, **environment)


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder, with more variables, and return what it said."""
    return subprocess.run(
        words, cwd=ROOT, env=surroundings(environment), capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


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


# A network's proxy cannot reach this machine.
opener = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


def stylesheets(page: Answer, url: str) -> list[Answer]:
    """Return what a site answers for each stylesheet of its own that a page links, asked as a browser does."""
    links = Links()
    links.feed(page.body.decode("utf-8", "replace"))
    own = [whole for link in links.found if (whole := urljoin(url, link)).startswith(urljoin(url, "/"))]
    return [get(link, Accept_Encoding="gzip") for link in own]


class Links(HTMLParser):
    """The stylesheets that a page links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        link = dict(attrs)
        if tag == "link" and "stylesheet" in (link.get("rel") or "").lower().split():
            self.found.append((link.get("href") or "").strip())


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
