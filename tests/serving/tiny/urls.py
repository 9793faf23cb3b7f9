"""Views of every kind. Those that wait do so until the file that GO names is there, and note that they began."""

import asyncio
import os
from pathlib import Path

from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from .models import rest

GO = Path(os.environ["GO"])


def database(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{Session.objects.count()} sessions")


@csrf_exempt
def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.POST["text"])


def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a mistake of the site")


def worker(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(os.getpid()))


async def waits(request: HttpRequest) -> HttpResponse:
    GO.with_name("began").touch()
    while not GO.exists():
        await asyncio.sleep(0.02)
    return HttpResponse("waited")


def sleeps(request: HttpRequest) -> HttpResponse:
    GO.with_name("began").touch()
    while not GO.exists():
        rest()
    return HttpResponse("slept")


urlpatterns = [path(view.__name__, view) for view in (database, form, fails, worker, waits, sleeps)]
