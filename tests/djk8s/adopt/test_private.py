"""What git ignores and the image must not have."""

from __future__ import annotations

from pathlib import Path

from djk8s import files, git
from djk8s.adopt import private
from djk8s.facts import Facts
from repository_of import committed

OURS = files.read(files.source(), ".dockerignore")


def test_settings_and_secrets_of_one_machine() -> None:
    of_one = ("shop/local_settings.py", "settings.ini", "client_secret.json", "dev.db", "keys/tls.pem")
    assert private.files(of_one, OURS) == of_one


def test_what_is_made_of_sources_may_be_meant_for_the_image() -> None:
    assert private.files(["static/site.css", "locale/de/LC_MESSAGES/django.mo", "webpack-stats.json"], OURS) == ()


def test_what_stays_out_already_has_no_line() -> None:
    out = (".env.local", "data/app.log", "shop/db.sqlite3", "venv/x.py", "a/pip.conf", "myenv/pyvenv.cfg")
    assert private.files(out, OURS) == ()


def test_files_that_git_ignores(root: Path) -> None:
    committed(root, {".gitignore": "local_settings.py\n/media\n*.log\n", "shop/urls.py": "", "shop/a.log": ""})
    (root / "media").mkdir()
    for path in ("shop/local_settings.py", "media/a.py", "shop/new.py"):
        (root / path).write_text("")
    assert {*git.ignored(root)} == {"shop/a.log", "shop/local_settings.py"}


def test_code_that_their_own_dockerignore_leaves_out(root: Path) -> None:
    """As settings for development, which others import where they are there."""
    lines = "# settings\n/shop/dev.py\n!shop/urls.py\ndocs\n setup.py\n/shop/gone.py\nREADME.md\n"
    committed(root, {".dockerignore": lines, **dict.fromkeys(("shop/dev.py", "shop/urls.py", "setup.py"), "")})
    assert private.left_out(root) == ("setup.py", "shop/dev.py")
    (root / ".dockerignore").unlink()
    assert private.left_out(root) == ()


def test_line_of_the_dockerignore() -> None:
    facts = Facts("shop", settings="shop.settings", application="shop.wsgi:application", private=("shop/local.py",))
    assert "\nstaticfiles\nshop/local.py\n" in files.rendered(facts)[".dockerignore"]
