"""What holds for any Django site, wherever it runs: it answers, its styles load, its probes work."""

from __future__ import annotations

import http.client
import os
import re
from collections.abc import Callable
from urllib.parse import urljoin

from support import Answer, get, stylesheets

READY_WITHIN = float(os.environ.get("INVOKE_READY_WITHIN") or 60)  # seconds, with the site's first migrations
NEEDS = [word for name in os.environ.get("SMOKE_NEEDS", "").split() for word in ("--with", name)]  # for `inv up`
FAULT = re.compile(r"Traceback \(most recent|\b(ERROR|CRITICAL|FATAL)\b|^\w*(Error|Exception)\b", re.MULTILINE)
MOST_REDIRECTS = 5
OTHER_HOST = "not.allowed.example"
Log = Callable[[], str]


def check_pages(url: str, log: Log) -> None:
    """Fail unless the first page, where it leads, and the admin's are no error, and have their styles."""
    for address, page in pages(url).items():
        assert page.status != 400 and page.status < 500, f"{address} answers {page.status}. The log:\n{log()}"
        sheets = [sheet.status for sheet in stylesheets(page, address)]
        assert set(sheets) <= {200}, f"The stylesheets of {address} answer {sheets}. The log:\n{log()}"


def pages(url: str) -> dict[str, Answer]:
    """Return by address the first page and those that it redirects to on this site, and the admin's first one."""
    found: dict[str, Answer] = {}
    address = f"{url}/"
    while address.startswith(f"{url}/") and address not in found and len(found) <= MOST_REDIRECTS:
        found[address] = get(address)
        address = urljoin(address, found[address].headers.get("Location", ""))
    admin = f"{url}/admin/login/"
    return {**found, admin: get(admin)}


def check_probes(url: str) -> None:
    """Fail unless both probes answer, whatever the name by which they are asked."""
    for probe, text in (("/livez", b"alive\n"), ("/readyz", b"ready\n")):
        answer = get(url + probe, Host=OTHER_HOST)
        assert (answer.status, answer.body) == (200, text)


def check_other_host(url: str, log: Log) -> None:
    """Fail if it is the server's error that somebody asks by a name that the site does not have."""
    status = get(url, Host=OTHER_HOST).status
    assert status < 500, f"Asked as {OTHER_HOST}, the site answers {status}. The log:\n{log()}"


def check_start(log: str) -> None:
    """Fail if the log of a start has what looks like an error."""
    assert not FAULT.search(log), log


class Unfinished:
    """A request of which the end is still to come. It comes in chunks: without a length, each server waits for it."""

    def __init__(self, port: int) -> None:
        self.client = http.client.HTTPConnection("localhost", port, timeout=30)
        self.client.putrequest("POST", "/")
        self.client.putheader("Content-Type", "application/x-www-form-urlencoded")
        self.client.putheader("Transfer-Encoding", "chunked")
        self.client.endheaders()
        self.client.send(b"2\r\na=\r\n")

    def finish(self) -> int:
        """Send the end, and return the status of the answer; raises an error of `http.client` if none comes."""
        self.client.send(b"1\r\n1\r\n0\r\n\r\n")
        return self.client.getresponse().status
