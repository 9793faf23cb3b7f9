"""One request before the first: what Django loads when it is first asked is loaded before the fork."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.db import connections
from gunicorn import SERVER_SOFTWARE


def warm(application: Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]) -> None:
    """Ask the site for its first page as gunicorn will, and forget the answer."""
    environ: dict[str, Any] = {"HTTP_HOST": "localhost", "SERVER_PORT": str(settings.PORT), "wsgi.input": BytesIO()}
    environ["SERVER_SOFTWARE"] = SERVER_SOFTWARE
    setup_testing_defaults(environ)
    answer = application(environ, lambda *_: None)
    try:
        b"".join(answer)
    finally:
        getattr(answer, "close", lambda: None)()
    # The workers are forked from this process and must not share its connections, nor what keeps them.
    for connection in connections.all(initialized_only=True):
        connection.close()
        getattr(connection, "close_pool", lambda: None)()
