"""What Locust does where there is no wrk: ask for the page, again and again.

Over a plain socket: Locust's own clients need as long for a request as the server, and would measure themselves.
"""

import re
import time
from urllib.parse import urlsplit

from gevent import socket
from load import REQUEST
from locust import User, task

HEAD = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\nContent-Length: (\d+)\r\n(?:.*?\r\n)??\r\n", re.DOTALL | re.IGNORECASE)


class Reader(User):
    """A browser that never waits, and keeps its connection for as long as the server does."""

    connection: socket.socket | None = None

    @task
    def pages(self) -> None:
        """Ask for the page a hundred times: between tasks, Locust takes its time."""
        for _ in range(100):
            start, answer, failure = time.perf_counter(), b"", None
            try:
                answer = self.ask()
            except (OSError, ValueError) as error:
                failure, self.connection = error, None
            took = (time.perf_counter() - start) * 1000
            self.environment.events.request.fire(
                request_type="GET",
                name="/",
                response_time=took,
                response_length=len(answer),
                exception=failure,
                context={},
            )

    def ask(self) -> bytes:
        """Return a whole answer; raises `ValueError` where it is none of status 200."""
        if self.connection is None:
            address = urlsplit(self.host)
            self.connection = socket.create_connection((address.hostname, address.port), timeout=5)
        self.connection.send(REQUEST)
        answer = b""
        while not (head := HEAD.match(answer)) or len(answer) < head.end() + int(head[2]):
            if not (more := self.connection.recv(65536)):
                raise ValueError("the connection ended before the answer did")
            answer += more
        if head[1] != b"200":
            raise ValueError(head[0].decode(errors="replace"))
        if b"\r\nConnection: close\r\n" in head[0]:
            self.connection.close()
            self.connection = None
        return answer
