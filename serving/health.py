"""Around a site: the probes /livez and /readyz, an id for each request, and bodies that come in chunks."""

import asyncio
import logging
import re
import uuid
from contextvars import ContextVar
from tempfile import SpooledTemporaryFile
from typing import Any

from asgiref.wsgi import WsgiToAsgi

MAX_CHUNKED = 10 * 1024**2  # bytes; compose/nginx.conf has the same limit for every body
request_id: ContextVar[str] = ContextVar("request_id", default="")
migrated = False  # stays true: the code of a process does not change
stopping = asyncio.Event()  # set in a worker that was asked to stop


def wsgi(application: Any) -> Any:
    """Wrap a WSGI application."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
        own = ("X-Request-ID", name_request(environ.get("HTTP_X_REQUEST_ID", "")))
        if answer := probe(environ["PATH_INFO"]):
            start_response(answer, [own, ("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
            return [f"{answer[4:]}\n".encode()]
        if "HTTP_TRANSFER_ENCODING" in environ and not buffer(environ):
            start_response("413 Content Too Large", [own, ("Connection", "close")])
            return []
        return application(environ, lambda status, headers, *error: start_response(status, [*headers, own], *error))

    return wrapped


def asgi(application: Any) -> Any:
    """Wrap an ASGI application."""
    probes = WsgiToAsgi(wsgi(None))  # type: ignore[no-untyped-call]

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:
        own = name_request(dict(scope.get("headers", ())).get(b"x-request-id", b"").decode("latin-1")).encode()

        async def send_named(message: dict[str, Any]) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", own)]
            await send(message)

        closing = asyncio.ensure_future(close_at_stop(send)) if scope["type"] == "websocket" else None
        probed = scope.get("path") in {"/livez", "/readyz"}
        try:
            await (probes(scope, receive, send) if probed else application(scope, receive, send_named))
        finally:
            if closing:
                closing.cancel()

    return wrapped


def stop(worker: Any) -> None:
    """Handle SIGTERM as the asgi worker does, and close its websockets."""
    worker.handle_exit_signal()
    stopping.set()


async def close_at_stop(send: Any) -> None:
    """Close a websocket when its worker stops; its client can then connect to another, and the application ends."""
    await stopping.wait()
    await send({"type": "websocket.close", "code": 1001})  # going away


def name_request(given: str) -> str:
    """Return the id that a proxy gave to a request, or a new one, and remember it for the log."""
    request_id.set(given if re.fullmatch(r"[\w.:-]{1,128}", given, re.ASCII) else uuid.uuid4().hex)
    return request_id.get()


def buffer(environ: dict[str, Any]) -> bool:
    """Read a body that comes in chunks, as Django reads none without a length; return False if it is too large."""
    body = SpooledTemporaryFile(max_size=2**20)  # noqa: SIM115 - it goes with the request
    while body.tell() <= MAX_CHUNKED and (piece := environ["wsgi.input"].read(2**16)):
        body.write(piece)
    environ |= {"CONTENT_LENGTH": str(body.tell()), "wsgi.input": body}
    return body.tell() <= MAX_CHUNKED and body.seek(0) == 0


def probe(path: str) -> str:
    """Return the answer to a probe, its status first, and nothing for any other path."""
    return "200 alive" if path == "/livez" else readiness() if path == "/readyz" else ""


def readiness() -> str:
    """Return whether the database answers and has every migration."""
    global migrated
    from django.db import Error, close_old_connections, connection

    close_old_connections()  # before and after, as Django does around a request
    try:
        connection.vendor == "unknown" or connection.cursor().execute("SELECT 1")  # unknown: the site has none
        if not migrated and (missing := missing_migrations()):
            logging.error("not ready: migrations are missing: %s", ", ".join(missing))
            return "503 migrations"
    except Error as error:
        logging.error("not ready: the database does not answer: %s", error)
        return "503 database"
    finally:
        close_old_connections()
    migrated = True
    return "200 ready"


def missing_migrations() -> list[str]:
    """Return the migrations that the database lacks; raises `django.db.Error` where it does not answer."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return [str(step) for step, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
