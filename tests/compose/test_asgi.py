"""SERVER=asgi with Compose: an async view and a websocket, through the proxy and through a stop."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from checkout import Checkout
from support import get, run

WEBSOCKET = '''

django_application = application


async def application(scope, receive, send):
    """Echo what a websocket says, and leave the rest to Django."""
    if scope["type"] != "websocket":
        return await django_application(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
'''
ASYNC_VIEW = """

import asyncio
from django.http import JsonResponse


async def slow(request):
    await asyncio.sleep(2)
    return JsonResponse({"slow": True})


urlpatterns += [path("slow/", slow)]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout with an async view and a websocket of its own, up behind the proxy."""
    checkout = Checkout(tmp_path_factory.mktemp("asgi"), f"djk8s-asgi-{secrets.token_hex(3)}")
    for name, code in {"asgi.py": WEBSOCKET, "urls.py": ASYNC_VIEW}.items():
        path = checkout.folder / "src/myproj" / name
        path.write_text(path.read_text() + code)
    checkout.inv("env", "--set", "SERVER=asgi")
    try:
        started = checkout.inv("up", "--with", "proxy", "--detach")
        assert started.returncode == 0, started.stderr
        yield checkout
    finally:
        checkout.inv("clean", "--volumes")


def test_database_answers_beside_an_async_view(site: Checkout) -> None:
    url = f"http://localhost:{site.up_port}"
    with ThreadPoolExecutor(24) as pool:
        slow = [pool.submit(get, f"{url}/slow/") for _ in range(4)]
        board = [pool.submit(get, f"{url}/board/") for _ in range(20)]
        assert {answer.result().status for answer in board} == {200}
        assert [json.loads(answer.result().body) for answer in slow] == [{"slow": True}] * 4


def test_websocket_echoes_and_is_closed_by_a_stop(site: Checkout) -> None:
    (web,) = run("docker", "ps", "--quiet", "--filter", f"name={site.scope()}-web").stdout.split()
    with connect(f"ws://localhost:{site.up_port}/echo") as websocket:
        websocket.send("hello")
        assert websocket.recv(timeout=5) == "hello"
        stopping = threading.Thread(target=run, args=("docker", "stop", web))
        stopping.start()
        with pytest.raises(ConnectionClosed):
            websocket.recv(timeout=15)
        stopping.join()
    assert run("docker", "inspect", "--format", "{{.State.ExitCode}}", web).stdout == "0\n"
