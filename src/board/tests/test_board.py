"""The board as people use it, and as its staff do; by Django's own client, so without JavaScript."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from board import reading, views
from board.models import MAX_LENGTH, Note
from board.tasks import count

pytestmark = pytest.mark.django_db

BOARD = "/board/"


@pytest.fixture(autouse=True)
def place(settings: Settings, tmp_path: Path) -> None:
    """No worker, files in a folder of the test's own, and static files by their own names."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def with_worker(transactional_db: None, settings: Settings) -> Iterator[None]:
    """The site with WORKER=1; a worker listens to signals, and the tests are to have theirs back."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGQUIT") if hasattr(signal, name)]
    usual = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in usual.items():
        signal.signal(number, handler)


def work() -> None:
    """Let a worker do all that waits."""
    call_command("worker", batch=True, interval=0, startup_delay=False, reload=False, verbosity=0)


def page(client: Client, address: str = BOARD) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def texts(page: str) -> list[str]:
    return [unescape(text) for text in re.findall(r'<p class="text">(.*?)</p>', page, re.DOTALL)]


def statuses(page: str) -> list[tuple[str, str]]:
    """Return (attributes, text) of what is said of each note's count."""
    return re.findall(r'<span role="status"(.*?)>(.*?)</span>', page)


def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ann"))
    return client


# What the admin's form has; an attachment besides.
def in_admin(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "_save": "Save", **more}


def test_posted_note_is_on_the_board_and_a_reload_posts_no_other(client: Client) -> None:
    answer = client.post(BOARD, {"text": "  Good morning  "})
    assert (answer.status_code, answer.headers["Location"]) == (302, BOARD)
    assert texts(page(client)) == ["Good morning"]


def test_count_is_done_before_the_answer_where_there_is_no_worker(client: Client) -> None:
    client.post(BOARD, {"text": "one two  three\nfour five"})
    assert statuses(page(client)) == [("", "5 words, 2 seconds to read")]


def test_one_word_is_not_words(client: Client) -> None:
    client.post(BOARD, {"text": "one"})
    assert statuses(page(client)) == [("", "1 word, 1 second to read")]


@pytest.mark.django_db(transaction=True)  # a worker lets go of its connection between two jobs
@pytest.mark.usefixtures("with_worker")
def test_count_waits_for_the_worker_where_there_is_one(client: Client) -> None:
    client.post(BOARD, {"text": "one two three"})
    [(attributes, said)] = statuses(page(client))
    assert said == "being counted…"
    [address] = re.findall(r'^ data-waits-for="(.+)"$', attributes)
    assert statuses(page(client, address)) == [(attributes, said)]
    work()
    assert statuses(page(client, address)) == statuses(page(client)) == [("", "3 words, 1 second to read")]
    assert [job.status for job in DBTaskResult.objects.all()] == [TaskResultStatus.SUCCESSFUL]


@pytest.mark.django_db(transaction=True)  # a worker lets go of its connection between two jobs
@pytest.mark.usefixtures("with_worker")
def test_note_deleted_before_its_count_is_no_fault(client: Client) -> None:
    client.post(BOARD, {"text": "a"})
    Note.objects.all().delete()
    work()
    assert [job.status for job in DBTaskResult.objects.all()] == [TaskResultStatus.SUCCESSFUL]


def test_count_twice_is_as_good_as_once(client: Client) -> None:
    client.post(BOARD, {"text": "one two"})
    count.call(Note.objects.get().pk)
    assert statuses(page(client)) == [("", "2 words, 1 second to read")]


