"""Addresses that tests add to the site in the image: one that takes its time, one that hangs."""

import os
import time

from django.http import HttpRequest, HttpResponse
from django.urls import path

from myproj.urls import urlpatterns as site


def sleep(request: HttpRequest, seconds: int) -> HttpResponse:
    time.sleep(seconds)
    return HttpResponse(f"slept {seconds}")


def hang(request: HttpRequest) -> HttpResponse:
    while True:
        pass


def pid(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(os.getpid()))


urlpatterns = [*site, path("sleep/<int:seconds>", sleep), path("hang", hang), path("pid", pid)]
