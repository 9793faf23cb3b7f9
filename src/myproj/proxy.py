"""The client's address and scheme, which a proxy in front tells, and nobody else may."""

import socket
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# Seconds until a name is looked up again: a proxy that was made anew has another address. Sooner for somebody who
# speaks as a proxy does: it may just have come.
KNOWN_FOR = 5.0
UNKNOWN_FOR = 0.1
TOLD = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")


class ProxyMiddleware:
    """Believe what the proxies of TRUSTED_PROXY say of the client, and forget what anybody else says of it.

    Without TRUSTED_PROXY nothing is done: then it is for the platform in front to drop these headers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.addresses: frozenset[str] = frozenset()
        self.looked_up = float("-inf")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set REMOTE_ADDR to the client's, or take the headers away, and return what the site answers."""
        if settings.TRUSTED_PROXY:
            meta = request.META
            client = meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
            if not self.trusts(meta.get("REMOTE_ADDR", ""), speaks_as_one=bool(client)):
                for header in TOLD:
                    meta.pop(header, None)
            elif client:
                meta["REMOTE_ADDR"] = client
        return self.get_response(request)

    def trusts(self, peer: str, speaks_as_one: bool) -> bool:
        """Return whether a peer is one of the trusted proxies."""
        old_after = UNKNOWN_FOR if speaks_as_one and peer not in self.addresses else KNOWN_FOR
        if time.monotonic() - self.looked_up > old_after:
            self.addresses = frozenset().union(*(addresses(name) for name in settings.TRUSTED_PROXY))
            self.looked_up = time.monotonic()
        return peer in self.addresses


def addresses(name: str) -> set[str]:
    """Return the addresses of a host by its name, or the one that is written."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()
