"""Sentry and OpenTelemetry, each by its own variables: SENTRY_DSN, OTEL_EXPORTER_OTLP_ENDPOINT, and the like."""

import os
import sys
from importlib.util import find_spec
from typing import Any

ERRORS, TRACES = "SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT"
PACKAGES = {
    "opentelemetry.distro": "opentelemetry-distro",
    "opentelemetry.instrumentation.django": "opentelemetry-instrumentation-django",
    "opentelemetry.instrumentation.asgi": "opentelemetry-instrumentation-django[asgi]",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
}


def trace(log: Any) -> None:
    """Start OpenTelemetry, before the site is loaded; what sends for it begins again in each worker."""
    if not os.environ.get(TRACES):
        return
    if missing := [package for module, package in PACKAGES.items() if not installed(module)]:
        log.warning("%s is set, but there are no traces without %s.", TRACES, " and ".join(missing))
        return
    # Not gRPC, which does not survive a fork: https://github.com/grpc/grpc/blob/master/doc/fork_support.md
    os.environ.setdefault("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    from opentelemetry.instrumentation.auto_instrumentation import initialize

    initialize()


def report_errors(log: Any) -> None:
    """Start Sentry in a worker, unless the site's own code has to do with it."""
    if not os.environ.get(ERRORS) or sys.modules.get("sentry_sdk"):
        return
    if not installed("sentry_sdk"):
        log.warning("%s is set, but no error is reported without sentry-sdk.", ERRORS)
        return
    import sentry_sdk

    sentry_sdk.init()


def installed(module: str) -> bool:
    """Return True if a module can be imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package around it
        return False
