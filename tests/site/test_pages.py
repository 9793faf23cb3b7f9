"""The pages of the site, as a browser gets them."""

from __future__ import annotations

import platform
import re

import django
import pytest
from django.test import Client, RequestFactory
from django.views.defaults import server_error
from pytest_django import Settings

from myproj import instructions, views

pytestmark = pytest.mark.usefixtures("plain_static")

LAST = {"host": "inv serve", "container": "inv run", "compose": "inv up"}
WHERE = {"host": "on this machine.", "container": "in a container.", "compose": "in a container, with Compose."}


@pytest.fixture(autouse=True)
def no_page_is_kept() -> None:
    """The page is made once in a process; here the place changes."""
    views.page.cache_clear()


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
    links = re.findall(r'<a href="(.*?)"', page)
    assert len(links) >= 3
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


def test_other_host_is_refused(client: Client) -> None:
    assert client.get("/", HTTP_HOST="elsewhere.example").status_code == 400


def test_admin_asks_who_one_is(client: Client) -> None:
    answer = client.get("/admin/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/login/?next=/admin/")


def test_browser_that_asks_for_the_usual_icon_is_shown_it(client: Client, plain_static: None) -> None:
    assert client.get("/favicon.ico").headers["Location"] == "/static/myproj/icon.svg"
