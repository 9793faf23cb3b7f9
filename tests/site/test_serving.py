"""What the server asks of the site's own modules: the processors it may use, its log line, and a warm start."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from gunicorn.config import Config

from myproj import cpus, views, warmup
from myproj.access_log import AccessLogger

Anew = Callable[..., subprocess.CompletedProcess[str]]

QUOTAS: list[tuple[dict[str, str], float | None]] = [
    ({}, None),
    ({"cpu.max": "max 100000\n"}, None),
    ({"cpu.max": "150000 100000\n"}, 1.5),
    ({"cpu.max": "50000 100000\n"}, 0.5),
    ({"cpu.max": ""}, None),
    ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
]


def cgroups(folder: Path, files: dict[str, str]) -> Path:
    for name, said in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(said)
    return folder


@pytest.mark.parametrize(("files", "quota"), QUOTAS, ids=[str(files) for files, _ in QUOTAS])
def test_quota_of_a_container(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    assert cpus.quota(cgroups(tmp_path, files)) == quota


USABLE = [("max 100000", 4), ("150000 100000", 2), ("10000 100000", 1), ("800000 100000", 4), ("400000 100000", 4)]


@pytest.mark.parametrize(("said", "usable"), USABLE)
def test_processors_are_those_of_the_quota_if_that_is_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, usable: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert cpus.usable(cgroups(tmp_path, {"cpu.max": said})) == usable


def test_system_without_affinity_or_cgroups_tells_its_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert cpus.usable(tmp_path / "nowhere") == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpus.usable(tmp_path / "nowhere") == 1


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[..., str]:
    """Return the line of a request that was answered, with a server configured like this."""

    def line(**settings: Any) -> str:
        config = Config()
        for name, value in settings.items():
            config.set(name, value)
        logger = AccessLogger(config)
        logger.access_log.addHandler(caplog.handler)
        response = SimpleNamespace(status="200 OK", status_code=200, sent=1234, headers=[])
        request = SimpleNamespace(headers=[])
        environ = {
            "REMOTE_ADDR": "10.0.0.7",
            "REQUEST_METHOD": "GET",
            "RAW_URI": "/a?b=c",
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        logger.access(response, request, environ, timedelta(milliseconds=12.34))
        return caplog.text

    caplog.set_level(logging.INFO, "gunicorn.access")
    return line


def test_line_of_a_request(log: Callable[..., str]) -> None:
    assert '10.0.0.7 "GET /a?b=c" 200 1234 12.3ms' in log(accesslog="-")


def test_no_line_where_the_log_is_off(log: Callable[..., str]) -> None:
    assert log(accesslog=None) == ""


def test_line_in_another_format_is_gunicorns_own(log: Callable[..., str]) -> None:
    assert "GET and 200" in log(accesslog="-", access_log_format="%(m)s and %(s)s")


@pytest.mark.usefixtures("plain_static")
def test_warm_site_has_made_its_page(db: None) -> None:
    views.page.cache_clear()
    warmup.warm(get_wsgi_application())
    assert views.page.cache_info().currsize == 1


ASKS_THE_DATABASE = """
import django
django.setup()
from django.db import connection
from myproj import warmup
warmup.warm(lambda environ, start: [connection.ensure_connection() or b""])
print(connection.connection)
"""


def test_warming_leaves_no_connection_to_share(anew: Anew, sqlite: str) -> None:
    ended = anew(ASKS_THE_DATABASE, SECRET_KEY="for-this-line-only", DATABASE_URL=sqlite)
    assert ended.stdout == "None\n", ended.stderr


def test_answer_is_closed_also_when_it_fails() -> None:
    class Answer:
        closed = False

        def __iter__(self) -> Answer:
            return self

        def __next__(self) -> bytes:
            raise ValueError

        def close(self) -> None:
            self.closed = True

    answer = Answer()
    with pytest.raises(ValueError):
        warmup.warm(lambda *_: answer)
    assert answer.closed
