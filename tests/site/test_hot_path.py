"""What is not done anew for each request: the answers are those of gunicorn, byte for byte."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import RequestParser, wsgi

from myproj import hot_path


class Sent(list[bytes]):
    """A socket that keeps what is sent, a packet a piece."""

    sendall = list.append


def answered(response_class: type[Any], request: str, headers: dict[str, str], *body: bytes) -> list[bytes]:
    """Return what is sent for a request, piece by piece."""
    cfg, sent = Config(), Sent()
    parsed = next(RequestParser(cfg, iter([f"{request}\r\nHost: localhost\r\n\r\n".encode()]), ("127.0.0.1", 1)))
    response = response_class(parsed, sent, cfg)
    response.start_response("200 OK", list(headers.items()))
    for piece in body:
        response.write(piece)
    response.close()
    return list(sent)


GET, OLD, HEAD = "GET / HTTP/1.1", "GET / HTTP/1.0", "HEAD / HTTP/1.1"
ANSWERS = [
    pytest.param(GET, {"Content-Length": "5"}, [b"hello"], 1, id="a page"),
    pytest.param(GET, {"Content-Length": "5"}, [b"he", b"llo"], 2, id="a page in two pieces"),
    pytest.param(GET, {"Content-Length": "5"}, [b"hello, world"], 1, id="more than was announced"),
    pytest.param(GET, {}, [b"he", b"llo"], 3, id="in chunks"),
    pytest.param(GET, {}, [b"", b"hello"], 3, id="in chunks, the first one empty"),
    pytest.param(GET, {"Content-Length": "0"}, [b""], 1, id="an empty page"),
    pytest.param(GET, {"Content-Length": "0"}, [], 1, id="no body at all"),
    pytest.param(OLD, {}, [b"he", b"llo"], 2, id="for an old client"),
    pytest.param(GET, {"Content-Length": "65536"}, [b"x" * 65536], 1, id="a large page"),
    pytest.param(GET, {"Content-Length": "65537"}, [b"x" * 65537], 2, id="a page too large to copy"),
    pytest.param(HEAD, {"Content-Length": "5"}, [b"hello"], 1, id="only the head is asked for"),
]


@pytest.mark.parametrize(("request_line", "headers", "body", "pieces"), ANSWERS)
def test_answer_is_gunicorns_with_the_head_in_the_first_piece(
    request_line: str, headers: dict[str, str], body: list[bytes], pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(util, "http_date", lambda: "a date")
    theirs = answered(wsgi.Response, request_line, headers, *body)
    ours = answered(hot_path.Response, request_line, headers, *body)
    assert b"".join(ours) == b"".join(theirs)
    assert len(ours) == pieces
    assert ours[0].startswith(b"HTTP/1.")


def test_answer_that_is_no_bytes_is_refused_and_nothing_is_sent() -> None:
    sent = Sent()
    parsed = next(RequestParser(Config(), iter([b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"]), ("127.0.0.1", 1)))
    response = hot_path.Response(parsed, sent, Config())
    response.start_response("200 OK", [])
    with pytest.raises(TypeError):
        response.write("text")  # type: ignore[arg-type]
    assert sent == []
    assert response.sock is sent
    assert not response.headers_sent


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the clock."""
    return lambda now: monkeypatch.setattr(time, "time", lambda: now)


def test_date_is_that_of_the_second_and_written_once(clock: Callable[[float], None]) -> None:
    written = []

    def http_date(second: float) -> str:
        written.append(second)
        return formatdate(second, usegmt=True)

    date = hot_path.dated(http_date)
    for now, second in [(1.0, 1), (1.9, 1), (2.0, 2), (2.5, 2), (1.5, 1)]:
        clock(now)
        assert date(None) == formatdate(second, usegmt=True)
    assert written == [1, 2, 1]
    assert date(86400.0) == formatdate(86400, usegmt=True)


def test_settings_are_the_same_and_are_looked_up_without_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((util, "http_date"), (wsgi, "Response")):
        monkeypatch.setattr(module, name, getattr(module, name))  # and back again after the test
    cfg, untouched = Config(), Config()
    cfg.set("keepalive", 7)
    untouched.set("keepalive", 7)
    hot_path.shorten(cfg)
    assert {name: getattr(cfg, name) for name in cfg.settings} == {
        name: getattr(untouched, name) for name in untouched.settings
    }
    assert vars(cfg)["keepalive"] == 7
    assert "keepalive" not in vars(untouched)
    assert wsgi.Response is hot_path.Response
    assert util.http_date() == formatdate(int(time.time()), usegmt=True)
