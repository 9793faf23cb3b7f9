"""A form that Django refuses for its origin: say which one that was, and the line to write if it is yours."""

import logging
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.template import TemplateDoesNotExist, loader
from django.utils.html import format_html
from django.views.csrf import CSRF_FAILURE_TEMPLATE_NAME, csrf_failure

# How the reasons begin that are about an origin: https://github.com/django/django/blob/main/django/middleware/csrf.py
ABOUT_ORIGINS = ("Origin checking failed", "Referer checking failed")
PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>403 Forbidden</title>
<body style="font: 1rem/1.5 sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere">
<h1>Forbidden</h1>
<p>This form came from <code>{}</code>, and the site takes forms from <code>{}</code>.</p>
<p>If this is your site and you trust that, write <code>{}</code> in <code>.env</code> and restart it.</p>
"""


def failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that was refused with 403, on the site's own page for it (403_csrf.html) if it has one."""
    seen = origin(request)
    if not seen or not reason.startswith(ABOUT_ORIGINS):
        return csrf_failure(request, reason)
    trusted = [f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS]
    line = remedy(request, seen)
    logging.getLogger("django.security.csrf").warning(
        "A form came from %s, and the site takes forms from %s. If you trust that, write %s in .env and restart.",
        seen,
        ", ".join(trusted),
        line,
    )
    try:
        loader.get_template(CSRF_FAILURE_TEMPLATE_NAME)
    except TemplateDoesNotExist:
        page = format_html(PAGE, seen, ", ".join(trusted), line)
        return HttpResponseForbidden(page, headers={"Content-Security-Policy": "style-src 'unsafe-inline'"})
    return csrf_failure(request, reason)


def origin(request: HttpRequest) -> str:
    """Return the scheme and host of the page with the form, or "" where the browser does not say."""
    url = urlsplit(request.headers.get("Origin") or request.headers.get("Referer") or "")
    return f"{url.scheme}://{url.netloc}" if url.scheme and url.netloc else ""


def remedy(request: HttpRequest, seen: str) -> str:
    """Return the line for `.env`: HTTPS=1 if a proxy in front speaks https and nobody told the site."""
    told = request.headers.get("X-Forwarded-Proto") == "https"
    if told and not request.is_secure() and seen == f"https://{request.get_host()}":
        return "HTTPS=1"
    return f"CSRF_TRUSTED_ORIGINS={','.join([*settings.CSRF_TRUSTED_ORIGINS, seen])}"
