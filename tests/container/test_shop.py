"""An ordinary project that knows nothing of ours builds with the box, and works behind both servers.

Its settings are a package, its user model, static storage and static folder are its own, its `__init__.py` imports
Celery, and its signals are imported in `ready()`: each of these failed to build, or answered 500, with an earlier box.
"""

from __future__ import annotations

import re
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from websockets.sync.client import connect

from container import stranger
from container.boxes import Box, box
from support import get, stylesheets, wait_until


def test_pages_with_their_static_files(site: Box) -> None:
    page = get(site.url)
    assert page.status == 200
    (sheet,) = stylesheets(page, site.url)
    assert (sheet.status, sheet.body) == (200, b"h1 { color: teal; }\n")
    assert re.search(r"/assets/shop\.[0-9a-f]{12}\.css", page.text)


def test_admin_of_a_user_model_of_its_own(site: Box) -> None:
    login = get(f"{site.url}/admin/login/")
    assert login.status == 200
    sheets = stylesheets(login, site.url)
    assert len(sheets) >= 3
    assert {(sheet.status, sheet.headers["Content-Encoding"]) for sheet in sheets} == {(200, "gzip")}


def test_form_in_chunks_reaches_the_view_and_its_signals(site: Box) -> None:
    # Without a Content-Length; the slug is made by a signal.
    assert post_in_chunks(f"{site.url}/add", b"name=Red+", b"Hat") == "red-hat"
    assert "<li>Red Hat</li>" in get(site.url).text


def post_in_chunks(url: str, *chunks: bytes) -> str:
    """Send a form in chunks and return the answer."""
    request = urllib.request.Request(url, data=iter(chunks), method="POST")
    request.add_header("Transfer-Encoding", "chunked")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def test_database_answers_beside_an_async_view_in_flight(site: Box) -> None:
    with ThreadPoolExecutor(22) as pool:
        waiting = [pool.submit(get, f"{site.url}/wait/3") for _ in range(2)]
        time.sleep(0.5)  # by now they wait in a worker
        counts = [future.result() for future in [pool.submit(get_status, site, "/count") for _ in range(20)]]
        counts += [get_status(site, "/readyz")]
        assert not any(future.done() for future in waiting)
        assert {future.result().status for future in waiting} == {200}
    assert counts == [200] * 21


def get_status(site: Box, path: str) -> int:
    return get(site.url + path).status


def test_view_that_sleeps_keeps_nobody_waiting(site: Box) -> None:
    # `from time import sleep` at the top of the module, which a server that patches libraries afterwards would miss.
    with ThreadPoolExecutor(3) as pool:
        sleeping = [pool.submit(get, f"{site.url}/nap/3") for _ in range(3)]
        assert [get_status(site, "/count") for _ in range(6)] == [200] * 6
        assert not all(future.done() for future in sleeping)
        assert {future.result().text for future in sleeping} == {"slept 3"}


def test_variables_of_the_container_reach_a_view(site: Box) -> None:
    assert get(f"{site.url}/pay").text == "sk_test"


def test_error_is_in_the_log_of_a_project_without_logging(site: Box) -> None:
    assert get(f"{site.url}/error").status == 500
    wait_until(lambda: "RuntimeError: the shop is broken" in site.log(), 5)
    assert "ERROR django.request: Internal Server Error: /error\nTraceback" in site.log()


def test_celery_finds_its_application_and_tasks(site: Box) -> None:
    assert "catalog.tasks.price" in site.inside("python", "-c", LIST_TASKS)


LIST_TASKS = "from shop import celery_app as app; app.loader.import_default_modules(); print(*app.tasks)"


def test_websocket_echoes_and_is_closed_when_the_server_stops(shop: str) -> None:
    asgi = box(shop, *stranger.SETTINGS, "--env", "SERVER=asgi")
    with asgi as one, connect(f"ws://127.0.0.1:{one.ready().port}/echo") as socket, ThreadPoolExecutor() as pool:
        socket.send("hello")
        assert socket.recv(timeout=10) == "hello"
        stopping = pool.submit(one.stop)
        assert list(socket) == []  # nothing more comes, and no error
        assert stopping.result() == "0"
        assert socket.protocol.close_code == 1001
