"""gunicorn itself, with threads and with asgi: what it decides, what it withstands, and how it stops."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from served import CONFIG, GUNICORN, Server, Start, servers
from support import wait_until


@pytest.fixture(scope="module", params=["threads", "asgi"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that runs for all tests of a file, with the log as JSON."""
    made = Server(tmp_path_factory.mktemp("site"), SERVER=request.param, WEB_CONCURRENCY="1", LOG_FORMAT="json")
    try:
        yield made.ready()
    finally:
        made.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            made.process.wait(20)
        made.process.kill()


def configured(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Let gunicorn read its settings, and print them."""
    command = [*GUNICORN, "--print-config", "wsgiref.simple_server:demo_app"]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


LOCAL, EVERYWHERE = "['127.0.0.1:8000']", "['0.0.0.0:8000']"
SETTINGS: list[tuple[dict[str, str], dict[str, str]]] = [
    (
        {},
        {"bind": LOCAL, "worker_class": "gthread", "threads": "4", "accesslog": "-", "control_socket_disable": "True"},
    ),
    ({"SERVER": "", "PORT": "", "ACCESS_LOG": "", "LOG_FORMAT": ""}, {"bind": LOCAL, "worker_class": "gthread"}),
    ({"PLACE": "container", "SERVER": "threads"}, {"bind": EVERYWHERE}),
    ({"PLACE": "compose", "PORT": "8023"}, {"bind": "['0.0.0.0:8023']"}),
    ({"SERVER": "asgi"}, {"worker_class": "asgi", "threads": "1"}),
    ({"WEB_CONCURRENCY": "7"}, {"workers": "7"}),
    ({"WEB_CONCURRENCY": "7", "GUNICORN_CMD_ARGS": "--workers 3"}, {"workers": "3"}),
    ({"ACCESS_LOG": "0"}, {"accesslog": "None"}),
    ({"LOG_FORMAT": "json"}, {"logger_class": "serving.log.JsonLogger"}),
    ({"FORWARDED_ALLOW_IPS": "10.0.0.0/8"}, {"forwarded_allow_ips": "['10.0.0.0/8']"}),
]


@pytest.mark.parametrize(("environment", "settings"), SETTINGS, ids=[str(row[0]) for row in SETTINGS])
def test_settings(tmp_path: Path, environment: dict[str, str], settings: dict[str, str]) -> None:
    printed = configured(tmp_path, **environment)
    assert printed.returncode == 0, printed.stderr
    found = dict(re.findall(r"^(\w+) += (.*)$", printed.stdout, re.MULTILINE))
    assert {name: found[name] for name in settings} == settings


def test_zero_workers_are_as_many_as_by_default(tmp_path: Path) -> None:
    usual, zero = (configured(tmp_path, **more).stdout for more in ({}, {"WEB_CONCURRENCY": "0"}))
    assert usual == zero


REFUSED = [
    ({"SERVER": "gevent"}, "SERVER is 'gevent': write threads or asgi."),
    ({"LOG_FORMAT": "xml"}, "LOG_FORMAT is 'xml': write text or json."),
    ({"ACCESS_LOG": "no"}, "ACCESS_LOG is 'no': write 1 or 0."),
    ({"FORWARDED_ALLOW_IPS": "proxy"}, "Error: 'proxy' does not appear to be an IPv4 or IPv6 network"),
]


@pytest.mark.parametrize(("environment", "sentence"), REFUSED)
def test_wrong_variable_is_refused_in_one_sentence(tmp_path: Path, environment: dict[str, str], sentence: str) -> None:
    refused = configured(tmp_path, **environment)
    assert (refused.returncode, refused.stderr.strip()) == (1, sentence)


def test_wrong_setting_of_the_site_is_refused_in_one_sentence(start: Start) -> None:
    server = start(SECRET_KEY="")
    assert server.end() == 1
    assert "Traceback" not in server.log
    assert server.log.splitlines()[-1] == ("The site cannot start: SECRET_KEY is missing: set it.")


def test_sqlite_that_cannot_be_used_is_in_the_log_and_in_readyz(start: Start, tmp_path: Path) -> None:
    """A site on a read-only disk may need no database."""
    server = start(DATABASE=f"{tmp_path}/missing/db.sqlite3")
    server.says(f"The database {tmp_path}/missing/db.sqlite3 cannot be used (")
    wait_until(lambda: server.get("/livez").status == 200)
    assert (server.get("/readyz").status, server.get("/readyz").text) == (503, "database\n")
    assert "Traceback" not in server.log


@servers
@pytest.mark.parametrize("folder", [".", "missing"], ids=["whole", "without tables"])
def test_start_asks_the_site_for_no_page(start: Start, tmp_path: Path, kind: str, folder: str) -> None:
    """Views may be slow, or need what is not there yet."""
    server = start(SERVER=kind, DATABASE=f"{tmp_path}/{folder}/db.sqlite3", WEB_CONCURRENCY="2")
    server.says("Booting worker")
    wait_until(lambda: server.get("/livez").status == 200)
    server.get("/readyz")
    assert not (tmp_path / "calls").exists()
    server.get("/worker")
    assert (tmp_path / "calls").read_text() == "called\n"


CONSOLE = {"class": "logging.StreamHandler"}
NONE = {"class": "logging.NullHandler"}
DEBUGGING = {"debugging": {"()": "django.utils.log.RequireDebugTrue"}}
LOGS: list[dict[str, object]] = [
    {},
    {"handlers": {"console": CONSOLE}, "root": {"handlers": ["console"]}},
    {"handlers": {"none": NONE}, "loggers": {"django": {"handlers": ["none"], "propagate": False}}},
    {
        "filters": DEBUGGING,
        "handlers": {"console": {**CONSOLE, "filters": ["debugging"]}},
        "root": {"handlers": ["console"]},
    },
]


@pytest.mark.parametrize("log", LOGS, ids=["Django's own", "console", "nobody hears it", "only while debugging"])
def test_page_that_fails_leaves_a_trace(start: Start, log: dict[str, object]) -> None:
    own = {"LOGGING": json.dumps({"version": 1, "disable_existing_loggers": False, **log})} if log else {}
    server = start(**own).ready()
    assert server.get("/fails").status == 500
    wait_until(lambda: "RuntimeError: a mistake of the site" in server.log)
    assert server.log.count("RuntimeError: a mistake of the site") == 1


@servers
def test_sqlite_is_migrated_at_the_start_and_for_its_group(start: Start, tmp_path: Path, kind: str) -> None:
    server = start(SERVER=kind).ready()
    assert server.get("/database").text == "0 sessions"
    assert stat.S_IMODE((tmp_path / "db.sqlite3").stat().st_mode) == 0o664


@pytest.mark.parametrize(("router", "made"), [("tiny.router.Router", True), ("", False)])
def test_sqlite_databases_of_a_router_are_migrated(start: Start, tmp_path: Path, router: str, made: bool) -> None:
    start(MORE_DATABASES="other third", ROUTER=router).ready()
    assert [(tmp_path / f"{name}.sqlite3").exists() for name in ("db", "other", "third")] == [True, made, made]
    with sqlite3.connect(tmp_path / f"{'third' if made else 'db'}.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM django_session").fetchone() == (0,)


def test_async_view_in_flight_lets_the_others_use_the_database(server: Server) -> None:
    finish = server.begin("/waits")
    beside = list(server.pool.map(server.get, ["/database"] * 20))
    assert [answer.status for answer in beside] == [200] * 20
    assert server.get("/readyz").text == "ready\n"
    assert finish().text == "waited"


def test_view_that_sleeps_lets_the_others_work(server: Server) -> None:
    finish = server.begin("/sleeps")
    assert [answer.status for answer in server.pool.map(server.get, ["/database"] * 20)] == [200] * 20
    assert finish().text == "slept"


def test_form_in_chunks_without_a_length(server: Server) -> None:
    with socket.create_connection(("localhost", server.port)) as client:
        client.sendall(
            b"POST /form HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\n6\r\ntext=a\r\n2\r\nbc\r\n0\r\n\r\n"
        )
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert b" 200 OK\r\n" in answer
    assert b"abc" in answer


def lines(server: Server) -> list[dict[str, Any]]:
    """Return the log's lines, each of which has to be an object."""
    return [json.loads(line) for line in server.log.splitlines()]


def test_log_is_one_object_a_line_with_the_id_of_the_request(server: Server) -> None:
    answer = server.get('/no-such\\"page%0a?a="b\\', X_Request_ID="test-1")
    assert (answer.status, answer.headers["X-Request-ID"]) == (404, "test-1")
    server.says("Not Found")
    wait_until(
        lambda: [line for line in lines(server) if line["logger"] == "gunicorn.access" and line["status"] == 404]
    )
    assert {"gunicorn.error", "gunicorn.access", "django.request"} == {line["logger"] for line in lines(server)}
    access, django = ([line for line in lines(server) if line["request_id"] == "test-1" and line["logger"] == name]
                      for name in ("gunicorn.access", "django.request"))  # fmt: skip
    assert len(access) == len(django) == 1
    assert (access[0]["method"], access[0]["path"], access[0]["query"]) == ("GET", '/no-such\\"page\n', 'a="b\\')
    assert (access[0]["status"], access[0]["remote"], access[0]["level"]) == (404, "127.0.0.1", "INFO")


def test_request_that_cannot_be_read_has_no_id_of_another(start: Start) -> None:
    server = start(LOG_FORMAT="json").ready()
    for _ in range(10):
        server.get("/worker")
        with socket.create_connection(("localhost", server.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\x01b\r\n\r\n")
            assert b"400" in client.recv(4096)
    wait_until(lambda: server.log.count("Invalid request") == 10)
    assert {line["request_id"] for line in lines(server) if "Invalid request" in line["message"]} == {""}


@servers
@pytest.mark.parametrize("form", ["text", "json"])
def test_probe_has_a_line_only_where_it_fails(start: Start, tmp_path: Path, kind: str, form: str) -> None:
    server = start(SERVER=kind, LOG_FORMAT=form, DATABASE=f"{tmp_path}/missing/db.sqlite3")
    server.says("Listening at")
    assert server.get("/livez").status == 200
    assert server.get("/readyz").status == 503
    assert server.get("/worker?probe=/livez").status == 200
    server.says("probe=/livez")
    server.says('"/readyz"' if form == "json" else "GET /readyz ")
    requests = [line for line in server.log.splitlines() if "GET /" in line]
    assert sorted("/readyz" in line for line in requests) == [False, True]


@servers
def test_access_line_escapes_what_would_end_a_field(start: Start, kind: str) -> None:
    server = start(SERVER=kind, FORWARDED_ALLOW_IPS="127.0.0.1").ready()
    server.get('/a"b%0a', X_Forwarded_For="192.0.2.7", User_Agent='x" "y')
    server.says("192.0.2.7 - - [")
    [line] = [line for line in server.log.splitlines() if line.startswith("192.0.2.7 - - [")]
    fields = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    assert fields == [r"GET /a\"b%0a HTTP/1.1", "-", r"x\" \"y"]


@servers
@pytest.mark.parametrize("view", ["/waits", "/sleeps"])
def test_request_in_flight_is_answered_when_it_stops(start: Start, kind: str, view: str) -> None:
    server = start(SERVER=kind, WEB_CONCURRENCY="2").ready()
    finish = server.begin(view)
    server.signal(signal.SIGTERM)
    server.says("Handling signal: term")
    assert finish().status == 200
    assert server.end() == 0
    assert "Traceback" not in server.log
    assert f'"GET {view} HTTP/1.1" 200' in server.log


@pytest.mark.skipif(sys.platform != "linux", reason="others have no such filter")
@servers
def test_connection_that_a_stop_takes_is_answered(start: Start, kind: str) -> None:
    """A proxy asks another replica when nobody takes a connection, but sends no form twice."""
    server = start(SERVER=kind).ready()
    finish = server.begin("/waits")
    with ThreadPoolExecutor(8) as clients:
        asking = [clients.submit(ask_until_refused, server.port) for _ in range(8)]
        time.sleep(0.2)
        server.signal(signal.SIGTERM)
        lost = [client.result(60) for client in asking]
    assert lost == [0] * 8
    assert finish().status == 200
    assert server.end() == 0


def ask_until_refused(port: int) -> int:
    """Connect and ask, as a proxy does; return how many requests were sent and not answered until nobody connects."""
    lost = 0
    while True:
        try:
            connection = socket.create_connection(("localhost", port), timeout=0.2)
        except OSError:
            return lost
        with connection:
            connection.settimeout(10)
            try:
                connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                lost += b"alive" not in connection.makefile("rb").read()
            except OSError:
                lost += 1


@servers
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_while_the_site_is_loaded(start: Start, tmp_path: Path, kind: str, number: signal.Signals) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    server = start(SERVER=kind, HOLD=str(hold))
    server.says("Starting gunicorn")
    server.signal(number)
    assert server.end() == 0
    assert "Traceback" not in server.log


@servers
@pytest.mark.parametrize("moment", ["before post_fork", "after post_fork"])
def test_stop_while_a_worker_starts(start: Start, tmp_path: Path, kind: str, moment: str) -> None:
    """A signal between the fork and the worker's own handlers would be lost, and the stop take eight seconds."""
    stops = tmp_path / "stops.py"
    stops.write_text(
        "import os, runpy, signal\n"
        f"globals().update(runpy.run_path({str(CONFIG)!r}))\n"
        "ours = post_fork\n"
        "def post_fork(server, worker):\n"
        f"    {'ours(server, worker)' if moment == 'after post_fork' else ''}\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    os.abort()\n"
    )
    server = start("--config", str(stops), SERVER=kind)
    server.says("Booting worker")
    server.signal(signal.SIGTERM)
    assert server.end() == 0
    assert "SIGABRT" not in server.log


@servers
def test_reload_and_then_a_stop(start: Start, kind: str) -> None:
    server = start(SERVER=kind).ready()
    before = server.get("/worker").text
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.get("/worker").text != before)
    finish = server.begin("/waits")
    server.signal(signal.SIGTERM)
    server.says("Handling signal: term")
    assert finish().status == 200
    assert server.end() == 0
    assert "Traceback" not in server.log


def test_websocket_is_served_and_does_not_outlast_a_stop(start: Start) -> None:
    server = start("--graceful-timeout", "1", SERVER="asgi").ready()
    with socket.create_connection(("localhost", server.port)) as client:
        client.sendall(b"GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")  # fmt: skip
        assert b" 101 " in client.recv(4096)
        client.sendall(b"\x81\x85\0\0\0\0hello")  # text of five, masked with zeros
        assert client.recv(4096) == b"\x81\x05hello"
        server.signal(signal.SIGTERM)
        assert server.end() == 0
