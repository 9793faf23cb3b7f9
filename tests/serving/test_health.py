"""The wrapper around a site, with a tiny application in it, by WSGI and by ASGI."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django import db as django_db
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import ConnectionHandler

from serving import health, wrapper


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def by_wsgi(path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    """Ask a WSGI application that answers with its request's id, length and body."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Own", wrapper.request_id.get())])
        length = environ.get("CONTENT_LENGTH", "none")
        return [f"{environ['PATH_INFO']} {length} ".encode(), environ["wsgi.input"].read()]

    begun: list[Any] = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": io.BytesIO(body)}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    content = b"".join(wrapper.wsgi(application)(environ, lambda *start: begun.extend(start)))
    return Answer(int(begun[0][:3]), {name.lower(): value for name, value in begun[1]}, content)


def by_asgi(path: str, method: str = "GET", **headers: str) -> Answer:
    """Ask an ASGI application that answers with its request's id and path."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        own = (b"own", wrapper.request_id.get().encode())
        await send({"type": "http.response.start", "status": 200, "headers": [own]})
        await send({"type": "http.response.body", "body": f"{scope['path']} none ".encode()})

    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return asyncio.run(asked(wrapper.asgi(application), path, method, named))


async def asked(application: Any, path: str, method: str = "GET", headers: Any = ()) -> Answer:
    """Ask an ASGI application."""
    scope = {"type": "http", "http_version": "1.1", "method": method, "path": path, "query_string": b""}
    client = ApplicationCommunicator(application, {**scope, "headers": headers})
    await client.send_input({"type": "http.request", "body": b""})
    start, body = await client.receive_output(20), b""
    while (message := await client.receive_output(20)).get("more_body"):
        body += message["body"]
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, body + message.get("body", b""))


Ask = Callable[..., Answer]
both = pytest.mark.parametrize("ask", [by_wsgi, by_asgi])


@both
@pytest.mark.parametrize("host", ["elsewhere.example", "not a host!", ""])
def test_probe_is_answered_without_the_site_and_kept_by_no_cache(ask: Ask, host: str) -> None:
    answer = ask("/livez", host=host)
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (200, b"alive\n", "no-store")
    assert "own" not in answer.headers


@both
def test_probe_has_no_body_for_head(ask: Ask) -> None:
    assert ask("/livez", "HEAD")[::2] == (200, b"")


@both
@pytest.mark.parametrize("word", ["database", "migrations"])
def test_readyz_says_in_one_word_what_is_missing(ask: Ask, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setitem(health.PROBES, "/readyz", lambda: f"503 {word}")
    assert ask("/readyz")[::2] == (503, f"{word}\n".encode())


@both
@pytest.mark.parametrize("path", ["/", "/livez/", "/readyz/x", "/a/livez"])
def test_any_other_address_is_the_sites(ask: Ask, path: str) -> None:
    assert ask(path).body == f"{path} none ".encode()


@both
@pytest.mark.parametrize("given", ["a", "4bf92f3577b34da6-a3ce:929d.0e_0e", "x" * 128])
def test_id_of_a_proxy_is_taken_and_given_back(ask: Ask, given: str) -> None:
    headers = ask("/", x_request_id=given).headers
    assert headers["x-request-id"] == headers["own"] == ask("/livez", x_request_id=given).headers["x-request-id"]
    assert headers["own"] == given


@both
@pytest.mark.parametrize("given", ["", "x" * 129, 'a"b', "a b", "a\nb", "a\\", "é", "<script>"])
def test_id_with_odd_characters_is_replaced(ask: Ask, given: str) -> None:
    first, second = (ask("/", x_request_id=given).headers for _ in range(2))
    assert first["x-request-id"] == first["own"] != second["own"] == second["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", first["own"])


def test_body_in_chunks_is_given_its_length() -> None:
    assert by_wsgi("/", "POST", b"a" * 70_000, transfer_encoding="chunked").body == b"/ 70000 " + b"a" * 70_000


def test_other_body_is_left_alone() -> None:
    assert by_wsgi("/", "POST", b"abc").body == b"/ none abc"


@pytest.mark.parametrize(("size", "status"), [(100_000, 200), (100_001, 413), (10**6, 413)])
def test_body_in_chunks_above_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch, size: int, status: int) -> None:
    monkeypatch.setattr(wrapper, "MAX_CHUNKED", 100_000)
    answer = by_wsgi("/", "POST", b"a" * size, transfer_encoding="chunked")
    assert answer.status == status
    assert "x-request-id" in answer.headers


@pytest.mark.parametrize("scope", [{"type": "websocket", "path": "/livez"}, {"type": "lifespan"}])
def test_websocket_and_lifespan_are_the_sites(scope: dict[str, Any]) -> None:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": f"{scope['type']}.accept"})

    async def opened() -> Any:
        return await ApplicationCommunicator(wrapper.asgi(application), scope).receive_output(20)

    answer = asyncio.run(opened())
    assert answer["type"] == f"{scope['type']}.accept"
    assert [name for name, _ in answer.get("headers", ())] == [b"x-request-id"] * (scope["type"] == "websocket")


def test_probe_does_not_wait_for_what_a_websocket_does() -> None:
    """Outside a request, all synchronous code shares one thread."""

    async def probed() -> Answer:
        over = threading.Event()
        working = asyncio.create_task(sync_to_async(over.wait)(20))
        await asyncio.sleep(0)
        try:
            return await asked(wrapper.asgi(None), "/livez")
        finally:
            over.set()
            assert await working

    assert asyncio.run(probed()).status == 200


@pytest.fixture
def fresh(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has not looked at its code yet."""
    monkeypatch.setattr(health, "complete", False)


