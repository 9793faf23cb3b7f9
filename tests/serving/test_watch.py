"""A site that is watched: metrics, errors, traces and slow queries, each sent to what really takes it."""

from __future__ import annotations

import gzip
import os
import re
import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from served import Server, Start, servers
from support import wait_until

TOKEN = {"METRICS_TOKEN": "only for tests", "WEB_CONCURRENCY": "2"}
ALLOWED = {"Authorization": "Bearer only for tests"}


class Collector(ThreadingHTTPServer):
    """What takes errors and traces: it keeps the body of each request by its path."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        super().__init__(("localhost", 0), Taken)
        Thread(target=self.serve_forever, daemon=True).start()

    def bodies(self, path: str) -> bytes:
        return b"".join(body for at, body in self.got if path in at)


class Taken(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        packed = self.headers["Content-Encoding"] == "gzip"
        self.server.got.append((self.path, gzip.decompress(body) if packed else body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.shutdown()


def ask_both(server: Server) -> list[str]:
    """Ask until two workers have answered; return which answered each request."""
    workers: list[str] = []
    while len({*workers}) < 2:
        workers += server.pool.map(lambda _: server.get("/worker").text, range(20))
    return workers


def counted(server: Server, view: str) -> float:
    """Return how many requests for a view /metrics has, of all workers."""
    answer = server.get("/metrics", **ALLOWED)
    assert answer.status == 200
    number = r"^django_http_responses_total_by_status_view_method_total\{[^}]*view=\"tiny.urls\.%s\"[^}]*\} (\S+)$"
    return sum(float(one) for one in re.findall(number % view, answer.text, re.MULTILINE))


@servers
def test_metrics_are_those_of_all_workers(start: Start, tmp_path: Path, kind: str) -> None:
    server = start(SERVER=kind, **TOKEN).ready()
    workers = ask_both(server)
    assert [counted(server, "worker") for _ in range(5)] == [len(workers)] * 5

    os.kill(int(workers[0]), signal.SIGKILL)
    server.says("was sent SIGKILL")
    assert counted(server, "worker") == len(workers)

    server.signal(signal.SIGTERM)
    assert server.end() == 0
    assert not [*tmp_path.glob("metrics-*")]


@servers
def test_metrics_are_for_who_has_the_token(start: Start, kind: str) -> None:
    server = start(SERVER=kind, **TOKEN).ready()
    for headers in ({}, {"Authorization": "Bearer another"}, {"Authorization": "only for tests"}):
        answer = server.get("/metrics", **headers)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "django" not in answer.text
    assert server.get("/metrics", **ALLOWED).status == 200


@servers
def test_without_a_token_there_are_no_metrics(start: Start, tmp_path: Path, kind: str) -> None:
    server = start(SERVER=kind).ready()
    assert server.get("/metrics", Authorization="Bearer ").status == 404
    assert not [*tmp_path.glob("metrics-*")]


@servers
def test_error_of_a_page_is_reported(start: Start, collector: Collector, kind: str) -> None:
    dsn = f"http://key@localhost:{collector.server_port}/7"
    server = start(SERVER=kind, SENTRY_DSN=dsn, SENTRY_ENVIRONMENT="tried out").ready()
    assert server.get("/fails").status == 500
    wait_until(lambda: b"a mistake of the site" in collector.bodies("/api/7/envelope"))
    assert b'"environment":"tried out"' in collector.bodies("/api/7/envelope")


@servers
def test_requests_of_every_worker_are_traced(start: Start, collector: Collector, kind: str) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://localhost:{collector.server_port}",
        "OTEL_SERVICE_NAME": "a shop",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    server = start(SERVER=kind, WEB_CONCURRENCY="2", **environment).ready()
    workers = ask_both(server)
    assert server.get("/fails").status == 500
    wait_until(lambda: collector.bodies("/v1/traces").count(b"GET worker") >= len(workers))
    wait_until(lambda: b"a mistake of the site" in collector.bodies("/v1/traces"))  # each worker sends its own
    assert b"a shop" in collector.bodies("/v1/traces")


@servers
def test_slow_query_is_named_with_the_line_that_asked(start: Start, kind: str) -> None:
    server = start(SERVER=kind, SLOW_QUERY="0").ready()
    server.get("/database")
    server.says("tiny/urls.py:")
    [line] = [line for line in server.log.splitlines() if "django_session" in line and "in database" in line]
    assert re.search(r"0\.\d\d s for a query of \S+/tiny/urls\.py:\d+ in database: SELECT COUNT", line)


def test_quick_query_is_not_named(start: Start) -> None:
    server = start(SLOW_QUERY="30").ready()
    server.get("/database")
    assert "a query of" not in server.log


@servers
def test_site_that_has_to_do_with_sentry_itself_is_left_alone(start: Start, collector: Collector, kind: str) -> None:
    dsn = f"http://key@localhost:{collector.server_port}/7"
    server = start(SERVER=kind, SENTRY_DSN=dsn, IMPORT="sentry_sdk").ready()
    server.get("/fails")
    server.says("RuntimeError: a mistake of the site")
    server.signal(signal.SIGTERM)
    assert server.end() == 0
    assert collector.got == []


WRONG = [
    ({"SLOW_QUERY": "often"}, "SLOW_QUERY is 'often': write seconds, for example 0.5."),
    ({"METRICS_TOKEN": "a"}, "METRICS_TOKEN needs django-prometheus among the packages of the site."),
]


@pytest.fixture
def without_packages(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a site that has none of the packages."""
    hide = "import sys; sys.modules |= dict.fromkeys(['django_prometheus', 'sentry_sdk', 'opentelemetry'])"
    (tmp_path / "sitecustomize.py").write_text(hide)
    return {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parent}"}


@pytest.mark.parametrize(("environment", "sentence"), WRONG)
def test_what_cannot_be_is_said_in_one_sentence(
    start: Start, without_packages: dict[str, str], environment: dict[str, str], sentence: str
) -> None:
    server = start(**without_packages, **environment)
    assert server.end() == 1
    assert server.log.splitlines()[-1] == f"The site cannot start: {sentence}"


def test_site_is_served_where_only_what_watches_it_is_missing(start: Start, without_packages: dict[str, str]) -> None:
    server = start(SENTRY_DSN="a", OTEL_EXPORTER_OTLP_ENDPOINT="a", **without_packages).ready()
    server.says("SENTRY_DSN is set, but no error is reported without sentry-sdk.")
    server.says("OTEL_EXPORTER_OTLP_ENDPOINT is set, but there are no traces without opentelemetry-distro and ")
    assert server.get("/worker").status == 200
