"""`/livez`, `/readyz` and the schema behind them, with databases that answer, lag behind, or are not there."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import ConnectionHandler
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path as address
from pytest_django import Settings

from myproj import schema

Anew = Callable[..., subprocess.CompletedProcess[str]]
KEY = "only-for-tests-" + "0123456789" * 4


def test_livez_answers_without_a_database(client: Client) -> None:
    """No fixture gives this test a database: asking one would be an error."""
    answer = client.get("/livez")
    assert (answer.status_code, answer.content) == (200, b"alive\n")


def test_readyz_answers_when_all_is_there(client: Client, db: None) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (200, b"ready\n")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("host", ["elsewhere.example", "10.0.0.7:8000", "not a host!", ""])
def test_health_answers_whatever_host_asked(client: Client, db: None, path: str, host: str) -> None:
    assert client.get(path, HTTP_HOST=host).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_is_not_redirected_under_https(client: Client, db: None, settings: Settings, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/").status_code == 301
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_is_kept_by_no_cache_and_sets_no_cookie(client: Client, db: None, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert not answer.cookies


@pytest.mark.parametrize("path", ["/livez/", "/readyz/x", "/a/livez"])
@pytest.mark.usefixtures("plain_static")
def test_only_these_addresses_are_health(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_readyz_says_that_a_migration_is_missing(client: Client, db: None, caplog: pytest.LogCaptureFixture) -> None:
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"migrations\n")
    assert "sessions.0001_initial" in caplog.text
    assert [record.levelno for record in caplog.records if record.name == "myproj.health"] == [logging.ERROR]


def database(name: Path | str) -> BaseDatabaseWrapper:
    """Return a connection, not made yet, to an SQLite database of its own."""
    described = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(name)}
    made: BaseDatabaseWrapper = ConnectionHandler({"default": described})["default"]
    return made


def test_readyz_says_that_the_database_does_not_answer(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schema, "connection", database("/nowhere/db.sqlite3"))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"database\n")
    assert "unable to open database file" in caplog.text


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_detail_is_in_the_log_and_not_in_the_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    def missing() -> list[str]:
        raise error("hunter2.internal refused the connection")

    monkeypatch.setattr(schema, "missing", missing)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"database\n")
    assert "hunter2.internal" in caplog.text


def test_readyz_is_ready_again_when_the_database_is(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setattr(schema, "connection", database("/nowhere/db.sqlite3"))
        assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").status_code == 200


class Fails:
    """The addresses of a site whose one page fails."""

    def __init__(self, error: Exception) -> None:
        def page(request: HttpRequest) -> HttpResponse:
            raise error

        self.urlpatterns = [address("page", page)]


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.usefixtures("plain_static")
def test_page_that_needs_the_database_is_503_while_that_is_away(
    client: Client, settings: Settings, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    settings.ROOT_URLCONF = Fails(error("hunter2.internal refused the connection"))
    answer = client.get("/page")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Back in a moment" in answer.content.decode()
    assert "hunter2.internal" not in answer.content.decode()
    [record] = [record for record in caplog.records if record.name == "myproj.health"]
    assert record.getMessage().startswith("not answered: GET /page: the database failed: hunter2.internal")
    assert record.exc_info is None


FAULTS = [
    pytest.param(IntegrityError("a"), False, id="a fault that the database finds"),
    pytest.param(ProgrammingError("a"), False, id="a table that is not there"),
    pytest.param(ValueError("a"), False, id="any other fault"),
    pytest.param(OperationalError("a"), True, id="the database is away while debugging"),
]


@pytest.mark.parametrize(("error", "debug"), FAULTS)
@pytest.mark.usefixtures("plain_static")
def test_page_with_a_fault_is_500(client: Client, settings: Settings, error: Exception, debug: bool) -> None:
    settings.ROOT_URLCONF, settings.DEBUG = Fails(error), debug
    client.raise_request_exception = False
    answer = client.get("/page")
    assert answer.status_code == 500
    assert ("Traceback" in answer.content.decode()) == debug


def tables(file: Path) -> set[str]:
    opened = sqlite3.connect(file)
    found = {name for (name,) in opened.execute("select name from sqlite_master where type = 'table'")}
    opened.close()
    return found


PREPARE = (
    "import django; django.setup(); from myproj import schema; print(schema.missing()[:1]); schema.prepare_sqlite()"
)


def test_empty_sqlite_is_migrated_and_then_left_alone(anew: Anew, sqlite: str, tmp_path: Path) -> None:
    first = anew(PREPARE, SECRET_KEY=KEY, DATABASE_URL=sqlite)
    assert first.returncode == 0, first.stderr
    assert "Applying auth.0001_initial" in first.stdout
    assert {"auth_user", "django_session", "django_migrations"} <= tables(tmp_path / "db.sqlite3")
    again = anew(PREPARE, SECRET_KEY=KEY, DATABASE_URL=sqlite)
    assert (again.returncode, again.stdout) == (0, "[]\n")


def test_no_connection_is_left_for_the_workers_to_share(anew: Anew, sqlite: str) -> None:
    left = anew(f"{PREPARE}; from django.db import connection; print(connection.connection)", SECRET_KEY=KEY,
                DATABASE_URL=sqlite)  # fmt: skip
    assert left.stdout.splitlines()[-1] == "None"


def test_sqlite_that_cannot_be_used_is_one_sentence(anew: Anew) -> None:
    code = "import django; django.setup(); from myproj import schema; schema.prepare_sqlite()"
    ended = anew(code, SECRET_KEY=KEY, DATABASE_URL="sqlite:////nowhere/db.sqlite3")
    assert ended.returncode == 1
    assert ended.stderr.startswith("The database /nowhere/db.sqlite3 cannot be used (unable to open database file)")
    assert len(ended.stderr.splitlines()) == 1


def test_another_vendor_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    other = database("/nowhere/db.sqlite3")
    other.vendor = "postgresql"
    monkeypatch.setattr(schema, "connection", other)
    schema.prepare_sqlite()
    assert other.connection is None