@pytest.mark.usefixtures("fresh")
def test_ready_when_the_database_has_every_migration() -> None:
    assert health.readiness() == "200 ready"


@pytest.mark.usefixtures("fresh")
def test_not_ready_while_a_migration_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    assert health.readiness() == "503 migrations"
    MigrationRecorder(connection).record_applied("sessions", "0001_initial")
    assert health.readiness() == "200 ready"
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "not ready: migrations are missing: sessions.0001_initial")
    ]


@pytest.mark.usefixtures("fresh")
def test_not_ready_while_the_database_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for complete in (False, True):
        with monkeypatch.context() as away:
            away.setattr(django_db, "connection", database("sqlite3", "/nowhere/at/all"))
            assert health.readiness() == "503 database"
        assert "the database does not answer: unable to open database file" in caplog.text
        caplog.clear()
        assert health.readiness() == "200 ready"
        assert health.complete, complete


URLS = """
import os
if "once" in os.environ:
    raise RuntimeError("already registered")
os.environ["once"] = "yes"
urlpatterns = [1 / int(os.environ["DIVISOR"])]
"""


@pytest.fixture
def broken(fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Path:
    """Urls that fail, and in another way when they are imported again."""
    (tmp_path / "broken_urls.py").write_text(URLS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_urls", raising=False)
    monkeypatch.setattr(health, "first_fault", "")
    for name, value in (("once", ""), ("DIVISOR", "0")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("once")
    settings.ROOT_URLCONF = "broken_urls"
    return tmp_path / "broken_urls.py"


def test_not_ready_while_the_urls_cannot_be_imported(
    broken: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = f"not ready: the urls cannot be imported: ZeroDivisionError('division by zero') ({broken}:6 in <module>)"
    for _ in range(2):
        assert health.readiness() == "503 urls"
    assert caplog.messages == [said, said]
    monkeypatch.setenv("DIVISOR", "1")
    monkeypatch.delenv("once")
    assert health.readiness() == "200 ready"


def test_urls_with_a_syntax_error_are_named(broken: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken.write_text("urlpatterns = [")
    assert health.readiness() == "503 urls"
    assert f"('{broken}', 1, " in caplog.text


@pytest.mark.usefixtures("fresh")
def test_site_without_urls_is_ready(settings: Any) -> None:
    del settings.ROOT_URLCONF
    assert health.readiness() == "200 ready"


@pytest.mark.usefixtures("fresh")
def test_site_without_a_database_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(django_db, "connection", database("dummy"))
    assert health.readiness() == "200 ready"


def database(backend: str, name: str = "") -> Any:
    return ConnectionHandler({"default": {"ENGINE": f"django.db.backends.{backend}", "NAME": name}})["default"]
