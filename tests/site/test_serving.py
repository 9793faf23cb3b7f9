"""What the server asks of the site's own modules: the processors it may use, its log line, and a warm start."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import pytest
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from gunicorn import SERVER_SOFTWARE
from gunicorn.config import Config
from myproj.access_log import ATOMIC, DELAY, AccessLogger, Lines

from myproj import cpus, views, warmup
from support import wait_until

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
def log(capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., str]:
    """Return what is on standard output after a request, with a server configured like this."""

    def line(**settings: Any) -> str:
        config = Config()
        for name, value in settings.items():
            config.set(name, value)
        logger = AccessLogger(config)
        response = SimpleNamespace(status="200 OK", status_code=200, sent=1234, headers=[])
        request = SimpleNamespace(headers=[])
        environ = {
            "REMOTE_ADDR": "10.0.0.7",
            "REQUEST_METHOD": "GET",
            "RAW_URI": "/a?b=c",
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        logger.access(response, request, environ, timedelta(milliseconds=12.34))
        until_written()
        return capsysbinary.readouterr().out.decode()

    return line


def until_written() -> None:
    """Wait for every write of lines that is to come."""
    while timers := [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]:
        for timer in timers:
            timer.join()


def test_line_of_a_request(log: Callable[..., str]) -> None:
    assert log(accesslog="-") == '10.0.0.7 "GET /a?b=c" 200 1234 12.3ms\n'


def test_no_line_where_the_log_is_off(log: Callable[..., str]) -> None:
    assert log(accesslog=None) == ""


def test_line_in_another_format_is_gunicorns_own(log: Callable[..., str]) -> None:
    assert log(accesslog="-", access_log_format="%(m)s and %(s)s") == "GET and 200\n"


def test_line_for_a_file_is_gunicorns_own(log: Callable[..., str], tmp_path: Path) -> None:
    assert log(accesslog=str(tmp_path / "log")) == ""
    assert '"GET /a?b=c HTTP/1.1" 200' in (tmp_path / "log").read_text()


class Slow(io.RawIOBase):
    """A stream that remembers each write, and takes longer for it than lines are kept."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        time.sleep(0.05)
        self.writes.append(bytes(piece))
        return len(piece)

    @property
    def lines(self) -> list[bytes]:
        return b"".join(self.writes).splitlines()


# Python's own standard output is buffered, and in the image it is not.
STREAMS = [
    pytest.param(lambda slow: io.BufferedWriter(slow, 3 * ATOMIC), id="buffered"),
    pytest.param(lambda slow: cast(BinaryIO, slow), id="unbuffered"),
]


@pytest.mark.parametrize("over", STREAMS)
def test_lines_come_in_order_and_whole_also_while_others_are_written(over: Callable[[Slow], BinaryIO]) -> None:
    slow = Slow()
    lines = Lines(over(slow))
    sent = [f"{number} {'x' * (number % 5 * 400)}" for number in range(80)]
    for line in sent:
        lines.add(line)
        time.sleep(0.001)
    until_written()
    assert [line.decode() for line in slow.lines] == sent
    assert all(piece.endswith(b"\n") for piece in slow.writes if piece)


@pytest.mark.parametrize("over", STREAMS)
def test_no_write_is_larger_than_a_pipe_takes_at_once_unless_one_line_is(over: Callable[[Slow], BinaryIO]) -> None:
    slow = Slow()
    lines = Lines(over(slow))
    for size in [*[100] * 200, ATOMIC + 1000, ATOMIC - 1, ATOMIC, 1]:
        lines.add("x" * size)
    until_written()
    assert [len(line) for line in slow.lines] == [*[100] * 200, ATOMIC + 1000, ATOMIC - 1, ATOMIC, 1]
    assert {len(piece) for piece in slow.writes if len(piece) > ATOMIC} == {ATOMIC + 1001, ATOMIC + 1}


def test_lines_of_a_moment_share_a_write() -> None:
    slow = Slow()
    lines = Lines(cast(BinaryIO, slow))
    for number in range(30):
        lines.add(f"{number}")
    until_written()
    assert len(slow.writes) == 1


def test_line_that_comes_during_a_write_or_after_it_is_written_too() -> None:
    slow = Slow()
    lines = Lines(cast(BinaryIO, slow))
    lines.add("before")
    time.sleep(2 * DELAY)
    lines.add("during")
    until_written()
    assert slow.lines == [b"before", b"during"]
    lines.add("after")
    until_written()
    assert slow.lines == [b"before", b"during", b"after"]


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hasty")
def test_threads_lose_no_line() -> None:
    came: list[bytes] = []
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, ThreadPoolExecutor(16) as pool, os.fdopen(writing, "wb") as stream:
        lines = Lines(stream)

        def add(thread: int) -> None:
            for number in range(500):
                lines.add(f"{thread} {number}")
                if number % 10 == 0:
                    lines.flush()

        pool.submit(lambda: came.extend(source))
        list(pool.map(add, range(8)))
        until_written()
        wait_until(lambda: len(came) == 8 * 500, 10)
    assert sorted(came) == sorted(f"{thread} {number}\n".encode() for thread in range(8) for number in range(500))


LAST_LINE = """
import os, runpy
from types import SimpleNamespace
conf = runpy.run_path("gunicorn.conf.py")
from gunicorn.config import Config
from myproj import access_log
access_log.DELAY = 60
log = access_log.AccessLogger(Config())
log.lines.add("the last line")
conf["worker_exit"](None, SimpleNamespace(log=log))
os._exit(0)
"""


def test_worker_that_ends_writes_the_lines_that_wait(anew: Anew) -> None:
    ended = anew(LAST_LINE, SECRET_KEY="for-this-line-only")
    assert (ended.stdout, ended.stderr) == ("the last line\n", "")


@pytest.mark.usefixtures("plain_static")
def test_warm_site_has_made_its_page(db: None) -> None:
    views.page.cache_clear()
    warmup.warm(get_wsgi_application())
    assert views.page.cache_info().currsize == 1
    views.page(SERVER_SOFTWARE, str(settings.PORT))  # as the first request does
    assert views.page.cache_info().hits == 1


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
