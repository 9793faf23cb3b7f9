"""What is waited for is said once, and on a terminal with the seconds, in one line that is written anew."""

from __future__ import annotations

import io
import itertools
import sys
import time

import pytest

from djk8s.shell import talk


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which each look at it is a second later."""
    clock = itertools.count(100.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))


def said(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """Return what a wait with three ticks says on a stream."""
    for name in ("TERM", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", stream)
    with talk.waiting("Waiting for the site") as tick:
        for _ in range(3):
            tick()
    return stream.getvalue()


def test_terminal_shows_one_line_with_the_seconds(seconds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = said(Terminal(), monkeypatch, TERM="xterm")
    assert shown == "".join(f"\rWaiting for the site … {number} s" for number in (1, 2, 3, 4)) + "\n"


@pytest.mark.parametrize(
    ("stream", "environment"),
    [
        pytest.param(io.StringIO, {"TERM": "xterm"}, id="no terminal"),
        pytest.param(Terminal, {"TERM": "dumb"}, id="a dumb one"),
        pytest.param(Terminal, {"TERM": "xterm", "CI": "true"}, id="CI"),
    ],
)
def test_elsewhere_it_is_one_plain_line(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], environment: dict[str, str]
) -> None:
    assert said(stream(), monkeypatch, **environment) == "Waiting for the site …\n"


def test_line_ends_however_the_wait_ends(seconds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(KeyboardInterrupt), talk.waiting("Waiting"):
        raise KeyboardInterrupt
    assert stream.getvalue() == "\rWaiting … 1 s\n"
