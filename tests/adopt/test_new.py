"""A new project on the newest Django and with Tailwind, in its container and while developing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from adopt.adopted import Project
from support import get, wait_until

HOME = """\
{% extends "base.html" %}
{% block content %}<h1 class="text-teal-700">Shop</h1>{% endblock %}
"""
URLS = """\
from django.urls import path
from django.views.generic import TemplateView

urlpatterns = [path("", TemplateView.as_view(template_name="home.html"))]
"""


@pytest.fixture
def shop(tmp_path: Path, tools: Path) -> Iterator[Project]:
    """A new project with a page of its own."""
    one = Project(tmp_path / "shop", tools)
    one.folder.mkdir()
    made = one.djk8s("new", "shop", ".", "--django", "6.1", "--tailwind")
    assert made.returncode == 0, made.stderr
    (one.folder / "src/templates/home.html").write_text(HOME)
    (one.folder / "src/shop/urls.py").write_text(URLS)
    yield one
    one.inv("clean", "--volumes")


def test_styles_of_a_page_are_made_in_the_image(shop: Project) -> None:
    shop.inv("run", "--detach", "--publish", str(shop.port))
    assert '<link rel="stylesheet" href="/static/site.css">' in get(shop.url).text
    assert ".text-teal-700{" in get(f"{shop.url}/static/site.css").text
    shop.inv("shell", "--", "sh", "-c", "! command -v node && ! test -e /app/node_modules")
    assert "To: you@example.com" in shop.inv("shell", "--", "python", "manage.py", "sendtestemail", "you@example.com")


def test_styles_follow_each_edit_while_developing(shop: Project) -> None:
    shop.inv("up", "--with", "dev", "--detach")
    sheet = f"{shop.developed}/static/site.css"
    wait_until(lambda: ".text-teal-700" in get(sheet).text)
    (shop.folder / "src/templates/home.html").write_text(HOME.replace("teal", "rose"))
    wait_until(lambda: ".text-rose-700" in get(sheet).text)
    listed = subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=shop.folder, capture_output=True, text=True)
    assert [line for line in listed.stdout.split() if "site.css" in line or "node_modules" in line] == [
        "assets/site.css"
    ]
