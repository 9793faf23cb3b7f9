"""The pages of the site, as a browser gets them."""

from __future__ import annotations

import platform
import re
from typing import Any

import django
import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, InterfaceError, OperationalError, ProgrammingError
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import path
from django.views.defaults import server_error
from pytest_django import Settings

from myproj import instructions, views

pytestmark = pytest.mark.usefixtures("plain_static")

LAST = {"host": "inv serve", "container": "inv run", "compose": "inv up", "cluster": "inv deploy"}
WHERE = {
    "host": "on this machine.",
    "container": "in a container.",
    "compose": "in a container, with Compose.",
    "cluster": "in a container, one of several.",
}


@pytest.fixture
def page(client: Client, settings: Settings) -> str:
    return page_of(client, settings, "host")


def page_of(client: Client, settings: Settings, place: str) -> str:
    settings.PLACE = place
    answer = client.get("/", SERVER_PORT="6545", SERVER_SOFTWARE="gunicorn/27.0.1")
    assert answer.status_code == 200
    return answer.content.decode()


def facts(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))


@pytest.mark.parametrize("place", LAST)
def test_home_says_where_it_runs(client: Client, settings: Settings, place: str) -> None:
    page = page_of(client, settings, place)
    assert "This Django project runs" in page
    assert WHERE[place] in page
    assert facts(page)["Place"] == place


def test_home_says_what_runs(page: str) -> None:
    assert facts(page) == {
        "Place": "host",
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "gunicorn": "27.0.1",
        "Port": "6545",
    }


@pytest.mark.parametrize("place", LAST)
def test_home_has_the_list_and_marks_the_step_that_served(client: Client, settings: Settings, place: str) -> None:
    page = page_of(client, settings, place)
    items = re.findall(r"<li(.*?)>(.*?)</li>", page, re.DOTALL)
    commands = [re.findall(r"<code>(.*?)</code>", item) for _, item in items]
    assert commands == [[command] for _, command in instructions.for_place(place)]
    assert ["aria-current" in attributes for attributes, _ in items] == [False] * (len(items) - 1) + [True]
    assert 'aria-current="step"' in items[-1][0]
    assert commands[-1] == [LAST[place]]


def test_every_place_has_its_words() -> None:
    assert set(views.PLACES) == set(LAST)
    assert all(all(step) for step in instructions.STEPS)


def test_home_runs_no_script_and_asks_nobody_else(page: str) -> None:
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)
    assert not re.search(r"\son\w+=", page)


def test_home_is_for_phones_and_for_dark_and_light(page: str) -> None:
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert '<meta name="color-scheme" content="light dark">' in page


def test_home_shows_no_markup_of_others(client: Client) -> None:
    page = client.get("/", SERVER_SOFTWARE="<script>/1").content.decode()
    assert "<script" not in page


def test_home_is_only_read(client: Client) -> None:
    assert client.head("/").status_code == 200
    assert client.post("/").status_code == 405


def test_links_of_home_lead_somewhere(client: Client, page: str, db: None) -> None:
    links = set(re.findall(r'<a href="(.*?)"', page)) - {"/livez", "/readyz"}  # serving/health.py answers these
    assert len(links) >= 2
    assert [link for link in links if client.get(link, follow=True).status_code != 200] == []


def test_missing_page_is_ours(client: Client) -> None:
    answer = client.get("/no-such-page")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
    assert 'href="/"' in answer.content.decode()


def test_page_of_a_fault_is_ours(rf: RequestFactory) -> None:
    answer = server_error(rf.get("/"))
    assert answer.status_code == 500
    assert "Something failed on our side" in answer.content.decode()


class Fails:
    """A URLconf of which every page fails."""

    handler500 = "myproj.views.failed"

    def __init__(self, error: Exception) -> None:
        def page(request: HttpRequest) -> HttpResponse:
            raise error

        async def async_page(request: HttpRequest) -> HttpResponse:
            raise error

        self.urlpatterns = [path("page", page), path("async", async_page)]


FAILED = [
    (OperationalError("hunter2.internal refused"), 503),
    (InterfaceError("hunter2.internal refused"), 503),
    (IntegrityError("hunter2.internal refused"), 500),  # a fault of the code
    (ProgrammingError("hunter2.internal refused"), 500),
    (ValueError("hunter2.internal refused"), 500),
]


@pytest.mark.parametrize("address", ["/page", "/async"])
@pytest.mark.parametrize("client_class", [Client, AsyncClient])
@pytest.mark.parametrize(("error", "status"), FAILED)
def test_page_is_503_when_the_database_failed_and_500_otherwise(
    settings: Settings, address: str, client_class: type[Client] | type[AsyncClient], error: Exception, status: int
) -> None:
    settings.ROOT_URLCONF = Fails(error)
    client = client_class(raise_request_exception=False)
    answer: Any = client.get(address) if isinstance(client, Client) else async_to_sync(client.get)(address)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, "5" if status == 503 else None)
    assert ("Back in a moment" in answer.content.decode()) == (status == 503)
    assert "hunter2.internal" not in answer.content.decode()


def test_page_of_a_failed_database_is_djangos_while_debugging(client: Client, settings: Settings) -> None:
    settings.ROOT_URLCONF, settings.DEBUG = Fails(OperationalError("a")), True
    client.raise_request_exception = False
    answer = client.get("/page")
    assert answer.status_code == 500
    assert "Traceback" in answer.content.decode()


def test_other_host_is_refused(client: Client) -> None:
    assert client.get("/", HTTP_HOST="elsewhere.example").status_code == 400


def test_admin_asks_for_a_login(client: Client) -> None:
    answer = client.get("/admin/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/login/?next=/admin/")


def test_usual_address_of_the_icon_leads_to_it(client: Client) -> None:
    assert client.get("/favicon.ico").headers["Location"] == "/static/myproj/icon.svg"
