"""A form of another origin: the page and the log say which, and the line that would let it in."""

from __future__ import annotations

import logging

import pytest
from django.http import HttpRequest
from django.template import engines
from django.test import RequestFactory, override_settings

from serving.csrf import failure

HERE = {"HTTP_HOST": "localhost"}
BAD_ORIGIN = "Origin checking failed - https://x does not match any trusted origins."


def post(**headers: str) -> HttpRequest:
    return RequestFactory().post("/", **HERE, **headers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "line"),
    [
        ({"HTTP_ORIGIN": "https://shop.example"}, "CSRF_TRUSTED_ORIGINS=https://old.example,https://shop.example"),
        ({"HTTP_REFERER": "https://a.example/b?c"}, "CSRF_TRUSTED_ORIGINS=https://old.example,https://a.example"),
        ({"HTTP_ORIGIN": "https://localhost", "HTTP_X_FORWARDED_PROTO": "https"}, "HTTPS=1"),
        ({"HTTP_ORIGIN": "https://localhost"}, "CSRF_TRUSTED_ORIGINS=https://old.example,https://localhost"),
    ],
    ids=["another host", "an older browser", "a proxy that says so", "a proxy that does not"],
)
@override_settings(CSRF_TRUSTED_ORIGINS=["https://old.example"])
def test_page_and_log_say_the_line_to_write(
    headers: dict[str, str], line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = failure(post(**headers), BAD_ORIGIN)
    assert answer.status_code == 403
    assert f"<code>{line}</code>" in answer.content.decode()
    assert "takes forms from <code>http://localhost, https://old.example</code>" in answer.content.decode()
    assert f"write {line} in .env" in caplog.text


def test_markup_of_an_origin_is_escaped() -> None:
    answer = failure(post(HTTP_ORIGIN="https://<script>"), BAD_ORIGIN)
    assert "https://&lt;script&gt;" in answer.content.decode()


@pytest.mark.parametrize(
    ("origin", "reason"),
    [("https://shop.example", "CSRF cookie not set."), ("null", BAD_ORIGIN), ("", BAD_ORIGIN)],
)
def test_other_reasons_are_djangos_to_tell(origin: str, reason: str) -> None:
    answer = failure(post(HTTP_ORIGIN=origin), reason)
    assert answer.status_code == 403
    assert "CSRF verification failed" in answer.content.decode()


def test_page_of_the_site_for_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    page = engines["django"].from_string("Ours.")
    monkeypatch.setattr("django.template.loader.get_template", lambda name, using=None: page)
    assert failure(post(HTTP_ORIGIN="https://shop.example"), BAD_ORIGIN).content == b"Ours."
