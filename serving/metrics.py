"""/metrics for Prometheus, of all workers together, for who has METRICS_TOKEN; where that is not set, there is none."""

import hmac
import os
import shutil
import tempfile
from importlib.util import find_spec
from typing import Any

from django.core.exceptions import ImproperlyConfigured

TOKEN = os.environ.get("METRICS_TOKEN", "")
PATHS = {"/metrics"} if TOKEN else set()
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # https://prometheus.github.io/client_python/multiprocess/
BEFORE, AFTER = (f"django_prometheus.middleware.Prometheus{when}Middleware" for when in ("Before", "After"))
made: list[str] = []


def prepare() -> None:
    """Let django-prometheus count, by view, method and status; call this before the site is loaded.

    Raises `ImproperlyConfigured` if it is not installed.
    """
    if FOLDER not in os.environ:
        made.append(tempfile.mkdtemp(prefix="metrics-"))
        os.environ[FOLDER] = made[0]
    if not find_spec("django_prometheus"):
        raise ImproperlyConfigured("METRICS_TOKEN needs django-prometheus among the packages of the site.")
    from django.conf import settings

    if BEFORE not in settings.MIDDLEWARE:
        settings.MIDDLEWARE = [BEFORE, *settings.MIDDLEWARE, AFTER]


def forget_worker(server: Any, worker: Any) -> None:
    """Leave out what is no longer true of a worker that ended; what it counted stays. gunicorn's `child_exit`."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def remove(server: Any) -> None:
    """Remove the files of the workers. gunicorn's `on_exit`."""
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


def page(environ: dict[str, Any], start_response: Any) -> Any:
    """Answer as a WSGI application."""
    from prometheus_client import CollectorRegistry, make_wsgi_app, multiprocess

    if not hmac.compare_digest(environ.get("HTTP_AUTHORIZATION", "").encode(), f"Bearer {TOKEN}".encode()):
        start_response("401 Unauthorized", [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")])
        return [b"METRICS_TOKEN is asked for, as `Authorization: Bearer TOKEN`.\n"]
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return make_wsgi_app(registry)(environ, start_response)
