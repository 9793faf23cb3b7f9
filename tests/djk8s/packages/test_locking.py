"""`inv lock`, with a real uv and a folder of tiny packages."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from djk8s import facts
from djk8s.facts import Facts
from djk8s.packages import locking
from made_index import index, wheel
from support import ROOT

__all__ = ["index"]  # the fixture

Typed = subprocess.CompletedProcess[str]


@pytest.fixture
def project_folder(checkout: Path, index: Path) -> Path:
    """A copy of the project without its requirements, with the tools."""
    (checkout / ".tools").symlink_to(ROOT / ".tools")
    for file in checkout.glob("requirements*"):
        file.unlink()
    return checkout


def test_each_in_is_pinned_for_the_pythons_of_pyproject(
    project_folder: Path, index: Path, elsewhere: Callable[..., Typed]
) -> None:
    wheel(index, "newer", "6", python=">=3.12")  # like Django 6
    (project_folder / "requirements.in").write_text("django\n")
    (project_folder / "requirements-newer.in").write_text("newer\n")
    (project_folder / "pyproject.toml").write_text('[project]\nname = "site"\nrequires-python = ">=3.12"\n')
    locked = elsewhere("lock")
    assert locked.returncode == 0, locked.stderr
    assert "django==5.2.2" in (project_folder / "requirements.txt").read_text()
    assert "newer==6" in (project_folder / "requirements-newer.txt").read_text()
    lines = [line for line in locked.stderr.splitlines() if ".tools/bin/uv pip compile" in line]
    assert [line.split()[-1] for line in lines] == ["requirements-newer.in", "requirements.in"]


def test_pins_stay_until_they_are_upgraded(project_folder: Path, index: Path, elsewhere: Callable[..., Typed]) -> None:
    pins = project_folder / "requirements.txt"
    (project_folder / "requirements.in").write_text("django\n")
    elsewhere("lock")
    wheel(index, "django", "5.3")
    elsewhere("lock")
    assert "django==5.2.2" in pins.read_text()
    elsewhere("lock", "--upgrade")
    assert "django==5.3" in pins.read_text()


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        ("# all\n\n-c other.txt\nDjango[argon2]~=5.2  # why\nlater==1; python_version > '3.12'\n", False),
        ("tomli; python_version < '3.11'\nnumpy>=2\n", False),
        ("django~=5.2\nhttpx\n", True),
        ("django~=6.0\n", True),
        ("site @ git+https://example.com/site\n", False),
    ],
)
def test_what_is_asked_for_and_not_pinned_is_noticed(tmp_path: Path, asked: str, more: bool) -> None:
    (tmp_path / "requirements.in").write_text(asked)
    (tmp_path / "requirements.txt").write_text(
        "django==5.2.2 \\\n    --hash=sha256:00\nlater==1 ; python_version > '3.12'\nnumpy==2.1\nnumpy==1.26\n"
    )
    assert locking.asks_for_more(tmp_path / "requirements.in") == more


def test_a_failure_is_one_sentence_and_changes_nothing(project_folder: Path, elsewhere: Callable[..., Typed]) -> None:
    (project_folder / "requirements.in").write_text("nowhere\n")
    (project_folder / "requirements.txt").write_text("# as it was\n")
    locked = elsewhere("lock")
    assert locked.returncode != 0
    last = locked.stderr.splitlines()[-1]
    assert last.startswith("requirements.in cannot be locked, correct it there: Because nowhere was not found")
    assert (project_folder / "requirements.txt").read_text() == "# as it was\n"


@pytest.fixture
def adopted(project_folder: Path) -> Path:
    """A project whose packages are named in a file of its own."""
    (project_folder / "requirements").mkdir()
    (project_folder / "requirements" / "prod.txt").write_text("django==5.2.1\n")
    known = Facts("shop", "shop.settings", "shop.wsgi:application", packages="requirements/prod.txt")
    (project_folder / facts.FILE).write_text(facts.dumps(known, "0.2.0"))
    return project_folder


def test_another_source_is_exported_with_what_serving_needs(adopted: Path, elsewhere: Callable[..., Typed]) -> None:
    locked = elsewhere("lock")
    assert locked.returncode == 0, locked.stderr
    pins = (adopted / "requirements.txt").read_text()
    assert pins.startswith("# What the site installs: the packages of requirements/prod.txt, and what serving needs.")
    assert "django==5.2.1" in pins
    assert "gunicorn==27.0" in pins
    (adopted / "requirements" / "prod.txt").write_text("django\n")
    elsewhere("lock")
    assert "django==5.2.1" in (adopted / "requirements.txt").read_text()
    elsewhere("lock", "--upgrade")
    assert "django==5.2.2" in (adopted / "requirements.txt").read_text()


def test_a_failed_export_leaves_the_old_one(adopted: Path, elsewhere: Callable[..., Typed]) -> None:
    (adopted / "requirements.txt").write_text("# as it was\n")
    (adopted / "requirements" / "prod.txt").write_text("nowhere\n")
    locked = elsewhere("lock")
    assert locked.returncode != 0
    assert "nowhere was not found" in locked.stderr.splitlines()[-1]
    assert (adopted / "requirements.txt").read_text() == "# as it was\n"


def test_dry_prints_and_writes_nothing(adopted: Path, elsewhere: Callable[..., Typed]) -> None:
    dry = elsewhere("--dry", "lock")
    assert dry.returncode == 0, dry.stderr
    assert [line.split()[:3] for line in dry.stdout.splitlines()] == [[".tools/bin/uv", "pip", "compile"]] * 2
    assert not (adopted / "requirements.txt").exists()


def test_the_requirements_of_a_new_project_are_compiled_as_they_are(
    project_folder: Path, elsewhere: Callable[..., Typed]
) -> None:
    """They name what serving needs, each with a reason."""
    asked = "django\ngunicorn\nwhitenoise\npython-json-logger\ndj-database-url\n"
    (project_folder / "requirements.in").write_text(asked)
    (project_folder / facts.FILE).write_text(facts.dumps(Facts("shop", "shop.settings", "shop.wsgi:app"), "0.2.0"))
    assert elsewhere("lock").returncode == 0
    assert "inv lock" in (project_folder / "requirements.txt").read_text().splitlines()[1]


def test_an_unreadable_file_of_facts_is_one_sentence(project_folder: Path, elsewhere: Callable[..., Typed]) -> None:
    (project_folder / facts.FILE).write_text("half a fi")
    locked = elsewhere("lock")
    assert (locked.returncode, len(locked.stderr.splitlines())) == (1, 1)
    assert "git checkout .djk8s.toml" in locked.stderr
