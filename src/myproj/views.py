"""The one page of the site: what runs, and where."""

import functools
import platform

import django
from django.apps import apps
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from myproj import instructions

PLACES = {
    "host": "on this machine",
    "container": "in a container",
    "compose": "in a container, with Compose",
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the place, the versions and the Instructions List, its last step the one that served."""
    return HttpResponse(page(request.META.get("SERVER_SOFTWARE", "Server"), request.META["SERVER_PORT"]))


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Show where the icon is, for pages that do not say so, as the admin's."""
    return redirect(static("myproj/icon.svg"))


@functools.cache
def page(software: str, port: str) -> str:
    """Return the page, of which nothing changes while the process lives."""
    *done, served_by = instructions.for_place(settings.PLACE)
    server, _, version = software.partition("/")
    facts = {
        "Place": settings.PLACE,
        "Python": platform.python_version(),
        "Django": django.get_version(),
        server: version,
        "Port": port,
    }
    own = {f"/{app}/": apps.get_app_config(app).verbose_name for app in settings.APPS}
    context = {"where": PLACES[settings.PLACE], "facts": facts, "done": done, "served_by": served_by, "apps": own}
    return render_to_string("myproj/home.html", context)
