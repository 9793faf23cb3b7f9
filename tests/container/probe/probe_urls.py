"""Addresses that tests add to the site in the image: one that takes its time, one that hangs."""

import os
import time

from django.http import HttpRequest, HttpResponse
from django.urls import path

from myproj import access_log
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


urlpatterns = [*site, path("sleep/<int:seconds>", sleep), path("hang", hang), path("pid", pid)]
