"""The settings as a whole, each time in a process of their own: what they are with these variables."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import free_port

Python = Callable[..., subprocess.CompletedProcess[str]]

KEY = "only-for-tests-" + "0123456789" * 4

PRINT = """
import json
from django.conf import settings
database = settings.DATABASES["default"]
names = ["DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "PLACE", "SECURE_PROXY_SSL_HEADER",
         "SECURE_SSL_REDIRECT"]
print(json.dumps({name: getattr(settings, name) for name in names} | {
    "TASKS": settings.TASKS["default"]["BACKEND"],
    "DATABASE": {name: database.get(name) for name in ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS", "OPTIONS")},
}))
"""


@pytest.fixture
def read(python: Python) -> Callable[..., dict[str, Any]]:
    """Return the settings with these variables, and a key unless there is another."""

    def settings(**environment: str) -> dict[str, Any]:
        ended = python("-c", PRINT, **{"SECRET_KEY": KEY, **environment})
        assert ended.returncode == 0, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    return settings


LOCAL = ["localhost", "127.0.0.1", "[::1]"]
POSTGRES = "postgres://user:p@host/name"
POOL = {"min_size": 1, "max_size": 8, "timeout": 3, "reconnect_timeout": 1}
POOLED = {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
IMMEDIATE, QUEUE = "django_tasks.backends.immediate.ImmediateBackend", "django_tasks_db.DatabaseBackend"
FORWARDED = ["HTTP_X_FORWARDED_PROTO", "https"]

SETTINGS: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({}, {"DEBUG": False, "SECRET_KEY": KEY, "PLACE": "host", "ALLOWED_HOSTS": LOCAL, "CSRF_TRUSTED_ORIGINS": []}),
    ({}, {"TASKS": IMMEDIATE, "SECURE_PROXY_SSL_HEADER": None, "SECURE_SSL_REDIRECT": False}),
    ({"DEBUG": "1"}, {"DEBUG": True, "SECRET_KEY": KEY}),
    ({"DEBUG": "true", "SECRET_KEY": ""}, {"SECRET_KEY": "django-insecure-for-debugging-only"}),
    ({"ALLOWED_HOST": ".example.com"}, {"ALLOWED_HOSTS": [*LOCAL, ".example.com"]}),
    ({"ALLOWED_HOST": "a.example", "ALLOWED_HOSTS": "b, c"}, {"ALLOWED_HOSTS": [*LOCAL, "a.example", "b", "c"]}),
    ({"CSRF_TRUSTED_ORIGINS": "https://a.example"}, {"CSRF_TRUSTED_ORIGINS": ["https://a.example"]}),
    ({"PLACE": "compose"}, {"PLACE": "compose"}),
    ({"WORKER": "1"}, {"TASKS": QUEUE}),
    ({"HTTPS": "1"}, {"SECURE_PROXY_SSL_HEADER": FORWARDED, "SECURE_SSL_REDIRECT": True}),
    ({"DATABASE_URL": POSTGRES}, {"DATABASE": {**POOLED, "OPTIONS": {"pool": POOL}}}),
    (
        {"DATABASE_URL": f"{POSTGRES}?sslmode=require"},
        {"DATABASE": {**POOLED, "OPTIONS": {"sslmode": "require", "pool": POOL}}},
    ),
]


@pytest.mark.parametrize(("environment", "settings"), SETTINGS)
def test_settings(read: Callable[..., dict[str, Any]], environment: dict[str, str], settings: dict[str, Any]) -> None:
    found = read(**environment)
    assert {name: found[name] for name in settings} == settings


def test_secret_key_may_be_in_a_file(read: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert read(SECRET_KEY="", SECRET_KEY_FILE=str(tmp_path / "key"))["SECRET_KEY"] == KEY


def test_postgresql_is_loaded_with_its_pool(python: Python) -> None:
    code = "import django; django.setup(); from django.db import connection; print(connection.pool.max_size)"
    ended = python("-c", code, SECRET_KEY=KEY, DATABASE_URL=POSTGRES)
    assert ended.stdout == "8\n", ended.stderr


REFUSED = [
    ({"SECRET_KEY": ""}, ["SECRET_KEY is missing", "`inv env --set SECRET_KEY`", "--env SECRET_KEY=…"]),
    ({"SECRET_KEY": "", "DEBUG": "0"}, ["SECRET_KEY is missing"]),
    ({"SECRET_KEY_FILE": "/nowhere/at/all"}, ["SECRET_KEY_FILE", "name a file that holds SECRET_KEY"]),
    ({"DEBUG": "maybe"}, ["DEBUG is 'maybe'", "1 (on) or 0 (off)"]),
    ({"HTTPS": "perhaps"}, ["HTTPS is 'perhaps'", "1 (on) or 0 (off)"]),
    ({"PLACE": "mars"}, ["PLACE is 'mars'", "host, container, compose"]),
    ({"CSRF_TRUSTED_ORIGINS": "a.example"}, ["CSRF_TRUSTED_ORIGINS", "https://a.example"]),
    ({"DATABASE_URL": "postgers://user:hunter2@host/name"}, ["DATABASE_URL is not a database URL"]),
    ({"DATABASE_URL": "mysql://user:hunter2@host/name"}, ["Did you install mysqlclient?"]),
]
MANAGE = ("manage.py", "check")
GUNICORN = ("-m", "gunicorn", "--config", "../serving/gunicorn.conf.py", "myproj.wsgi:application")


@pytest.mark.parametrize("command", [MANAGE, pytest.param(GUNICORN, marks=pytest.mark.posix("fcntl"))])
@pytest.mark.parametrize(("environment", "parts"), REFUSED)
def test_refused_in_one_sentence(
    python: Python, command: tuple[str, ...], environment: dict[str, str], parts: list[str]
) -> None:
    ended = python(*command, **{"SECRET_KEY": KEY, "PORT": str(free_port()), **environment})
    sentence = ended.stderr.splitlines()[-1]
    assert all(part in sentence for part in parts), ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr
    assert ended.returncode == 1


# Prints (status, headers, cookies) of each address, asked with each scheme through a proxy.
ASK = """
import json, django
from django.test import Client, override_settings
django.setup()
plain = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
         "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
said = {}
with override_settings(STORAGES=plain):
    for scheme in ("http", "https"):
        for path in ("/", "/admin/login/"):
            client = Client(HTTP_HOST="localhost:8000", HTTP_X_FORWARDED_PROTO=scheme)
            answer = client.get(path)
            cookies = [str(cookie) for cookie in answer.cookies.values()]
            said[scheme + path] = [answer.status_code, dict(answer.headers), cookies]
print(json.dumps(said))
"""


Site = Callable[[str], dict[str, Any]]


@pytest.fixture
def site(python: Python, sqlite: str) -> Site:
    """Return what the site answers with HTTPS on or off."""

    def answers(https: str) -> dict[str, Any]:
        ended = python("-c", ASK, SECRET_KEY=KEY, HTTPS=https, DATABASE_URL=sqlite)
        assert ended.returncode == 0, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    return answers


def test_https_redirects_plain_http_believes_the_proxy_and_secures_cookies(site: Site) -> None:
    answers = site("1")
    for path in ("/", "/admin/login/"):
        status, headers, _ = answers[f"http{path}"]
        assert (status, headers["Location"]) == (301, f"https://localhost:8000{path}")
    status, headers, cookies = answers["https/admin/login/"]
    assert (status, headers["Strict-Transport-Security"]) == (200, "max-age=31536000")
    assert cookies
    assert all("; Secure" in cookie for cookie in cookies)


def test_without_https_plain_http_works(site: Site) -> None:
    for status, headers, cookies in site("0").values():
        assert status == 200
        assert "Strict-Transport-Security" not in headers
        assert not any("Secure" in cookie for cookie in cookies)


def test_https_passes_the_deployment_check(python: Python, sqlite: str) -> None:
    check = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert python(*check, SECRET_KEY=KEY, HTTPS="1", DATABASE_URL=sqlite).returncode == 0
    assert python(*check, SECRET_KEY=KEY, HTTPS="0", DATABASE_URL=sqlite).returncode == 1
