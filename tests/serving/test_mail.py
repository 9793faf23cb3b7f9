"""Mail: what EMAIL_URL makes of a site's settings, and that it arrives at a server, with its password and encrypted."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from django.core.exceptions import ImproperlyConfigured

from serving import mail
from support import ROOT, free_port

OWN = "anymail.backends.mailgun.EmailBackend"
ENCRYPTED = {"EMAIL_HOST": "h", "EMAIL_HOST_USER": "", "EMAIL_HOST_PASSWORD": ""}

HOST = {"host": "h", "port": 25, "username": "", "password": "", "use_ssl": False, "use_tls": False}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EMAIL_URL", "DEFAULT_FROM_EMAIL"):
        monkeypatch.delenv(name, raising=False)


def followed(monkeypatch: pytest.MonkeyPatch, url: str, **settings: Any) -> dict[str, Any]:
    """Return the settings of mail of a site that had these."""
    if url:
        monkeypatch.setenv("EMAIL_URL", url)
    site = {"DEBUG": False, **settings}
    mail.follow(site)
    return {name: value for name, value in site.items() if "EMAIL" in name and name != "EMAIL_TIMEOUT"}


URLS = [
    ("smtp://h", {"EMAIL_PORT": 25, "EMAIL_USE_TLS": False, "EMAIL_USE_SSL": False}),
    ("smtp+tls://h", {"EMAIL_PORT": 587, "EMAIL_USE_TLS": True, "EMAIL_USE_SSL": False}),
    ("smtp+tls://h:2525", {"EMAIL_PORT": 2525, "EMAIL_USE_TLS": True, "EMAIL_USE_SSL": False}),
    ("smtps://h", {"EMAIL_PORT": 465, "EMAIL_USE_TLS": False, "EMAIL_USE_SSL": True}),
    ("smtps://h:587", {"EMAIL_PORT": 587, "EMAIL_USE_TLS": True, "EMAIL_USE_SSL": False}),
]


@pytest.mark.parametrize(("url", "settings"), URLS)
def test_scheme_says_the_port_and_the_encryption(
    monkeypatch: pytest.MonkeyPatch, url: str, settings: dict[str, Any]
) -> None:
    assert followed(monkeypatch, url) == {"EMAIL_BACKEND": mail.SMTP, **ENCRYPTED, **settings}


def test_user_and_password_may_have_any_character(monkeypatch: pytest.MonkeyPatch) -> None:
    found = followed(monkeypatch, "smtp+tls://me%40example.com:a%2Fb%3A%25@h")
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("me@example.com", "a/b:%")


STAYS = [
    pytest.param("smtp://h", {"EMAIL_HOST": "h", "EMAIL_PORT": 7}, id="read by the site itself"),
    pytest.param(
        "filemail:///tmp/mail", {"EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend"}, id="so"
    ),
    pytest.param("", {"EMAIL_HOST": "mail", "EMAIL_BACKEND": mail.SMTP}, id="without a URL"),
    pytest.param("", {}, id="with nothing"),
]


@pytest.mark.parametrize(("url", "settings"), STAYS)
def test_what_a_site_says_itself_stays(monkeypatch: pytest.MonkeyPatch, url: str, settings: dict[str, Any]) -> None:
    assert followed(monkeypatch, url, **settings) == settings


def test_backend_of_the_sites_own_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    found = followed(monkeypatch, "smtp://h", EMAIL_BACKEND=OWN)
    assert (found["EMAIL_BACKEND"], found["EMAIL_HOST"]) == (OWN, "h")


LOGGED = [
    ("console://", {"EMAIL_HOST": "mail"}, True),
    ("consolemail://", {}, True),
    ("", {"DEBUG": True}, True),
    ("", {"DEBUG": True, "EMAIL_HOST": "mail"}, False),
    ("", {"DEBUG": True, "EMAIL_BACKEND": OWN}, False),
    ("smtp://h", {"DEBUG": True}, False),
]


@pytest.mark.parametrize(("url", "settings", "logged"), LOGGED)
def test_mail_is_in_the_log(monkeypatch: pytest.MonkeyPatch, url: str, settings: dict[str, Any], logged: bool) -> None:
    assert (followed(monkeypatch, url, **settings).get("EMAIL_BACKEND") == mail.CONSOLE) == logged


STARTED = {"default": {"BACKEND": mail.CONSOLE}}  # as startproject of Django 6.1 has it
SENT = {"BACKEND": mail.SMTP, "OPTIONS": {"host": "mail"}}
MAILERS = [
    pytest.param("smtp://h", {}, STARTED, {**HOST, "timeout": 10}, id="URL"),
    pytest.param("smtp://h", {}, {"default": {"BACKEND": OWN}}, HOST, id="backend of its own"),
    pytest.param("smtp://h", {}, {}, {**HOST, "timeout": 10}, id="URL where there was none"),
    pytest.param("console://", {}, {"default": SENT}, {}, id="log"),
    pytest.param("", {}, {"default": SENT}, {"host": "mail", "timeout": 10}, id="as it says"),
    pytest.param("", {"DEBUG": True}, {"default": {}}, {}, id="debugging"),
]


@pytest.mark.parametrize(("url", "settings", "mailers", "options"), MAILERS)
def test_mailers_of_django_6(
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    settings: dict[str, Any],
    mailers: dict[str, Any],
    options: dict[str, Any],
) -> None:
    if url:
        monkeypatch.setenv("EMAIL_URL", url)
    site = {"DEBUG": False, "MAILERS": {**mailers, "other": SENT}, **settings}
    mail.follow(site)
    assert not [name for name in site if name.startswith("EMAIL_")]  # which Django refuses beside MAILERS
    assert site["MAILERS"]["other"] == SENT
    assert site["MAILERS"]["default"].get("OPTIONS", {}) == options
    backend = mailers.get("default", {}).get("BACKEND", mail.SMTP)
    assert site["MAILERS"]["default"]["BACKEND"] == (OWN if backend == OWN else mail.SMTP if options else mail.CONSOLE)


def test_site_that_sends_no_mail_has_no_mailer() -> None:
    site: dict[str, Any] = {"DEBUG": False, "MAILERS": {}}
    mail.follow(site)
    assert site == {"DEBUG": False, "MAILERS": {}}


def test_url_that_means_nothing_is_refused_of_mailers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_URL", "smtp.example.com")
    with pytest.raises(ImproperlyConfigured):
        mail.follow({"DEBUG": False, "MAILERS": STARTED})


def test_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_FROM_EMAIL", "shop@example.com")
    assert followed(monkeypatch, "") == {"DEFAULT_FROM_EMAIL": "shop@example.com", "SERVER_EMAIL": "shop@example.com"}


@pytest.mark.parametrize(
    "url", ["smtp.example.com", "smtp:///h", "smtp+ssl://h", "smtp://h:port", "http://h", "smtp://["]
)
def test_url_that_means_nothing_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as error:
        followed(monkeypatch, url)
    assert str(error.value) == mail.WRONG


class Mailbox:
    """What a server got."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[str], str]] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        text = envelope.content.decode()
        self.got.append((str(envelope.mail_from), [str(to) for to in envelope.rcpt_tos], text))
        return "250 taken"


