"""How the server in the box behaves, whatever the site: its processes, its log, slow clients, and how it ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from boxed import STOP_BUDGET, docker
from container import stranger
from container.boxes import Box, box
from support import ROOT, Answer, get, wait_until

Options = tuple[str, ...]


def in_flight(pool: ThreadPoolExecutor, one: Box) -> Future[Answer]:
    """Ask for a page that takes three seconds, and return once the site works on it."""
    answer = pool.submit(get, f"{one.url}/nap/3")
    time.sleep(1)
    return answer


def test_stop_answers_what_is_in_flight_even_when_asked_twice(shop: str, options: Options) -> None:
    with box(shop, *options) as one, ThreadPoolExecutor() as pool:
        answer = in_flight(pool, one.ready())
        one.signal("TERM")
        time.sleep(0.5)
        assert one.stop() == "0"
        assert answer.result().text == "slept 3"
        assert '"GET /nap/3 HTTP/1.1" 200' in one.log()


def test_stop_after_a_reload(shop: str, options: Options) -> None:
    with box(shop, *options) as one, ThreadPoolExecutor() as pool:
        before = one.ready().workers()
        one.signal("HUP")
        wait_until(lambda: len(one.workers()) == len(before) and not one.workers() & before, 20)
        answer = in_flight(pool, one.ready())
        assert one.stop() == "0"
        assert answer.result().text == "slept 3"


def test_draining_breaks_no_answer_of_a_kept_connection(shop: str, options: Options) -> None:
    with box(shop, *options) as one, ThreadPoolExecutor(32) as pool:
        clients = [pool.submit(busy, one.ready().port) for _ in range(32)]
        time.sleep(1)
        one.inside("touch", "/tmp/draining")
        time.sleep(1)
        left = [client for client in clients if not client.done()]
        assert one.stop() == "0"
        assert [client.exception() for client in clients if client.exception()] == []
        assert left == []
        assert min(client.result() for client in clients) > 1


def busy(port: int) -> int:
    """Ask again and again on one connection until an answer says that it is the last; return how many there were."""
    client, count, kept = http.client.HTTPConnection("127.0.0.1", port, timeout=10), 0, True
    while kept:
        client.request("GET", "/livez")
        answer = client.getresponse()
        assert answer.read() == b"alive\n"
        count, kept = count + 1, not answer.will_close
    return count


@pytest.mark.parametrize("moment", [0.0, 0.6])
def test_stop_while_it_starts(shop: str, options: Options, moment: float) -> None:
    with box(shop, *options) as one:
        # The kernel drops a signal for PID 1 in the few milliseconds in which bash starts: the script cannot help that.
        one.inside("bash", "-c", "while [[ $(readlink /proc/1/exe) = */bash ]]; do :; done")
        time.sleep(moment)
        assert one.stop() == "0"
        assert "Traceback" not in one.log()


def test_stop_budgets_fit_into_each_other() -> None:
    graceful = re.search(r"^graceful_timeout = (\d+)", source("serving/gunicorn.conf.py"), re.MULTILINE)
    compose = re.search(r"stop_grace_period: (\d+)s", source("docker-compose.yaml"))
    assert graceful and compose
    assert int(graceful[1]) < STOP_BUDGET == int(compose[1])


def source(name: str) -> str:
    return (ROOT / name).read_text()


def test_killed_worker_is_replaced(shop: str, options: Options) -> None:
    with box(shop, *options, "--env", "WEB_CONCURRENCY=2") as one:
        before = one.ready().workers()
        victim = get(f"{one.url}/pid").text
        assert victim in before
        one.inside("bash", "-c", f"kill -KILL {victim}")
        wait_until(lambda: len(one.workers()) == 2 and victim not in one.workers(), 20)
        assert get(one.url).status == 200


PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def test_workers_are_as_many_as_processors(site: Box) -> None:
    assert len(site.workers()) == PROCESSORS


@pytest.mark.parametrize("limit", ["--cpus=0.5", "--cpuset-cpus=0", "--memory=200m"])
def test_workers_fit_into_the_limits_of_the_container(shop: str, limit: str) -> None:
    count = "import sys; sys.path.append('/app'); from serving import limits; print(limits.workers())"
    assert docker("run", "--rm", limit, shop, "python", "-c", count) == "1"


def test_log_in_text(site: Box) -> None:
    get(f"{site.url}/no-such-page?a=1")
    line = r'^[\d.]+ - - \[.*\] "GET /no-such-page\?a=1 HTTP/1.1" 404 \d+ "-" "Python-urllib/.*"$'
    wait_until(lambda: re.search(line, site.log(), re.MULTILINE), 5)


def test_log_in_json_is_one_object_a_line(shop: str, options: Options) -> None:
    with box(shop, *options, "--env", "LOG_FORMAT=json") as one:
        assert (
            get(f"{one.ready().url}/error?a=1", X_Request_ID="from-a-proxy").headers["X-Request-ID"] == "from-a-proxy"
        )
        assert re.fullmatch("[0-9a-f]{32}", get(one.url, X_Request_ID="not an id").headers["X-Request-ID"])
        assert one.stop() == "0"
        lines = [json.loads(line) for line in one.log().splitlines()]
    assert {line["logger"] for line in lines} == {"gunicorn.error", "gunicorn.access", "django.request"}
    ours = {line["logger"]: line for line in lines if line["request_id"] == "from-a-proxy"}
    assert "the shop is broken" in ours["django.request"]["exc_info"]
    access = {name: ours["gunicorn.access"][name] for name in ("method", "path", "query", "status")}
    assert access == {"method": "GET", "path": "/error", "query": "a=1", "status": 500}


def test_access_log_can_be_off(shop: str) -> None:
    with box(shop, *stranger.SETTINGS, "--env", "ACCESS_LOG=0") as one:
        get(one.ready().url)
        assert one.stop() == "0"
        assert "GET /" not in one.log()


def test_thousand_silent_clients_keep_nobody_waiting(site: Box) -> None:
    with slow_clients(site, b""):
        assert [get(site.url).status for _ in range(20)] == [200] * 20


def test_thousand_halves_of_a_header_keep_nobody_waiting_with_asgi(shop: str) -> None:
    # With threads each holds one, as README says.
    with (
        box(shop, *stranger.SETTINGS, "--env", "SERVER=asgi") as one,
        slow_clients(one.ready(), b"GET / HTTP/1.1\r\nX-Slow: "),
    ):
        assert [get(one.url).status for _ in range(20)] == [200] * 20


@contextlib.contextmanager
def slow_clients(site: Box, text: bytes) -> Iterator[None]:
    """Hold a thousand connections open, on each of which only this text was sent."""
    with contextlib.ExitStack() as held:
        for _ in range(1000):
            client = held.enter_context(socket.create_connection(("127.0.0.1", site.port)))
            client.sendall(text)
        yield


def test_body_in_chunks_has_the_limit_of_the_proxy(shop: str) -> None:
    # Threads only: with asgi Django itself reads chunks, and has its own limits.
    with box(shop, *stranger.SETTINGS) as one:
        client = http.client.HTTPConnection("127.0.0.1", one.ready().port)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.request("POST", "/add", iter([b"a" * 2**20] * 11), encode_chunked=True)
        assert client.getresponse().status == 413
        assert get(one.url).status == 200


def test_health_turns_unhealthy_without_the_database(shop: str) -> None:
    with box(shop, *stranger.SETTINGS, "--health-interval", "1s", "--health-retries", "1") as one:
        wait_until(lambda: one.ready().inspect("{{.State.Health.Status}}") == "healthy", 20)
        one.inside("chmod", "0", "/app/data/shop.sqlite3")
        wait_until(lambda: one.inspect("{{.State.Health.Status}}") == "unhealthy", 20)
        assert get(f"{one.url}/readyz").text == "database\n"
        assert get(f"{one.url}/livez").text == "alive\n"
