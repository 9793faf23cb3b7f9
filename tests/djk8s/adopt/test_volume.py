"""What a project writes into its own folder, and what becomes of that in the image."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from djk8s import files
from djk8s.adopt import volume
from djk8s.adopt.ask import Answer
from djk8s.facts import Facts

TRACKED = ["manage.py", "src/shop/settings.py"]
OTHERS = {"MEDIA_ROOT": "/app/media", "STATIC_ROOT": "/app/static"}


def answer(*written: str, **settings: str) -> Answer:
    databases = {"default": {"NAME": "/app/src/db.sqlite3"}, "other": {"NAME": "shop"}}
    return Answer({"settings": OTHERS | settings, "databases": databases, "written": [*written]})


WRITTEN = [
    pytest.param(["src/data/.secret", "src/data/logs/shop.log"], ("src/data/",), id="folder"),
    pytest.param(["secret.txt", "src/shop/key"], ("secret.txt", "src/shop/key"), id="files beside the code"),
    pytest.param(["data/key"], ("data/",), id="folder of the volume itself"),
    pytest.param(["src/db.sqlite3", "src/db.sqlite3-wal", "media/a", "static/b"], (), id="what the overlay moves"),
    pytest.param([], (), id="nothing"),
]


@pytest.mark.parametrize(("written", "kept"), WRITTEN)
def test_what_settings_write_to(written: list[str], kept: tuple[str, ...]) -> None:
    assert volume.writes(answer(*written), TRACKED) == kept


def test_folder_with_the_static_files_is_not_taken_for_the_volume() -> None:
    """A build would gather them where they are lost."""
    beside = answer("run/started.txt", "run/queue/a", STATIC_ROOT="/app/run/staticfiles")
    assert volume.writes(beside, TRACKED) == ("run/queue/", "run/started.txt")


def test_settings_that_make_a_file_are_seen(asked: Callable[..., Answer]) -> None:
    said = asked('(BASE_DIR / "var").mkdir(exist_ok=True)\n(BASE_DIR / "var/key").write_text("a")\n').says
    assert said["written"] == ["var/key"]


@pytest.mark.parametrize(
    ("folder", "inside"), [("/app/src/media", "src/media"), ("/app", ""), ("/srv/media", ""), ("", "")]
)
def test_folder_of_uploads(folder: str, inside: str) -> None:
    assert volume.uploads(answer(MEDIA_ROOT=folder), TRACKED) == inside


def test_uploads_that_git_tracks_are_of_the_code() -> None:
    assert volume.uploads(answer(MEDIA_ROOT="/app/src/media"), ["src/media/logo.png"]) == ""


def test_image_has_links_to_the_volume_and_nothing_in_it() -> None:
    facts = Facts(name="shop", settings="shop.settings", application="shop.wsgi:application")
    made = files.rendered(Facts(**{**vars(facts), "writes": ("key file", "src/var/")}))
    assert "RUN ln -s '/app/data/key file' '/app/key file'\n" in made["Dockerfile"]
    # Its parent may have nothing that git tracks, as that of a database or of uploads.
    assert "RUN mkdir -p /app/src && ln -s /app/data /app/src/var\n" in made["Dockerfile"]
    assert "RUN --mount=type=tmpfs,target=/app/data SECRET_KEY" in made["Dockerfile"]
    assert "\nstaticfiles\nkey file\nsrc/var\n" in made[".dockerignore"]

    made = files.rendered(Facts(**{**vars(facts), "writes": ("data/",)}))
    assert "ln -s" not in made["Dockerfile"]
    assert "tmpfs" in made["Dockerfile"]
    assert made[".dockerignore"] == files.rendered(facts)[".dockerignore"]