@pytest.fixture(params=["smtp+tls", "smtps"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path, Mailbox]]:
    """A server that wants a password and encryption: its URL, the authority of its certificate, and its mailbox."""
    authority, box, port = trustme.CA(), Mailbox(), free_port()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")

    def knows(_: SMTP, __: Any, ___: Any, ____: str, who: LoginPassword) -> AuthResult:
        return AuthResult(success=(who.login, who.password) == (b"me@example.com", b"a/b"))

    needed: dict[str, Any] = {"authenticator": knows, "auth_required": True}
    if request.param == "smtps":
        needed |= {"ssl_context": context, "auth_require_tls": False}
    else:
        needed |= {"tls_context": context, "require_starttls": True}
    controller = Controller(box, hostname="localhost", port=port, **needed)
    controller.start()
    yield f"{request.param}://me%40example.com:a%2Fb@localhost:{port}", tmp_path / "ca.crt", box
    controller.stop()


def send(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Type Django's own `sendtestemail` for a site without settings of mail."""
    (tmp_path / "shop.py").write_text(
        "from serving import mail\nDEBUG, SECRET_KEY = False, 'k'\nmail.follow(globals())\n"
    )
    command = [sys.executable, "-m", "django", "sendtestemail", "you@example.com"]
    own = {
        "DJANGO_SETTINGS_MODULE": "shop",
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "DEFAULT_FROM_EMAIL": "shop@example.com",
    }
    return subprocess.run(command, env={**own, **environment}, capture_output=True, text=True, check=False)


def test_mail_arrives(server: tuple[str, Path, Mailbox], tmp_path: Path) -> None:
    url, authority, box = server
    sent = send(tmp_path, EMAIL_URL=url, SSL_CERT_FILE=str(authority))
    assert sent.returncode == 0, sent.stderr
    [(sender, receivers, text)] = box.got
    assert (sender, receivers) == ("shop@example.com", ["you@example.com"])
    assert "Subject: Test email" in text


def test_mail_does_not_go_to_who_cannot_prove_its_name(server: tuple[str, Path, Mailbox], tmp_path: Path) -> None:
    url, _, box = server
    sent = send(tmp_path, EMAIL_URL=url)
    assert "CERTIFICATE_VERIFY_FAILED" in sent.stderr
    assert box.got == []
