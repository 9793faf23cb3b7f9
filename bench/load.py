"""Ask a server: as fast as it can answer, and beside clients that hold connections open."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

READERS = 32  # connections that ask at once
SECONDS = 2  # of asking; whoever closes every connection would soon run out of ports
HOST = "localhost"  # which the site allows, whatever the address
REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


def requests_per_second(address: Address) -> float:
    """Return the requests for `/` that are answered per second, each with 200.

    Raises `RuntimeError` when one is not.
    """
    return wrk(address) if shutil.which("wrk") else locust(address)


def wrk(address: Address) -> float:
    """Ask with wrk, which leaves most of the processor to the server."""
    options = ["--threads=1", f"--connections={READERS}", f"--duration={SECONDS}s", f"--header=Host: {HOST}"]
    said = run("wrk", *options, f"http://{address.host}:{address.port}/")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if "Non-2xx" in said or not rate:
        raise RuntimeError(said)
    return float(rate.group(1))


def locust(address: Address) -> float:
    """Ask with Locust, which is on PyPI."""
    file = Path(__file__).with_name("locustfile.py")
    options = ["--headless", "--json", f"--users={READERS}", f"--spawn-rate={READERS}", f"--run-time={SECONDS}s"]
    target = f"--host=http://{address.host}:{address.port}"
    said = run(sys.executable, "-m", "locust", f"--locustfile={file}", *options, target)
    (page,) = json.loads(said)
    if page["num_failures"]:
        raise RuntimeError(f"{page['num_failures']} of {page['num_requests']} requests failed")
    return float(page["num_requests"] / (page["last_request_timestamp"] - page["start_time"]))


def run(*argv: str) -> str:
    """Return what a command says; raises `RuntimeError` with its own words when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}\n{done.stdout}{done.stderr}")
    return done.stdout


def p99_beside_slow_clients(address: Address, clients: int = 1000, requests: int = 300) -> float:
    """Return the milliseconds in which 99 of 100 requests are answered while slow clients hold connections open.

    Half of those are silent, half send a byte of a header per second. Raises `TimeoutError` when a request
    is not answered within 5 s.
    """
    with contextlib.ExitStack() as held:
        slow = [held.enter_context(socket.create_connection(address)) for _ in range(clients)]
        for client in slow[::2]:
            client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        time.sleep(1)
        times, last = [], time.perf_counter()
        for _ in range(requests):
            start = time.perf_counter()
            ask(address)
            times.append(time.perf_counter() - start)
            if start - last > 1:
                last = start
                for client in slow[::2]:
                    with contextlib.suppress(OSError):
                        client.sendall(b"a")
            time.sleep(0.005)
    return sorted(times)[int(requests * 0.99)] * 1000


def ask(address: Address) -> bytes:
    """Ask for the page, and return how its answer begins; raises `TimeoutError` when none comes within 5 s."""
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        return connection.recv(64)
