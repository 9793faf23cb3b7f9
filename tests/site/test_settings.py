"""The settings as a whole, in a Python of their own: combinations of variables, and what the site makes of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from support import one_sentence

Anew = Callable[..., subprocess.CompletedProcess[str]]

KEY = "only-for-tests-" + "0123456789" * 4

PRINT = """
import json
from django.conf import settings
names = ["DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "PORT", "PLACE"]
print(json.dumps({name: getattr(settings, name) for name in names}))
"""


@pytest.fixture
def read(anew: Anew) -> Callable[..., dict[str, Any]]:
    """Return the settings with these variables, and a key unless told otherwise."""

    def settings(**environment: str) -> dict[str, Any]:
        ended = anew(PRINT, **{"SECRET_KEY": KEY, **environment})
        assert ended.returncode == 0, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    return settings


LOCAL = ["localhost", "127.0.0.1", "[::1]"]
SETTINGS = [
    pytest.param({}, {"DEBUG": False, "SECRET_KEY": KEY, "PORT": 8000, "PLACE": "host"}, id="by default"),
    pytest.param({"DEBUG": "1"}, {"DEBUG": True, "SECRET_KEY": KEY}, id="debugging keeps the key"),
    pytest.param({}, {"ALLOWED_HOSTS": LOCAL, "CSRF_TRUSTED_ORIGINS": []}, id="this machine alone is allowed"),
    pytest.param(
        {"ALLOWED_HOST": ".example.com"}, {"ALLOWED_HOSTS": [*LOCAL, ".example.com"]}, id="as the tutorial spells it"
    ),
    pytest.param(
        {"ALLOWED_HOST": "a.example", "ALLOWED_HOSTS": "b.example, c.example"},
        {"ALLOWED_HOSTS": [*LOCAL, "a.example", "b.example", "c.example"]},
        id="both spellings together",
    ),
    pytest.param(
        {"CSRF_TRUSTED_ORIGINS": "https://a.example"}, {"CSRF_TRUSTED_ORIGINS": ["https://a.example"]}, id="an origin"
    ),
    pytest.param({"PORT": "6545", "PLACE": "compose"}, {"PORT": 6545, "PLACE": "compose"}, id="port and place"),
]


@pytest.mark.parametrize(("environment", "settings"), SETTINGS)
def test_settings(read: Callable[..., dict[str, Any]], environment: dict[str, str], settings: dict[str, Any]) -> None:
    found = read(**environment)
    assert {name: found[name] for name in settings} == settings


# What a variable makes of settings that cannot be printed as they are.
DERIVED = """
import json
from django.conf import settings
database = settings.DATABASES["default"]
print(json.dumps({
    "age": database["CONN_MAX_AGE"],
    "checked": database["CONN_HEALTH_CHECKS"],
    "options": database.get("OPTIONS", {}),
    "tasks": settings.TASKS["default"]["BACKEND"],
    "scheme": settings.SECURE_PROXY_SSL_HEADER,
    "redirect": settings.SECURE_SSL_REDIRECT,
}))
"""
POOL = {"min_size": 1, "max_size": 8, "timeout": 3, "reconnect_timeout": 1}
POSTGRES = "postgres://user:p@host/name"
FORWARDED = ["HTTP_X_FORWARDED_PROTO", "https"]
VARIABLES = [
    pytest.param(
        {"DATABASE_URL": POSTGRES}, {"age": 0, "checked": True, "options": {"pool": POOL}}, id="a pool for PostgreSQL"
    ),
    pytest.param(
        {"DATABASE_URL": f"{POSTGRES}?sslmode=require"},
        {"options": {"sslmode": "require", "pool": POOL}},
        id="besides the URL's own options",
    ),
    pytest.param({}, {"tasks": "django_tasks.backends.immediate.ImmediateBackend"}, id="no worker by default"),
    pytest.param({"WORKER": "1"}, {"tasks": "django_tasks_db.DatabaseBackend"}, id="a worker"),
    pytest.param({}, {"scheme": None, "redirect": False}, id="no proxy is believed by default"),
    pytest.param({"TRUSTED_PROXY": "proxy"}, {"scheme": FORWARDED, "redirect": False}, id="a trusted proxy"),
    pytest.param({"HTTPS": "1"}, {"scheme": FORWARDED, "redirect": True}, id="https without naming the proxy"),
]


@pytest.mark.parametrize(("environment", "derived"), VARIABLES)
def test_settings_that_follow_from_a_variable(anew: Anew, environment: dict[str, str], derived: dict[str, Any]) -> None:
    ended = anew(DERIVED, SECRET_KEY=KEY, **environment)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert {name: found[name] for name in derived} == derived


def test_postgresql_is_loaded_with_its_pool(anew: Anew) -> None:
    code = "import django; django.setup(); from django.db import connection; print(connection.pool.max_size)"
    ended = anew(code, SECRET_KEY=KEY, DATABASE_URL=POSTGRES)
    assert ended.stdout == "8\n", ended.stderr


def test_debugging_needs_no_key(read: Callable[..., dict[str, Any]]) -> None:
    assert read(DEBUG="true", SECRET_KEY="")["SECRET_KEY"].startswith("django-insecure-")


REFUSED = [
    pytest.param(
        {"SECRET_KEY": ""}, ["SECRET_KEY is missing", "`inv env --set SECRET_KEY`", "--env SECRET_KEY=…"], id="no key"
    ),
    pytest.param({"SECRET_KEY": "", "DEBUG": "0"}, ["SECRET_KEY is missing"], id="no key, and not debugging"),
    pytest.param({"DEBUG": "maybe"}, ["DEBUG is 'maybe'", "1 (on) or 0 (off)"], id="DEBUG=maybe"),
    pytest.param({"HTTPS": "perhaps"}, ["HTTPS is 'perhaps'", "1 (on) or 0 (off)"], id="HTTPS=perhaps"),
    pytest.param({"PORT": "abc"}, ["PORT is 'abc'", "1 to 65535"], id="PORT=abc"),
    pytest.param({"PLACE": "mars"}, ["PLACE is 'mars'", "host, container, compose"], id="PLACE=mars"),
    pytest.param(
        {"CSRF_TRUSTED_ORIGINS": "a.example"},
        ["CSRF_TRUSTED_ORIGINS", "https://a.example"],
        id="an origin without scheme",
    ),
    pytest.param(
        {"DATABASE_URL": "postgers://user:hunter2@host/name"},
        ["DATABASE_URL is not a database URL"],
        id="a wrong database",
    ),
]

MANAGE = "import sys, runpy; sys.argv = ['manage.py', 'check']; runpy.run_path('manage.py', run_name='__main__')"
GUNICORN = "import sys; sys.argv = ['gunicorn', 'myproj.wsgi:application']; from gunicorn.app.wsgiapp import run; run()"
FCNTL = pytest.mark.posix("fcntl")

PROGRAMS = [
    *(pytest.param(MANAGE, *row.values, id=f"manage.py, {row.id}") for row in REFUSED),
    *(pytest.param(GUNICORN, *row.values, id=f"gunicorn, {row.id}", marks=FCNTL) for row in REFUSED[:3]),
]


@pytest.mark.parametrize(("program", "environment", "said"), PROGRAMS)
def test_refused_in_one_sentence(anew: Anew, program: str, environment: dict[str, str], said: list[str]) -> None:
    ended = anew(program, **{"SECRET_KEY": KEY, **environment})
    sentence = one_sentence(ended.stderr)
    assert all(part in sentence for part in said)
    assert "hunter2" not in ended.stdout + ended.stderr
    assert ended.returncode == 1


# Asks the site as a client of a proxy does, and prints (status, headers) of each address, by scheme.
ASK = """
import json, django
from django.test import Client, override_settings
django.setup()
plain = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
         "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
said = {}
with override_settings(STORAGES=plain):
    for scheme in ("http", "https"):
        for path in ("/", "/livez", "/readyz", "/admin/login/"):
            client = Client(HTTP_HOST="localhost:8000", HTTP_X_FORWARDED_PROTO=scheme)
            answer = client.get(path)
            cookies = [str(cookie) for cookie in answer.cookies.values()]
            said[scheme + path] = [answer.status_code, dict(answer.headers), cookies]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def asked() -> dict[str, dict[str, Any]]:
    return {}


@pytest.fixture
def site(anew: Anew, sqlite: str, asked: dict[str, dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    """Return what the site answers with HTTPS on or off; each is asked once."""

    def answers(https: str) -> dict[str, Any]:
        if https not in asked:
            ended = anew(ASK, SECRET_KEY=KEY, HTTPS=https, DATABASE_URL=sqlite)
            assert ended.returncode == 0, ended.stderr
            asked[https] = json.loads(ended.stdout)
        return asked[https]

    return answers


Site = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("path", ["/", "/admin/login/"])
def test_with_https_plain_http_is_redirected(site: Site, path: str) -> None:
    status, headers, _ = site("1")[f"http{path}"]
    assert (status, headers["Location"]) == (301, f"https://localhost:8000{path}")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_with_https_health_is_never_redirected(site: Site, scheme: str, path: str) -> None:
    status, headers, _ = site("1")[f"{scheme}{path}"]
    assert status in (200, 503)
    assert "Location" not in headers


def test_with_https_the_proxy_is_believed(site: Site) -> None:
    status, headers, _ = site("1")["https/"]
    assert status == 200
    assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_with_https_cookies_are_secure(site: Site) -> None:
    _, _, cookies = site("1")["https/admin/login/"]
    assert cookies
    assert all("; Secure" in cookie for cookie in cookies)


def test_without_https_plain_http_works(site: Site) -> None:
    for answer in ("http/", "http/admin/login/", "https/"):
        status, headers, cookies = site("0")[answer]
        assert status == 200
        assert "Strict-Transport-Security" not in headers
        assert not any("Secure" in cookie for cookie in cookies)


CHECK = "import sys; sys.argv = ['manage.py', 'check', '--deploy', '--fail-level', 'WARNING']; import runpy; "
CHECK += "runpy.run_path('manage.py', run_name='__main__')"


def test_with_https_the_deployment_check_passes(anew: Anew, sqlite: str) -> None:
    assert anew(CHECK, SECRET_KEY=KEY, HTTPS="1", DATABASE_URL=sqlite).returncode == 0
    assert anew(CHECK, SECRET_KEY=KEY, HTTPS="0", DATABASE_URL=sqlite).returncode == 1
