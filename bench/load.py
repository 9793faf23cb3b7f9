"""Ask a server for a page as fast as it answers, with wrk."""

from __future__ import annotations

import re

from engine import run

CONNECTIONS = 32
SECONDS = 1
TIMES = 3


def requests_per_second(port: int, path: str = "/") -> float:
    """Return the answers a second on connections that are kept, after a second that does not count.

    It is the mean of several times, as the processes of a server share new connections by chance, and keep them.
    """
    wrk(port, path, 1)
    return sum(wrk(port, path, SECONDS) for _ in range(TIMES)) / TIMES


def wrk(port: int, path: str, seconds: int) -> float:
    """Return the answers a second that wrk counted; raise `RuntimeError` if one was an error."""
    options = ("--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s", "--header=Host: localhost")
    output = run("wrk", *options, f"http://127.0.0.1:{port}{path}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if "Non-2xx" in output or not rate or not float(rate[1]):
        raise RuntimeError(output)
    return float(rate[1])
