"""Whether the process answers (`/livez`), and whether it can do its work: `/readyz`, and 503 where it cannot."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from myproj import schema

logger = logging.getLogger(__name__)


RETRY_AFTER = 5  # seconds


class HealthMiddleware:
    """Answer the two health addresses, ahead of every check of Host, scheme or session, and 503 without a database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return 200 or 503 for a health address, else what the site answers."""
        if request.path_info == "/livez":
            return answer(200, "alive")
        if request.path_info == "/readyz":
            return readiness()
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return 503 where it is the database that failed: that passes, and is no fault of the code."""
        if settings.DEBUG or not isinstance(exception, (OperationalError, InterfaceError)):
            return None
        logger.error("not answered: %s %s: the database failed: %s", request.method, request.path, exception)
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(RETRY_AFTER)})


def readiness() -> HttpResponse:
    """Return 200 when the database answers and no migration is missing, else 503 and the one word."""
    try:
        missing = schema.missing()
    except Error as error:
        logger.error("not ready: the database does not answer: %s", error)
        return answer(503, "database")
    if missing:
        logger.error("not ready: migrations are missing: %s", ", ".join(missing))
        return answer(503, "migrations")
    return answer(200, "ready")


def answer(status: int, word: str) -> HttpResponse:
    """Return a one-word answer that no cache keeps."""
    body = f"{word}\n"
    return HttpResponse(
        body,
        status=status,
        content_type="text/plain",
        headers={"Cache-Control": "no-store", "Content-Length": str(len(body))},
    )
