"""The readers of variables: the values that each accepts, and the one sentence with which it refuses others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from myproj import environment

ACCEPTED: list[tuple[Callable[..., Any], tuple[Any, ...], str | None, Any]] = [
    (environment.text, (), None, ""),
    (environment.text, ("default",), None, "default"),
    (environment.text, ("default",), "", "default"),
    (environment.text, (), " a $HOME b ", " a $HOME b "),
    (environment.flag, (), None, False),
    (environment.flag, (), "", False),
    (environment.flag, (), "0", False),
    (environment.flag, (), "false", False),
    (environment.flag, (), "False", False),
    (environment.flag, (), "1", True),
    (environment.flag, (), "true", True),
    (environment.flag, (), "TRUE", True),
    (environment.flag, ("1",), None, True),
    (environment.flag, ("1",), "", True),
    (environment.flag, ("1",), "0", False),
    (environment.choice, (("a", "b"),), None, "a"),
    (environment.choice, (("a", "b"),), "b", "b"),
    (environment.words, (), None, []),
    (environment.words, (), " , ", []),
    (environment.words, (), "a.example", ["a.example"]),
    (environment.words, (), " a.example, b.example ,,", ["a.example", "b.example"]),
    (environment.origins, (), None, []),
    (environment.origins, (), "https://a.example,http://b:80", ["https://a.example", "http://b:80"]),
    (environment.secret, (), None, ""),
    (environment.secret, ("default",), None, "default"),
    (environment.secret, ("default",), "a b", "a b"),
]

REFUSED: list[tuple[Callable[..., Any], tuple[Any, ...], str, str]] = [
    (environment.flag, (), "maybe", "write 1 (on) or 0 (off)"),
    (environment.flag, (), "yes", "write 1 (on) or 0 (off)"),
    (environment.flag, (), "2", "write 1 (on) or 0 (off)"),
    (environment.flag, (), " 1", "write 1 (on) or 0 (off)"),
    (environment.choice, (("a", "b"),), "c", "write one of a, b"),
    (environment.origins, (), "www.example.com", "for example https://www.example.com"),
    (environment.origins, (), "https://a.example,b.example", "for example https://b.example"),
]


def named(row: tuple[Any, ...]) -> str:
    return f"{row[0].__name__} {row[2]!r:.20}"


@pytest.mark.parametrize(("reader", "more", "value", "read"), ACCEPTED, ids=map(named, ACCEPTED))
def test_accepted(
    monkeypatch: pytest.MonkeyPatch, reader: Callable[..., Any], more: tuple[Any, ...], value: str | None, read: Any
) -> None:
    monkeypatch.delenv("NAME", raising=False)
    if value is not None:
        monkeypatch.setenv("NAME", value)
    assert reader("NAME", *more) == read


@pytest.mark.parametrize(("reader", "more", "value", "remedy"), REFUSED, ids=map(named, REFUSED))
def test_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, reader: Callable[..., Any], more: tuple[Any, ...], value: str, remedy: str
) -> None:
    monkeypatch.setenv("NAME", value)
    with pytest.raises(ImproperlyConfigured) as refused:
        reader("NAME", *more)
    sentence = str(refused.value)
    assert sentence.startswith("NAME ")
    assert remedy in sentence
    assert "\n" not in sentence


DATABASES = [
    (None, "sqlite3", "/default/db.sqlite3"),
    ("", "sqlite3", "/default/db.sqlite3"),
    ("sqlite:////data/a.sqlite3", "sqlite3", "/data/a.sqlite3"),
    ("postgres://user:p%40ss@host:5432/name", "postgresql", "name"),
]


@pytest.mark.posix("paths that begin with a slash")
@pytest.mark.parametrize(("value", "engine", "name"), DATABASES, ids=[str(row[0]) for row in DATABASES])
def test_database(monkeypatch: pytest.MonkeyPatch, value: str | None, engine: str, name: str) -> None:
    monkeypatch.delenv("NAME", raising=False)
    if value is not None:
        monkeypatch.setenv("NAME", value)
    found = environment.database("NAME", Path("/default/db.sqlite3"))
    assert found["ENGINE"] == f"django.db.backends.{engine}"
    assert found["NAME"] == name


WRONG = [
    "postgres",
    "hunter2",
    "no-such-engine://user:hunter2@host/name",
    "user:hunter2@host/name",
    "postgres://user:hunter2@host:port/name",
    "postgres://user:hunter2@[host/name",
    # Python's own messages show these.
    "postgres://user:hunter2/x@host/name",
    "postgres://user:hunter2@ho\N{ACCOUNT OF}st/name",
]


def test_secret_is_the_content_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text(" a $HOME 'b' \n")
    monkeypatch.setenv("NAME", "another")
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "secret"))
    assert environment.secret("NAME") == "a $HOME 'b'"


def test_database_url_may_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("postgres://user:hunter2@host/name\n")
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "secret"))
    assert environment.database("NAME", Path("/default"))["PASSWORD"] == "hunter2"


@pytest.mark.parametrize("content", [None, b"\xff", b" \n"], ids=["missing", "not text", "empty"])
def test_file_without_a_secret_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "secret"))
    with pytest.raises(ImproperlyConfigured, match=r"^NAME_FILE .*: name a file that holds NAME.$"):
        environment.secret("NAME", "default")


@pytest.mark.parametrize("value", WRONG)
def test_wrong_database_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("NAME", value)
    with pytest.raises(ImproperlyConfigured) as refused:
        environment.database("NAME", Path("/default"))
    sentence = str(refused.value)
    assert sentence.startswith("NAME is not a database URL")
    assert "postgres://USER:PASSWORD@HOST:5432/NAME" in sentence
    assert "hunter2" not in sentence
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_variable_of_the_shell_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"NAME": "shell"})
    (tmp_path / ".env").write_text("NAME=file\nOTHER='a ${NAME} $$ b'\n")
    environment.load(tmp_path / ".env")
    assert os.environ == {"NAME": "shell", "OTHER": "a ${NAME} $$ b"}


def test_missing_file_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"NAME": "shell"})
    environment.load(tmp_path / ".env")
    assert os.environ == {"NAME": "shell"}
