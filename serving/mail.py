"""Mail goes where EMAIL_URL says, unless the site has read that itself; while debugging, without one, into the log.

A site says where in EMAIL_HOST and others or, from Django 6.1 on, in MAILERS:
https://docs.djangoproject.com/en/stable/ref/settings/#mailers
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SMTP, CONSOLE = (f"django.core.mail.backends.{name}.EmailBackend" for name in ("smtp", "console"))
# https://datatracker.ietf.org/doc/html/rfc8314#section-7.3
PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
TIMEOUT = 10  # seconds; Django's own is for ever, with a thread of the server
WRONG = "EMAIL_URL cannot be read: write smtp+tls://USER:PASSWORD@HOST, smtps:// or smtp://, or console://."
# The settings of old that are options of a mailer.
SETTINGS = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_ssl": "EMAIL_USE_SSL",
    "use_tls": "EMAIL_USE_TLS",
}
Mailer = dict[str, Any]  # an entry of MAILERS


def follow(site: dict[str, Any]) -> None:
    """Change a site's settings, by name; raises `ImproperlyConfigured` for a URL that means nothing."""
    if sender := os.environ.get("DEFAULT_FROM_EMAIL"):
        site |= {"DEFAULT_FROM_EMAIL": sender, "SERVER_EMAIL": sender}
    if "MAILERS" in site:
        if mailer := followed(site["MAILERS"].get("default", {}), site["DEBUG"]):
            if mailer.get("BACKEND", SMTP) == SMTP:
                mailer = {**mailer, "OPTIONS": {"timeout": TIMEOUT, **mailer.get("OPTIONS", {})}}
            site["MAILERS"] = {**site["MAILERS"], "default": mailer}
        return
    options = {option: site[name] for option, name in SETTINGS.items() if name in site}
    before = {"BACKEND": site.get("EMAIL_BACKEND", SMTP), "OPTIONS": options}
    mailer = followed(before, site["DEBUG"])
    if mailer != before:
        options = mailer["OPTIONS"]
        site |= {"EMAIL_BACKEND": mailer["BACKEND"], **{SETTINGS[name]: value for name, value in options.items()}}
    site.setdefault("EMAIL_TIMEOUT", TIMEOUT)


def followed(mailer: Mailer, debug: bool) -> Mailer:
    """Return where mail goes instead of where the site says; raises `ImproperlyConfigured` as `follow` does."""
    backend, options = mailer.get("BACKEND", SMTP), mailer.get("OPTIONS", {})
    says_nothing = backend in {SMTP, CONSOLE} and "host" not in options
    if url := os.environ.get("EMAIL_URL"):
        found = read(url)
        if found is None and says_nothing:
            raise ImproperlyConfigured(WRONG)  # without the value, which may hold a password
        if found and options.get("host", "") != found["OPTIONS"].get("host"):
            own = not backend.startswith("django.core.mail.")
            return {**mailer, "OPTIONS": {**options, **found["OPTIONS"]}} if own else found
    elif debug and backend == SMTP and says_nothing:
        return {"BACKEND": CONSOLE, "OPTIONS": {}}
    return mailer


def read(url: str) -> Mailer | None:
    """Return the mailer of a URL, or None if it is none of ours."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme in {"console", "consolemail"}:
        return {"BACKEND": CONSOLE, "OPTIONS": {}}
    if parts.scheme not in PORTS or not parts.hostname:
        return None
    from_the_start = parts.scheme == "smtps" and port != PORTS["smtp+tls"]
    options = {
        "host": parts.hostname,
        "port": port,
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_ssl": from_the_start,
        "use_tls": parts.scheme != "smtp" and not from_the_start,
    }
    return {"BACKEND": SMTP, "OPTIONS": options}
