"""`djk8s update` across two versions, built from copies of this repository, with files edited on the project's side."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from djk8s import command, facts, files, update, wheel, writing
from djk8s.facts import Facts
from support import one_sentence
from versions import UV, build, change, copy

SHOP = Facts("shop", "shop.settings", "shop.wsgi:application", offered=("db",))
OLD = "0.1.9"


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of an earlier version: it has another comment, a file more, and a file less."""
    source = copy(tmp_path_factory.mktemp("older") / "djk8s", OLD)
    change(source / "entrypoint.sh", "(?s)^#!/bin/bash\n.*?set -euo", "#!/bin/bash\n# An old comment.\nset -euo")
    change(source / ".env.example", "(?m)^# 0 writes no line per request.$", "# An old comment.")
    (source / "serving/gone.py").write_text('"""Of use to nobody."""\n')
    (source / "serving/limits.py").unlink()
    return build(source)


@pytest.fixture
def shop(older: Path, tmp_path: Path) -> Path:
    """A project with the files of the earlier version, in git."""
    root = tmp_path / "shop"
    root.mkdir()
    path, content = f"{wheel.FOLDER}/{older.name}", older.read_bytes()
    writing.write(root, {path: content, facts.FILE: facts.dumps(SHOP, OLD)})
    texts = update.earlier(root, OLD)
    texts[writing.TOOLS] += wheel.kept_line(path, content)
    writing.write(root, texts)
    for words in (["init", "--quiet"], ["config", "user.name", "a"], ["config", "user.email", "a@example.com"]):
        git(root, *words)
    commit(root)
    return root


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout


def commit(root: Path) -> None:
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "all")


@pytest.fixture(autouse=True)
def pinned_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """The uv of .tools/, as that of an installed djk8s is beside it."""
    monkeypatch.setenv("PATH", str(UV.parent), prepend=os.pathsep)


