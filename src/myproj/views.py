"""The one page of the site: what runs, and where."""

import os
import platform
import sys

import django
from django.apps import apps
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.views.decorators.http import require_safe
from django.views.defaults import server_error

from myproj import instructions

PLACES = {
    "host": "on this machine",
    "container": "in a container",
    "compose": "in a container, with Compose",
    "cluster": "in a container, one of several",
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the place, the versions and the Instructions List, its last step the one that served."""
    *done, served_by = instructions.for_place(settings.PLACE)
    # gunicorn names itself in the environment too, where an ASGI request does not.
    software = request.META.get("SERVER_SOFTWARE") or os.environ.get("SERVER_SOFTWARE", "Server")
    server, _, version = software.partition("/")
    facts = {
        "Place": settings.PLACE,
        "Python": platform.python_version(),
        "Django": django.get_version(),
        server: version,
        "Port": request.META["SERVER_PORT"],
    }
    own = {f"/{app}/": apps.get_app_config(app).verbose_name for app in settings.APPS}
    context = {
        "where": PLACES[settings.PLACE],
        "facts": facts,
        "done": done,
        "served_by": served_by,
        "apps": own,
        "probes": not settings.DEBUG,  # Django's own server, for development, has none
    }
    return render(request, "myproj/home.html", context)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon, for pages that do not name one, such as the admin's."""
    return redirect(static("myproj/icon.svg"))


def failed(request: HttpRequest) -> HttpResponse:
    """Return Django's page for an error, or 503 where the database failed: that passes, and is no fault of the code."""
    if isinstance(sys.exc_info()[1], (InterfaceError, OperationalError)):
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "5"})
    return server_error(request)