@pytest.mark.django_db(transaction=True)
def test_note_whose_count_cannot_be_queued_is_not_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def enqueue(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(type(count), "enqueue", enqueue)
    client.raise_request_exception = False
    assert client.post(BOARD, {"text": "a"}).status_code == 500
    assert not Note.objects.exists()


REFUSED = [
    pytest.param("", "This field is required.", id="nothing"),
    pytest.param(" \r\n ", "This field is required.", id="spaces alone"),
    pytest.param("x" * (MAX_LENGTH + 1), "Ensure this value has at most 4000 characters (it has 4001).", id="too long"),
    pytest.param("a\0b", "Null characters are not allowed.", id="what no database takes"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused_note_is_not_kept_but_shown_with_the_reason(client: Client, text: str, message: str) -> None:
    answer = client.post(BOARD, {"text": text})
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert text.strip() in unescape(answer.content.decode())
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not Note.objects.exists()


# A browser counts a line's end as one character, and sends two.
@pytest.mark.parametrize("text", ["x" * MAX_LENGTH, "x\r\n" * (MAX_LENGTH // 2)], ids=["one line", "many lines"])
def test_longest_note_is_taken_as_a_browser_sends_it(client: Client, text: str) -> None:
    assert client.post(BOARD, {"text": text}).status_code == 302


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "</textarea><b>", '" onload="x'])
def test_markup_is_text(client: Client, text: str) -> None:
    client.post(BOARD, {"text": text})
    refused = client.post(BOARD, {"text": text + "x" * MAX_LENGTH}).content.decode()
    assert text not in page(client) + refused
    assert texts(page(client)) == [text]


def test_post_from_another_site_is_refused_and_that_of_the_page_is_not() -> None:
    client = Client(enforce_csrf_checks=True)
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="(.+?)"', page(client))
    assert client.post(BOARD, {"text": "a"}).status_code == 403
    assert client.post(BOARD, {"text": "b", "csrfmiddlewaretoken": token}).status_code == 302
    assert texts(page(client)) == ["b"]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert getattr(client, method)(BOARD).status_code == 405


def test_newest_note_is_first_and_older_ones_are_on_the_next_page(client: Client) -> None:
    assert "Nothing yet." in page(client)
    for number in range(views.PER_PAGE + 1):
        client.post(BOARD, {"text": f"note {number}"})
    first, second = page(client), page(client, f"{BOARD}?page=2")
    assert texts(first) == [f"note {number}" for number in range(views.PER_PAGE, 0, -1)]
    assert texts(second) == ["note 0"]
    assert re.findall(r'<a href="(\?page=.+?)">(.*?)</a>', first) == [("?page=2", "Older")]
    assert re.findall(r'<a href="(\?page=.+?)">(.*?)</a>', second) == [("?page=1", "Newer")]
    assert texts(page(client, f"{BOARD}?page=no-number")) == texts(first)
    assert texts(page(client, f"{BOARD}?page=99")) == ["note 0"]


def test_page_has_a_language_one_heading_and_a_label_for_its_field(client: Client) -> None:
    html = page(client)
    assert '<html lang="en">' in html
    assert re.findall(r"<h1.*?>(.*?)</h1>", html) == ["Board"]
    [field] = re.findall(r'<textarea[^>]* id="(.*?)"', html)
    assert re.findall(r'<label for="(.*?)">(.*?)</label>', html) == [(field, "Your note")]


def test_home_and_board_lead_to_each_other(client: Client) -> None:
    assert '<a href="/board/">Board</a>' in page(client, "/")
    assert '<a href="/">' in page(client)


@pytest.mark.parametrize("address", ["7/", "7/attachment", f"{10**30}/", f"{10**30}/attachment"])
def test_note_that_is_not_there_is_404(client: Client, address: str) -> None:
    assert client.get(BOARD + address).status_code == 404


def test_public_form_takes_no_file(client: Client) -> None:
    assert "multipart" not in page(client)
    client.post(BOARD, {"text": "a", "attachment": SimpleUploadedFile("a.html", b"<script>")})
    note = Note.objects.get()
    assert (note.text, note.attachment.name) == ("a", "")
    assert client.get(f"{BOARD}{note.pk}/attachment").status_code == 404


@pytest.mark.parametrize("who", ["nobody", "somebody"])
def test_only_staff_may_attach_a_file(client: Client, who: str) -> None:
    note = Note.objects.create(text="a")
    if who == "somebody":
        client.force_login(User.objects.create_user("bob"))
    address = f"/admin/board/note/{note.pk}/change/"
    answer = client.post(address, in_admin("a", attachment=SimpleUploadedFile("a.txt", b"a")))
    assert answer.headers["Location"] == f"/admin/login/?next={address}"
    note.refresh_from_db()
    assert not note.attachment


def test_file_of_staff_is_sent_as_a_download_and_never_as_a_page(client: Client) -> None:
    client.post(BOARD, {"text": "a"})
    note = Note.objects.get()
    file = SimpleUploadedFile("über us.html", b"<script>alert(1)</script>", "text/html")
    answer = staff(client).post(f"/admin/board/note/{note.pk}/change/", in_admin("a", attachment=file))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/board/note/")
    [link] = re.findall(r'<a href="(.*?)">Attachment</a>', page(Client()))
    sent = Client().get(link)
    assert (sent.status_code, sent.getvalue()) == (200, b"<script>alert(1)</script>")
    assert sent.headers["Content-Disposition"] == "attachment; filename*=utf-8''%C3%BCber_us.html"
    assert sent.headers["X-Content-Type-Options"] == "nosniff"


def test_file_that_is_gone_is_404(client: Client) -> None:
    note = Note.objects.create(text="a", attachment=SimpleUploadedFile("a.txt", b"a"))
    Path(note.attachment.path).unlink()
    assert client.get(f"{BOARD}{note.pk}/attachment").status_code == 404


@pytest.mark.parametrize("address", ["/admin/board/note/", "/admin/board/note/{}/change/"])
def test_links_of_the_admin_to_a_file_lead_to_it(client: Client, address: str) -> None:
    note = Note.objects.create(text="a", attachment=SimpleUploadedFile("a.txt", b"what is in it"))
    html = page(staff(client), address.format(note.pk))
    [link] = re.findall(r'<a href="([^"]*)">board/[^<]*a.*?\.txt</a>', html)
    assert client.get(link).getvalue() == b"what is in it"


def test_note_that_staff_write_anew_is_counted_anew(client: Client) -> None:
    staff(client).post("/admin/board/note/add/", in_admin("one two"))
    note = Note.objects.get()
    assert note.words == 2
    client.post(f"/admin/board/note/{note.pk}/change/", in_admin("one two three"))
    note.refresh_from_db()
    assert (note.text, note.words) == ("one two three", 3)


READING = [("", 0, 0), ("one", 1, 1), (" a\tb\r\nc\u00a0d ", 4, 2), ("w " * 238, 238, 60), ("w " * 239, 239, 61)]


@pytest.mark.parametrize(("text", "words", "seconds"), READING)
def test_reading(text: str, words: int, seconds: int) -> None:
    assert reading.words(text) == words
    assert reading.seconds(words) == seconds
