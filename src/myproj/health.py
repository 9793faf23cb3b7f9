"""`/livez` and `/readyz`: whether the process answers, and whether it can do its work."""

import logging
from collections.abc import Callable

from django.db import Error
from django.http import HttpRequest, HttpResponse

from myproj import schema

logger = logging.getLogger(__name__)


class HealthMiddleware:
    """Answer the two health addresses, ahead of every check of Host, scheme or session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return 200 or 503 for a health address, else what the site answers."""
        if request.path_info == "/livez":
            return answer(200, "alive")
        if request.path_info == "/readyz":
            return readiness()
        return self.get_response(request)


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