Update = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str]) -> Update:
    """Type `djk8s update` in this process, which builds its wheel once."""

    def type_in(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
        code = 0
        capfd.readouterr()
        try:
            command.main(["update", str(root), *words])
        except SystemExit as end:
            code = int(end.code or 0)
        return subprocess.CompletedProcess(words, code, *capfd.readouterr())

    return type_in


@pytest.fixture
def updated(typed: Update) -> Update:
    """Commit what is there, and update it."""

    def commit_and_type(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
        if git(root, "status", "--porcelain"):
            commit(root)
        return typed(root, *words)

    return commit_and_type


def texts_of(root: Path) -> dict[str, str]:
    return {path: (root / path).read_text() for path in files.rendered(SHOP) if path != writing.TOOLS}


def new() -> dict[str, str]:
    return {path: text for path, text in files.rendered(SHOP).items() if path != writing.TOOLS}


def test_files_without_a_change_become_those_of_the_new_version(shop: Path, updated: Update) -> None:
    done = updated(shop)
    assert done.returncode == 0, done.stderr
    assert texts_of(shop) == new()
    assert not (shop / "serving/gone.py").exists()
    assert facts.loads((shop / facts.FILE).read_text()) == (SHOP, wheel.version(), True)
    (kept,) = (shop / wheel.FOLDER).iterdir()
    assert kept.name == f"djk8s-{wheel.version()}-py3-none-any.whl"
    tools = (shop / writing.TOOLS).read_text()
    assert tools == files.rendered(SHOP)[writing.TOOLS] + wheel.kept_line(
        f"{wheel.FOLDER}/{kept.name}", kept.read_bytes()
    )
    again = updated(shop)
    assert one_sentence(again.stderr) == f"The files are those of djk8s {wheel.version()}: nothing to do."


def test_change_elsewhere_in_a_file_is_kept(shop: Path, updated: Update) -> None:
    change(shop / "entrypoint.sh", r'\nexec "\$@"', '\necho "It begins."\nexec "$@"')
    change(shop / writing.TOOLS, r"(?m)\A", "# Ours too.\n")
    assert updated(shop).returncode == 0
    text = (shop / "entrypoint.sh").read_text()
    assert text == new()["entrypoint.sh"].replace('\nexec "$@"', '\necho "It begins."\nexec "$@"')
    assert (shop / "entrypoint.sh").stat().st_mode & 0o100
    assert (shop / writing.TOOLS).read_text().startswith("# Ours too.\n")


def test_change_of_the_same_line_is_marked_and_named(shop: Path, updated: Update) -> None:
    change(shop / "entrypoint.sh", "An old comment", "Our own comment")
    done = updated(shop)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Your changes and those of djk8s meet in entrypoint.sh: choose")
    text = (shop / "entrypoint.sh").read_text()
    assert "<<<<<<< yours\n# Our own comment.\n" in text
    assert f">>>>>>> djk8s {wheel.version()}\n" in text
    assert (shop / "serving/limits.py").read_text() == new()["serving/limits.py"]


def test_settings_of_a_projects_own_get_no_marks(shop: Path, updated: Update) -> None:
    change(shop / ".env.example", "An old comment", "Our own comment")
    done = updated(shop)
    assert ".env.example has your own settings, and stays as it is." in done.stderr
    assert "Our own comment" in (shop / ".env.example").read_text()
    assert "<<<" not in (shop / ".env.example").read_text()


def test_file_that_is_of_no_use_any_more_is_kept_if_it_was_changed(shop: Path, updated: Update) -> None:
    (shop / "serving/gone.py").write_text("ours = 1\n")
    assert "serving/gone.py is of no use to djk8s any more, and has your changes" in updated(shop).stderr
    assert (shop / "serving/gone.py").read_text() == "ours = 1\n"


def test_file_of_a_projects_own_is_not_written_over(shop: Path, updated: Update) -> None:
    (shop / "serving/limits.py").write_text("ours = 1\n")
    assert "serving/limits.py is your own, and djk8s has one of that name now" in updated(shop).stderr
    assert (shop / "serving/limits.py").read_text() == "ours = 1\n"


def test_file_that_was_removed_stays_so(shop: Path, updated: Update) -> None:
    (shop / "entrypoint.sh").unlink()
    (shop / "completion/inv.fish").unlink()
    said = updated(shop).stderr
    assert "entrypoint.sh is gone here, and stays so." in said
    assert "inv.fish" not in said  # which did not change
    assert not (shop / "entrypoint.sh").exists()


def test_static_files_come_to_be_made_by_node_and_no_more(shop: Path, updated: Update) -> None:
    assert updated(shop).returncode == 0
    change(shop / "Dockerfile", "(?m)^EXPOSE 8000$", "EXPOSE 8000\nLABEL mine=1")
    before = (shop / "Dockerfile").read_text()
    assert updated(shop, "--node", "web").stderr.startswith("There is no package.json with a script `build` in web")
    (shop / "web").mkdir()
    (shop / "web/package.json").write_text('{"scripts": {"build": "vite build", "watch": "vite build --watch"}}')
    assert "Updated: 4 files" in updated(shop, "--node", "web").stderr
    dockerfile = (shop / "Dockerfile").read_text()
    assert "FROM node:22-slim AS assets\n\nWORKDIR /app/web\n" in dockerfile
    assert "\nLABEL mine=1\n" in dockerfile
    assert "\nnode_modules/\n" in (shop / ".gitignore").read_text()
    assert "npm run watch" in (shop / "compose/dev.yaml").read_text()
    assert facts.loads((shop / facts.FILE).read_text())[0].watch == "watch"
    assert "Updated: 3 files" in updated(shop, "--node", "").stderr
    assert (shop / "Dockerfile").read_text() == before


def test_database_comes_when_its_driver_is_there(shop: Path, updated: Update) -> None:
    change(shop / facts.FILE, "(?m)^offered = .*$", "offered = []")
    (shop / "compose/db.yaml").unlink()
    assert updated(shop).returncode == 0
    refused = updated(shop, "--database", "postgres").stderr
    assert refused.startswith("No driver of postgres is in requirements.txt: add psycopg[binary] to requirements.in")
    with (shop / "requirements.txt").open("a") as file:
        file.write("psycopg[binary]==3.2.12\n")
    assert updated(shop, "--database", "postgres").returncode == 0
    assert "image: postgres:17" in (shop / "compose/db.yaml").read_text()
    assert facts.loads((shop / facts.FILE).read_text())[0].database == "postgres"
    assert updated(shop, "--database", "postgis").returncode == 0
    assert "gdal-bin" in (shop / "Dockerfile").read_text()
    assert updated(shop, "--database", "oracle").stderr.startswith("--database is oracle: write sqlite, ")


def test_dry_shows_the_difference_and_writes_nothing(shop: Path, typed: Update) -> None:
    (shop / "notes.txt").touch()
    before = git(shop, "status", "--porcelain")
    shown = typed(shop, "--dry")
    assert "-# An old comment.\n" in shown.stdout
    assert f"Removed: {wheel.FOLDER}/djk8s-{OLD}-py3-none-any.whl\n" in shown.stdout
    assert git(shop, "status", "--porcelain") == before


def test_changes_that_are_not_committed_are_refused(shop: Path, typed: Update) -> None:
    (shop / "notes.txt").touch()
    refused = typed(shop)
    assert "commit them, or `git stash`" in one_sentence(refused.stderr)
    assert git(shop, "status", "--porcelain") == "?? notes.txt\n"


def without_git(root: Path) -> None:
    (root / ".git").rename(root / "git")


def without_a_record(root: Path) -> None:
    (root / facts.FILE).unlink()
    commit(root)


def with_a_broken_record(root: Path) -> None:
    (root / facts.FILE).write_text("version = \n")
    commit(root)


def with_another_word_for_the_wheel(root: Path) -> None:
    change(root / facts.FILE, 'wheel = "kept"', 'wheel = "somewhere"')
    commit(root)


def of_a_newer_version(root: Path) -> None:
    change(root / facts.FILE, f'version = "{OLD}"', 'version = "99.0"')
    commit(root)


def without_its_wheel(root: Path) -> None:
    next((root / wheel.FOLDER).iterdir()).unlink()
    commit(root)


REFUSED = [
    (without_git, "is in no repository of git: `git init`"),
    (without_a_record, "`djk8s adopt` gives a project the files that this updates"),
    (with_a_broken_record, "`git checkout .djk8s.toml`"),
    (with_another_word_for_the_wheel, "wheel is 'somewhere': write kept or index"),
    (of_a_newer_version, "djk8s 99.0 wrote these files, and this is"),
    (without_its_wheel, "is not in .tools-wheels: `git checkout .tools-wheels`"),
]


@pytest.mark.parametrize(("provoke", "told"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_project_that_cannot_be_updated_is_one_sentence(shop: Path, typed: Update, provoke: object, told: str) -> None:
    assert callable(provoke)
    provoke(shop)
    refused = typed(shop)
    assert refused.returncode == 1
    assert told in one_sentence(refused.stderr)


def test_one_setting_turns_the_kept_wheel_into_the_index_and_back(
    shop: Path, updated: Update, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = build(copy(tmp_path / "djk8s", wheel.version()))
    kept = wheel.kept_line(f"{wheel.FOLDER}/{made.name}", made.read_bytes())
    monkeypatch.setenv("UV_INDEX", index_of(tmp_path / "simple/djk8s", made))
    change(shop / facts.FILE, 'wheel = "kept"', 'wheel = "index"')
    done = updated(shop)
    assert done.returncode == 0, done.stderr
    pinned = (shop / writing.TOOLS).read_text().removeprefix(files.rendered(SHOP)[writing.TOOLS])
    assert pinned == f"djk8s=={wheel.version()} \\\n{kept.splitlines()[1]}\n"
    assert not (shop / wheel.FOLDER).exists()
    assert "nothing to do" in updated(shop).stderr
    change(shop / facts.FILE, 'wheel = "index"', 'wheel = "kept"')
    done = updated(shop)
    assert done.returncode == 0, done.stderr
    assert (shop / writing.TOOLS).read_text() == files.rendered(SHOP)[writing.TOOLS] + kept
    assert (shop / wheel.FOLDER / made.name).is_file()


def index_of(folder: Path, file: Path) -> str:
    """Make an index that has a wheel and its hash, and return its address."""
    folder.mkdir(parents=True)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "index.html").write_text(f'<a href="{file.as_uri()}#sha256={digest}">{file.name}</a>')
    return folder.parent.as_uri()
