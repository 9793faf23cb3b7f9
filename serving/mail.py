"""Mail goes where EMAIL_URL says, unless the site has read that itself; while debugging, without one, into the log."""

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SMTP, CONSOLE = (f"django.core.mail.backends.{name}.EmailBackend" for name in ("smtp", "console"))
# https://datatracker.ietf.org/doc/html/rfc8314#section-7.3
PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
TIMEOUT = 10  # seconds; Django's own is for ever, with a thread of the server
WRONG = "EMAIL_URL is none: write smtp+tls://USER:PASSWORD@HOST, smtps:// or smtp://, or console://."


def follow(site: dict[str, Any]) -> None:
    """Change a site's settings, by name; raises `ImproperlyConfigured` for a URL that means nothing."""
    backend = site.get("EMAIL_BACKEND", SMTP)
    if sender := os.environ.get("DEFAULT_FROM_EMAIL"):
        site |= {"DEFAULT_FROM_EMAIL": sender, "SERVER_EMAIL": sender}
    if url := os.environ.get("EMAIL_URL"):
        found = read(url)
        if found is None and backend == SMTP and "EMAIL_HOST" not in site:
            raise ImproperlyConfigured(WRONG)  # without the value, which may hold a password
        if found and site.get("EMAIL_HOST", "") != found.get("EMAIL_HOST"):
            own = {} if backend.startswith("django.core.mail.") else {"EMAIL_BACKEND": backend}
            site |= found | own
    elif site["DEBUG"] and backend == SMTP and "EMAIL_HOST" not in site:
        site["EMAIL_BACKEND"] = CONSOLE
    site.setdefault("EMAIL_TIMEOUT", TIMEOUT)


def read(url: str) -> dict[str, Any] | None:
    """Return the settings of a URL, or None if it is none of ours."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme in {"console", "consolemail"}:
        return {"EMAIL_BACKEND": CONSOLE}
    if parts.scheme not in PORTS or not parts.hostname:
        return None
    from_the_start = parts.scheme == "smtps" and port != PORTS["smtp+tls"]
    return {
        "EMAIL_BACKEND": SMTP,
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": from_the_start,
        "EMAIL_USE_TLS": parts.scheme != "smtp" and not from_the_start,
    }
