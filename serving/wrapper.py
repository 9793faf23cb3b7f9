"""Around a site's application: the probes, an id for each request, and for WSGI bodies that come in chunks."""

import asyncio
import re
import signal
import uuid
from contextvars import ContextVar
from tempfile import SpooledTemporaryFile
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from asgiref.wsgi import WsgiToAsgi

from serving import health, metrics

MAX_CHUNKED = 10 * 1024**2  # bytes; compose/nginx.conf has the same limit for every body
request_id: ContextVar[str] = ContextVar("request_id", default="")
stopping = asyncio.Event()


def wsgi(application: Any) -> Any:
    """Wrap a WSGI application."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
        own = ("X-Request-ID", name_request(environ.get("HTTP_X_REQUEST_ID", "")))
        if probe := health.PROBES.get(environ["PATH_INFO"]):
            answer = probe()
            start_response(answer, [own, ("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [f"{answer[4:]}\n".encode()]
        if environ["PATH_INFO"] in metrics.PATHS:
            return metrics.page(environ, start_response)
        if "HTTP_TRANSFER_ENCODING" in environ and not buffer(environ):
            start_response("413 Content Too Large", [own, ("Connection", "close")])
            return []
        return application(environ, lambda status, headers, *error: start_response(status, [*headers, own], *error))

    return wrapped


def buffer(environ: dict[str, Any]) -> bool:
    """Read a body that comes in chunks, as Django reads none without a length; return False if it is too large."""
    body = SpooledTemporaryFile(max_size=2**20)  # noqa: SIM115 - it goes with the request
    while body.tell() <= MAX_CHUNKED and (piece := environ["wsgi.input"].read(2**16)):
        body.write(piece)
    environ |= {"CONTENT_LENGTH": str(body.tell()), "wsgi.input": body}
    return body.tell() <= MAX_CHUNKED and body.seek(0) == 0


def asgi(application: Any) -> Any:
    """Wrap an ASGI application."""
    own_pages = WsgiToAsgi(wsgi(None))
    paths = {*health.PROBES, *metrics.PATHS}

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:
        own = name_request(dict(scope.get("headers", ())).get(b"x-request-id", b"").decode("latin-1")).encode()

        async def send_named(message: dict[str, Any]) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", own)]
            await send(message)

        if scope["type"] == "http" and scope["path"] in paths:
            async with ThreadSensitiveContext():  # a thread of its own
                await own_pages(scope, receive, send)
            return
        closing = asyncio.ensure_future(close(send)) if scope["type"] == "websocket" else None
        try:
            await application(scope, receive, send_named)
        finally:
            if closing:
                closing.cancel()

    return wrapped


async def close(send: Any) -> None:
    """Close a websocket when its worker stops, with the code for a server that goes away."""
    await stopping.wait()
    await send({"type": "websocket.close", "code": 1001})


def close_websockets_at_stop(worker: Any) -> None:
    """Let SIGTERM close websockets too, as gunicorn's asgi worker would only wait for them until it is killed."""

    def stop() -> None:
        worker.handle_exit_signal()
        stopping.set()

    worker.loop.add_signal_handler(signal.SIGTERM, stop)


def name_request(given: str) -> str:
    """Return the id that a proxy gave to a request, or a new one, and remember it for the log."""
    request_id.set(given if re.fullmatch(r"[\w.:-]{1,128}", given, re.ASCII) else uuid.uuid4().hex)
    return request_id.get()
