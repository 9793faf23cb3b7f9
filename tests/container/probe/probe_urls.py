"""Addresses that tests add to the site in the image: one that takes its time, one that hangs, and what is inside."""

import gc
import os
import time

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from gunicorn.http import wsgi

from myproj import access_log, views
from myproj.urls import urlpatterns as site

# How long lines wait for others, where a test asks for more than a moment.
access_log.DELAY = float(os.environ.get("LOG_DELAY", access_log.DELAY))


def sleep(request: HttpRequest, seconds: int) -> HttpResponse:
    time.sleep(seconds)
    return HttpResponse(f"slept {seconds}")


def hang(request: HttpRequest) -> HttpResponse:
    while True:
        pass


def pid(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(os.getpid()))


def worker(request: HttpRequest) -> HttpResponse:
    """Say how the worker stands that answers this."""
    return JsonResponse(
        {
            "pid": os.getpid(),
            "garbage is looked for": gc.isenabled(),
            "but not in what was loaded": gc.get_freeze_count() > 10_000,
            "answers in one piece": wsgi.Response.__module__ == "myproj.hot_path",
            "pages made": views.page.cache_info().misses,
        }
    )


urlpatterns = [*site, path("sleep/<int:seconds>", sleep), path("hang", hang), path("pid", pid), path("worker", worker)]
