"""`djk8s new`: which names it takes, what it makes, and that it leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from invoke.exceptions import Exit

from djk8s import facts, new
from djk8s.packages import resolver
from support import ROOT, one_sentence
from versions import UV, djk8s


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project, with what the index has."""
    folder = tmp_path_factory.mktemp("new")
    typed = djk8s(ROOT, "new", "my_site", "shop", cwd=folder)
    assert typed.returncode == 0, typed.stderr
    assert "Next:\n  cd shop\n  ./inv serve --reload\n" in typed.stderr
    assert [path.name for path in folder.iterdir()] == ["shop"]
    return folder / "shop"


def test_django_wrote_its_part(shop: Path) -> None:
    assert 'ROOT_URLCONF = "my_site.urls"' in (shop / "src/my_site/settings.py").read_text().replace("'", '"')
    assert (shop / "src/manage.py").is_file()


def test_its_own_tests_are_run_with_all_others_and_another_projects_are_not(shop: Path) -> None:
    session = "@nox.session({}allow_parallel=True)\ndef site_tests("
    assert session.format("") in (shop / "noxfile.py").read_text()
    assert session.format("default=False, ") in (ROOT / "noxfile.py").read_text()


def test_readme_of_the_project_names_it(shop: Path) -> None:
    readme = (shop / "README.md").read_text()
    assert readme.startswith("# my_site\n")
    assert "`src/my_site/settings.py`" in readme


def test_uploads_go_neither_into_git_nor_into_the_image(shop: Path) -> None:
    for name, line in ((".gitignore", "/src/media/"), (".dockerignore", "src/media")):
        assert line in (shop / name).read_text().splitlines()


def test_project_has_its_own_name_throughout(shop: Path) -> None:
    texts = {path: path.read_text() for path in shop.rglob("*") if path.is_file() and not kept(path)}
    assert [str(path) for path, text in texts.items() if re.search(r"myproj|board\b", text)] == []
    assert 'CMD ["gunicorn", "my_site.wsgi:application"]' in (shop / "Dockerfile").read_text()
    assert "from my_site.settings import *" in (shop / "serving/overlay.py").read_text()
    assert '"project": "my_site"' in (shop / "tasks.py").read_text()


def kept(path: Path) -> bool:
    """Whether a file is a binary one, or names packages."""
    return ".git" in path.parts or path.suffix == ".whl" or path.name.startswith("requirements")


def test_git_has_a_repository_that_ignores_what_is_made(shop: Path) -> None:
    for path in (".env", "src/db.sqlite3", "staticfiles/a.css", ".tools/complete", ".djk8s"):
        words = ["git", "check-ignore", "--quiet", path]
        assert subprocess.run(words, cwd=shop).returncode == 0, path
    subprocess.run(["git", "add", "."], cwd=shop, check=True, capture_output=True)
    listed = subprocess.run(["git", "ls-files"], cwd=shop, capture_output=True, text=True).stdout.split()
    assert {"inv", ".env.example", ".djk8s.toml", "src/manage.py"} <= set(listed)
    assert [path for path in listed if path.startswith(".tools-wheels/djk8s-")]


def test_scripts_can_run(shop: Path) -> None:
    assert [name for name in ("inv", "entrypoint.sh") if not (shop / name).stat().st_mode & 0o100] == []


def test_list_of_the_new_project_is_its_own(shop: Path) -> None:
    words = [sys.executable, "-m", "djk8s", str(shop), "steps"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert listed.returncode == 0, listed.stderr
    assert "my_site.wsgi:application" in listed.stdout
    assert "bench" not in listed.stdout


def test_pins_have_hashes_and_djk8s_is_among_the_tools(shop: Path) -> None:
    for name in ("requirements.txt", "requirements-tools.txt", "requirements-uv.txt"):
        dry = ["pip", "compile", "--quiet", "--generate-hashes", "--no-deps", "--python", sys.executable, name]
        subprocess.run([UV, *dry, "--output-file", "/dev/null"], cwd=shop, check=True, capture_output=True)
    pins = (shop / "requirements-tools.txt").read_text()
    assert re.search(
        r"^\./\.tools-wheels/djk8s-[\d.]+-py3-none-any\.whl \\\n    --hash=sha256:[0-9a-f]{64}$", pins, re.M
    )


def test_it_can_be_updated_without_a_change(shop: Path) -> None:
    project, version, _ = facts.loads((shop / ".djk8s.toml").read_text())
    assert (project.name, project.settings, project.src) == ("my_site", "my_site.settings", "src")
    dry = djk8s(ROOT, "update", "--dry", cwd=shop)
    assert (dry.returncode, dry.stdout, dry.stderr) == (0, "", "")
    assert version in djk8s(ROOT, "--version", cwd=shop).stdout


@pytest.mark.parametrize("quote", ["'", '"'])
def test_settings_get_the_folders_of_what_is_in_no_app(quote: str) -> None:
    before = "TEMPLATES = [{'DIRS': [], 'APP_DIRS': True}]\nSTATIC_URL = 'static/'\n".replace("'", quote)
    after = (
        "TEMPLATES = [{'DIRS': [BASE_DIR / 'templates'], 'APP_DIRS': True}]\n"
        "STATIC_URL = 'static/'\nSTATICFILES_DIRS = [BASE_DIR / 'static']\n"
    )
    assert new.with_folders(before) == after.replace("'", quote)
    with pytest.raises(Exit, match="leave out --tailwind"):
        new.with_folders(after)


def test_second_one_in_its_place_is_refused(shop: Path) -> None:
    refused = djk8s(ROOT, "new", "my_site", "shop", cwd=shop.parent)
    assert "shop is not empty: name another folder" in one_sentence(refused.stderr)


NAMES = [
    ("my-site", "'my-site' is no name that Python can import: my_site would do."),
    ("2shop", "'2shop' is no name that Python can import: choose a word, such as shop."),
    ("läden", "'läden' is no name that Python can import: l_den would do."),
    ("", "'' is no name that Python can import: choose a word, such as shop."),
    ("import", "'import' is a name that Python has taken: choose another, for example import_site."),
    ("test", "'test' is a name that Python has taken: choose another, for example test_site."),
    ("json", "'json' is a name that Python has taken: choose another, for example json_site."),
    ("site", "'site' is a name that Python has taken: choose another, for example site_site."),
    ("serving", "'serving' is a name that Python has taken: choose another, for example serving_site."),
    ("__", "'__' is a name that Python has taken: choose another, for example my_site."),
]


@pytest.mark.parametrize(("name", "sentence"), NAMES)
def test_name_that_cannot_be_imported_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exit) as refused:
        new.create(name)
    assert refused.value.message == sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["shop", "my_site", "Shop", "shop2", "_shop"])
