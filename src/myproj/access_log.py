"""One line per request: who, what, status, bytes, milliseconds."""

import sys
from collections import deque
from datetime import timedelta
from threading import Lock, Timer
from typing import Any, BinaryIO

from gunicorn.config import AccessLogFormat
from gunicorn.glogging import Logger

DELAY = 0.02  # seconds; what a person does not notice, and some thirty requests share
ATOMIC = 4096  # bytes; what a pipe takes in one piece beside what other workers write, PIPE_BUF in pipe(7)


class Lines:
    """Lines on their way to a stream, a few at a time.

    Each write into a container's log wakes two processes of the engine. With one write per request, they took a
    quarter of the requests that the site answers (`inv bench`, "requests, access log").
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.waiting: deque[bytes] = deque()
        self.timed = False
        self.writing = Lock()  # threads, where they serve, would overtake each other

    def add(self, line: str) -> None:
        """Take a line; it is written within `DELAY`."""
        self.waiting.append(line.encode("utf-8", "backslashreplace") + b"\n")
        if not self.timed:
            self.timed = True
            Timer(DELAY, self.flush).start()

    def flush(self) -> None:
        """Write what waits, in order, and no line in two pieces."""
        with self.writing:
            self.timed = False
            piece = b""
            while self.waiting:
                line = self.waiting.popleft()
                if len(piece) + len(line) > ATOMIC:
                    self.write(piece)
                    piece = b""
                piece += line
            self.write(piece)

    def write(self, piece: bytes) -> None:
        """Write a piece, and not together with the next one: the stream may have a buffer larger than a piece."""
        self.stream.write(piece)
        self.stream.flush()


class AccessLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger; its access line is made of what it shows, and not of all that it could.

    gunicorn's own collects the date and every header before it formats: a third of the time of a small request.
    It still does so for whoever asks for another format, for a file, for syslog or for a logging configuration.
    """

    def setup(self, cfg: Any) -> None:
        """Take the settings; gunicorn calls this, at the start and at a reload."""
        super().setup(cfg)
        self.lines = Lines(sys.stdout.buffer)
        elsewhere = cfg.syslog or cfg.logconfig or cfg.logconfig_dict or cfg.logconfig_json
        self.plain = cfg.accesslog == "-" and cfg.access_log_format == AccessLogFormat.default and not elsewhere

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Write the line of a request that was answered."""
        if not self.plain:
            super().access(resp, req, environ, request_time)
            return
        self.lines.add(
            f'{environ.get("REMOTE_ADDR", "-")} "{environ["REQUEST_METHOD"]} {environ.get("RAW_URI", "-")}" '
            f"{resp.status_code} {resp.sent} {request_time.total_seconds() * 1000:.1f}ms"
        )
