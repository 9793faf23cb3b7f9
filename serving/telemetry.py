"""Sentry and OpenTelemetry, each by its own variables: SENTRY_DSN, OTEL_EXPORTER_OTLP_ENDPOINT, and the like."""

import os

from serving import needed

TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT"
PACKAGES = "opentelemetry-distro, opentelemetry-instrumentation-django[asgi] and opentelemetry-exporter-otlp-proto-http"


def trace() -> None:
    """Start OpenTelemetry, before the site is loaded; what sends for it begins again in each worker."""
    if not os.environ.get(TRACES):
        return
    # Not gRPC, which does not survive a fork: https://github.com/grpc/grpc/blob/master/doc/fork_support.md
    os.environ.setdefault("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    for module in ("distro", "instrumentation.django", "instrumentation.asgi", "exporter.otlp.proto.http"):
        needed.package(TRACES, f"opentelemetry.{module}", PACKAGES)
    from opentelemetry.instrumentation.auto_instrumentation import initialize

    initialize()


def report_errors() -> None:
    """Start Sentry in a worker, unless the site's own settings have started it."""
    import sentry_sdk

    if not sentry_sdk.get_client().is_active():
        sentry_sdk.init()
