"""As `startproject` writes it, and each call is noted."""

from typing import Any

from django.core.wsgi import get_wsgi_application

from .calls import note

site = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    note()
    return site(environ, start_response)
