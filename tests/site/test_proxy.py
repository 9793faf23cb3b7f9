"""Who may say who the client is: the proxies of TRUSTED_PROXY, and nobody else."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from myproj import proxy
from myproj.proxy import ProxyMiddleware

PROXY, CLIENT, STRANGER = "172.18.0.5", "203.0.113.9", "172.18.0.77"


class Names:
    """A resolver whose names a test changes, and a clock that stands still unless told otherwise."""

    def __init__(self) -> None:
        self.known = {"proxy": [PROXY]}
        self.now = 1000.0
        self.asked = 0

    def getaddrinfo(self, name: str, *_: object, **__: object) -> list[Any]:
        self.asked += 1
        if name not in self.known:
            raise socket.gaierror(f"{name}: unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.known[name]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    return made


@pytest.fixture
def site(settings: Settings) -> ProxyMiddleware:
    """The middleware of a site behind `proxy`, whose answer is (client, scheme) as the site sees them."""
    settings.TRUSTED_PROXY = ["proxy"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    def seen(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{request.META['REMOTE_ADDR']} {request.scheme}")

    return ProxyMiddleware(seen)


def ask(site: ProxyMiddleware, peer: str, **headers: str) -> str:
    told = {f"HTTP_X_FORWARDED_{name}": value for name, value in headers.items()}
    return site(RequestFactory().get("/", REMOTE_ADDR=peer, **told)).content.decode()  # type: ignore[arg-type]


ASKED = [
    pytest.param(PROXY, {"FOR": CLIENT, "PROTO": "https"}, f"{CLIENT} https", id="the proxy is believed"),
    pytest.param(PROXY, {"FOR": CLIENT, "PROTO": "http"}, f"{CLIENT} http", id="also when it says http"),
    pytest.param(PROXY, {"FOR": f"10.6.6.6, {CLIENT}"}, f"{CLIENT} http", id="what the client itself said comes first"),
    pytest.param(PROXY, {}, f"{PROXY} http", id="a proxy that says nothing is the client"),
    pytest.param(STRANGER, {"FOR": CLIENT, "PROTO": "https"}, f"{STRANGER} http", id="a stranger is not believed"),
    pytest.param(STRANGER, {"PROTO": "https"}, f"{STRANGER} http", id="nor one who says half of it"),
    pytest.param(STRANGER, {}, f"{STRANGER} http", id="nor does silence help"),
]


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(("peer", "told", "seen"), ASKED)
def test_client_as_the_site_sees_it(site: ProxyMiddleware, peer: str, told: dict[str, str], seen: str) -> None:
    assert ask(site, peer, **told) == seen


def test_without_a_trusted_proxy_nothing_is_changed(names: Names, site: ProxyMiddleware, settings: Settings) -> None:
    settings.TRUSTED_PROXY = []
    assert ask(site, PROXY, FOR=CLIENT, PROTO="https") == f"{PROXY} https"
    assert names.asked == 0


def test_address_may_be_written_instead_of_a_name(settings: Settings, site: ProxyMiddleware) -> None:
    """Nothing stands in for the resolver here."""
    settings.TRUSTED_PROXY = ["no-such-name.invalid", "127.0.0.1", "::1"]
    assert ask(site, "127.0.0.1", FOR=CLIENT) == f"{CLIENT} http"
    assert ask(site, "::1", FOR=CLIENT) == f"{CLIENT} http"


def test_proxy_made_anew_is_believed_at_once_and_its_old_address_no_longer(names: Names, site: ProxyMiddleware) -> None:
    ask(site, PROXY, FOR=CLIENT)
    names.known["proxy"] = ["172.18.0.6"]
    names.now += 2 * proxy.UNKNOWN_FOR
    assert ask(site, "172.18.0.6", FOR=CLIENT) == f"{CLIENT} http"
    assert ask(site, PROXY, FOR=CLIENT) == f"{PROXY} http"


def test_address_is_forgotten_after_a_while(names: Names, site: ProxyMiddleware) -> None:
    ask(site, PROXY, FOR=CLIENT)
    del names.known["proxy"]
    assert ask(site, PROXY, FOR=CLIENT) == f"{CLIENT} http"
    names.now += 2 * proxy.KNOWN_FOR
    assert ask(site, PROXY, FOR=CLIENT) == f"{PROXY} http"


@pytest.mark.parametrize(("peer", "lookups"), [(PROXY, 1), (STRANGER, 1)])
def test_names_are_not_looked_up_for_each_request(names: Names, site: ProxyMiddleware, peer: str, lookups: int) -> None:
    for _ in range(100):
        ask(site, peer, FOR=CLIENT)
    assert names.asked == lookups
