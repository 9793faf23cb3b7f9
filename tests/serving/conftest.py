"""A server for each test that starts one its own way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from served import Server, Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start gunicorn, with one worker unless told otherwise."""
    started: list[Server] = []

    def start(*words: str, **environment: str) -> Server:
        started.append(Server(tmp_path, *words, **{"WEB_CONCURRENCY": "1", "TMPDIR": str(tmp_path), **environment}))
        return started[-1]

    yield start
    for server in started:
        server.process.kill()
        server.process.wait()
