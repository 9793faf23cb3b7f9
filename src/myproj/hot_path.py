"""What gunicorn does anew for each request and need not: together a seventh of the requests that the site answers.

`inv bench`, "requests, no access log". Nothing that a client sees depends on it.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import wsgi


def shorten(cfg: Config) -> None:
    """Do these things once, in this worker.

    Its settings no longer change; as attributes they are looked up without a call, some thirty times a request.
    """
    vars(cfg).update((name, setting.get()) for name, setting in cfg.settings.items())
    util.http_date = dated(util.http_date)
    wsgi.Response = Response


def dated(http_date: Callable[[float], str]) -> Callable[[float | None], str]:
    """Return gunicorn's `http_date`, which writes the date of a second only once."""
    of_second = functools.lru_cache(maxsize=1)(http_date)

    def date(timestamp: float | None = None) -> str:
        return of_second(int(time.time() if timestamp is None else timestamp))

    return date


SMALL = 64 * 1024  # bytes of a body; a larger one is not worth the copy


class Pieces(list[bytes]):
    """What would have been sent."""

    sendall = list.append


class Response(wsgi.Response):  # type: ignore[misc]
    """gunicorn's response, whose head goes out with the beginning of its body and not in a packet of its own."""

    sock: Any
    headers_sent: bool

    def write(self, data: bytes) -> None:
        """Send a piece of the body, the first one behind the head."""
        if self.headers_sent or len(data) > SMALL:
            super().write(data)
            return
        sock = self.sock
        self.sock = pieces = Pieces()
        try:
            super().write(data)
        except BaseException:
            self.headers_sent = False  # so that gunicorn answers with its error
            raise
        finally:
            self.sock = sock
        sock.sendall(b"".join(pieces))
