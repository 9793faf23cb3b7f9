"""The site as a person sees it: Chromium before the proxy, the worker and the database.

SCREENSHOTS=docs/pictures keeps the pictures that README shows.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stack import BOARD, URL, containers, docker, python, up
from support import inv

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE = {"width": 375, "height": 700}


@pytest.fixture(autouse=True, scope="module")
def project() -> Iterator[None]:
    up("--with", "db", "--with", "proxy", "--with", "worker", "--scale", "web=2")
    yield
    inv("down", "--volumes")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    assert found, "There is no Chromium here: install it, as with `apt-get install chromium`."
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing goes wrong."""
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    yield page
    assert wrong == []


def post(page: Page, text: str) -> None:
    page.goto(BOARD)
    page.get_by_label("Your note").fill(text)
    page.get_by_role("button", name="Post").click()


def keep(page: Page, name: str) -> None:
    """Take a picture, and keep it where README's pictures are, if asked."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_first_page_leads_to_the_board(page: Page) -> None:
    page.goto(URL)
    keep(page, "page")
    page.get_by_role("link", name="Board").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Board")


def test_note_is_posted_and_its_count_comes_without_a_reload(page: Page) -> None:
    (worker,) = containers("worker")
    docker("stop", worker)
    post(page, "Compose answers five questions, and this board asks all of them.")
    note = page.get_by_role("article").first
    expect(note).to_contain_text("being counted…")
    page.evaluate("window.mark = 'as it was loaded'")
    docker("start", worker)
    expect(note.get_by_role("status")).to_have_text("11 words, 3 seconds to read", timeout=60_000)
    assert page.evaluate("window.mark") == "as it was loaded"
    keep(page, "board")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    keep(page, "board-phone")


def test_it_works_without_javascript(browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    text = f"plain {secrets.token_hex(3)}"
    post(page, text)
    note = page.get_by_role("article").filter(has_text=text)
    expect(note).to_be_visible()  # so that the page which the form led to is there
    for _ in range(30):
        page.goto(BOARD)
        if "to read" in note.inner_text():
            break
        page.wait_for_timeout(1000)
    expect(note).to_contain_text("2 words, 1 second to read")


def test_staff_attach_a_file_in_the_admin_which_has_its_styles(page: Page, tmp_path: Path) -> None:
    name, password, text = secrets.token_hex(4), secrets.token_hex(8), f"with a file {secrets.token_hex(3)}"
    made = f"from django.contrib.auth.models import User; User.objects.create_superuser({name!r}, '', {password!r})"
    python(made)
    (tmp_path / "plan.txt").write_text("the plan")
    post(page, text)
    page.goto(f"{URL}/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    header = page.locator("#header")
    expect(header).to_be_visible()
    assert header.evaluate("element => getComputedStyle(element).backgroundColor") not in {"", "rgba(0, 0, 0, 0)"}
    page.get_by_role("link", name="Notes").first.click()
    page.get_by_role("link", name=text).click()
    page.get_by_label("Attachment").set_input_files(tmp_path / "plan.txt")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(BOARD)
    with page.expect_download() as download:
        page.get_by_role("article").filter(has_text=text).get_by_role("link", name="Attachment").click()
    assert download.value.suggested_filename == "plan.txt"
    assert download.value.path().read_text() == "the plan"


def test_script_that_got_into_a_page_does_not_run(browser: Browser) -> None:
    page = browser.new_page()
    page.goto(BOARD)
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None


@pytest.mark.parametrize("address", ["/", "/board/", "/admin/login/", "/none"])
def test_pages_fit_a_phone(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": PHONE["width"], "height": PHONE["height"]})
    page.goto(f"{URL}{address}")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_page_that_is_not_there_leads_back(browser: Browser) -> None:
    page = browser.new_page()
    answer = page.goto(f"{URL}/none")
    assert answer and answer.status == 404
    expect(page.get_by_role("heading")).to_have_text("There is no such page")
    page.get_by_role("link", name="Back to the first page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This Django project runs")


def test_page_that_fails_says_so_in_the_sites_own_words(browser: Browser) -> None:
    page = browser.new_page()
    rename = "from django.db import connection; connection.cursor().execute('ALTER TABLE {} RENAME TO {}')"
    python(rename.format("board_note", "board_away"))
    try:
        answer = page.goto(BOARD)
    finally:
        python(rename.format("board_away", "board_note"))
    assert answer and answer.status == 500
    expect(page.get_by_role("heading")).to_have_text("Something failed on our side")
    assert page.evaluate("document.styleSheets.length") == 1
    expect(page.get_by_text("Traceback")).to_have_count(0)