def test_name_that_a_person_would_choose_is_taken(name: str) -> None:
    new.require_name(name)
    assert re.fullmatch("[a-z0-9][a-z0-9_]*[a-z0-9]", new.facts_of(name, "5.2").name)


@pytest.mark.parametrize("django", ["3.2", "5", "five", "5.2.1", "~=5.2", "", "5.2\n"])
def test_release_that_is_none_is_refused(django: str) -> None:
    with pytest.raises(Exit, match=r"from 4\.2 on, for example --django 5\.2"):
        new.asked_for(django)


def test_release_is_asked_for_with_what_serves_it() -> None:
    usual = new.asked_for(None)
    assert new.asked_for("5.2") == usual
    newer = [line for line in usual.splitlines() if not line.startswith("django-csp")]
    assert new.asked_for("6.0").splitlines() == [newer[0], "django~=6.0.0", *newer[2:]]
    assert "django-tasks" not in usual
    assert new.facts_of("shop", "6.0").oldest_python == "3.12"


@pytest.mark.parametrize("name", ["django", "gunicorn", "whitenoise"])
def test_name_of_a_package_of_the_site_is_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    refused = djk8s(ROOT, "new", name, cwd=tmp_path)
    sentence = one_sentence(refused.stderr.partition("…\n")[2])
    assert (
        sentence == f"'{name}' is the name of a package that the site needs: choose another, for example {name}_site."
    )
    assert (refused.returncode, list(tmp_path.iterdir())) == (1, [])


def test_without_an_index_nothing_is_left(tmp_path: Path) -> None:
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_NO_CACHE": "1", "UV_HTTP_RETRIES": "0"}
    refused = djk8s(ROOT, "new", "shop", cwd=tmp_path, **nowhere)
    assert one_sentence(refused.stderr.partition("…\n")[2]).startswith("The packages cannot be pinned: ")
    assert (refused.returncode, list(tmp_path.iterdir())) == (1, [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_one_ends_quietly_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from djk8s.command import main; main()"
    silent = socket.create_server(("127.0.0.1", 0))  # an index that never answers
    variables = {
        "PATH": f"{UV.parent}{os.pathsep}{os.environ['PATH']}",
        "UV_DEFAULT_INDEX": f"http://127.0.0.1:{silent.getsockname()[1]}/simple",
        "UV_NO_CACHE": "1",
    }
    with (
        subprocess.Popen(
            [sys.executable, "-c", start, "new", "shop"],
            cwd=tmp_path,
            env={**os.environ, **variables},
            stderr=subprocess.PIPE,
            text=True,
        ) as typed,
        silent,
    ):
        silent.accept()[0].close()
        typed.send_signal(number)
        said = typed.communicate(timeout=30)[1]
    assert (typed.returncode, said) == (130, "Pinning Django 5.2 and what serves it …\n")
    assert list(tmp_path.iterdir()) == []


FOLDERS = [
    ("file", "file is a file: name another folder."),
    ("full", "full is not empty: name another folder, or `djk8s adopt full` if it has a Django project."),
    ("no/where", "There is no folder no: make it first, or name another."),
]


@pytest.mark.parametrize(("folder", "sentence"), FOLDERS)
def test_folder_that_is_not_free_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(resolver, "quiet", lambda _: pytest.fail("nothing is to be run"))
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter.txt").touch()
    with pytest.raises(Exit) as refused:
        new.create("shop", folder)
    assert refused.value.message == sentence
