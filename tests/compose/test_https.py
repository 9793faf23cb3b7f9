"""`inv up --with https`: one name, and the site is there with https, takes its own forms and knows its clients."""

from __future__ import annotations

import http.cookiejar
import os
import re
import secrets
import ssl
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError

import pytest

from stack import containers, docker, scope, up
from support import free_port, get, inv, one_sentence, run, wait_until

HTTP, HTTPS = free_port(), free_port()
PORTS = {"INVOKE_UP_HTTP_PORT": str(HTTP), "INVOKE_UP_HTTPS_PORT": str(HTTPS)}
URL = f"https://localhost:{HTTPS}"


@pytest.fixture(scope="module")
def browser() -> Iterator[urllib.request.OpenerDirector]:
    """Bring two replicas up, and trust the authority that Caddy made."""
    file = Path(os.environ["INVOKE_ENV_FILE"])
    inv("env")
    before = file.read_text()
    inv("env", "--set", "DOMAIN=localhost")
    up("--with", "https", "--scale", "web=2", **PORTS)
    (caddy,) = containers("https")
    authority = docker("exec", caddy, "cat", "/data/caddy/pki/authorities/local/root.crt")
    yield urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=authority)),
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
    )
    inv("down", "--volumes")
    file.write_text(before)


def post(browser: urllib.request.OpenerDirector, origin: str) -> int:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.open(f"{URL}/board/").read().decode())
    assert found
    form = urllib.parse.urlencode({"text": secrets.token_hex(4), "csrfmiddlewaretoken": found[1]}).encode()
    status: int = browser.open(urllib.request.Request(f"{URL}/board/", form, {"Origin": origin})).status
    return status


def test_without_a_name_it_says_what_to_set() -> None:
    assert "DOMAIN=localhost to try it" in one_sentence(inv("up", "--with", "https").stderr)


def test_only_caddy_is_published_and_http_leads_to_https(browser: urllib.request.OpenerDirector) -> None:
    assert [docker("port", web) for web in containers("web")] == ["", ""]
    redirected = get(f"http://localhost:{HTTP}/board/?page=1")
    assert (redirected.status, redirected.headers["Location"]) == (301, f"{URL}/board/?page=1")
    assert browser.open(redirected.headers["Location"]).status == 200


def test_own_form_is_taken_and_another_is_told_what_to_write(browser: urllib.request.OpenerDirector) -> None:
    assert post(browser, URL) == 200
    with pytest.raises(HTTPError) as refused:
        post(browser, "https://shop.example")
    line = "CSRF_TRUSTED_ORIGINS=https://localhost,https://shop.example"
    assert refused.value.code == 403
    assert f"<code>{line}</code>" in refused.value.read().decode()
    wait_until(lambda: f"write {line} in .env" in log(), 10)


def test_client_cannot_choose_its_address_and_what_is_trusted_in_front_may(
    browser: urllib.request.OpenerDirector,
) -> None:
    forwarded = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https"}
    browser.open(urllib.request.Request(f"{URL}/?alone", headers=forwarded))
    gateway = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", f"{scope()}_default")
    wait_until(lambda: "/?alone" in log(), 10)
    assert re.search(rf"^{re.escape(gateway)} .*/\?alone", log(), re.MULTILINE)

    inv("env", "--set", f"TRUSTED_PROXIES={gateway}/32")
    up("--with", "https", "--no-build", **PORTS)
    assert get(f"http://localhost:{HTTP}/?behind", **forwarded).status == 200
    wait_until(lambda: "/?behind" in log(), 10)
    assert re.search(r"^6\.6\.6\.6.* .*/\?behind", log(), re.MULTILINE)


def test_not_one_get_fails_when_a_replica_is_killed(browser: urllib.request.OpenerDirector) -> None:
    up("--with", "https", "--no-build", "--scale", "web=2", **PORTS)
    web = containers("web")[0]
    statuses: Counter[int] = Counter()
    with ThreadPoolExecutor() as pool:
        killing = pool.submit(docker, "kill", web)
        while not killing.done() or sum(statuses.values()) < 100:
            try:
                statuses[browser.open(f"{URL}/").status] += 1
            except HTTPError as error:
                statuses[error.code] += 1
    assert {*statuses} == {200}


def log() -> str:
    said = [run("docker", "logs", web) for web in containers("web")]
    return "\n".join(one.stdout + one.stderr for one in said)
