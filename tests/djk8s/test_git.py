"""The revision of an image is git's commit, and says whether the folder differs from it."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from djk8s import git as questions
from djk8s.project import Project

Git = Callable[..., str]


@pytest.fixture
def here(project: Project, tmp_path: Path) -> Project:
    """A project in a folder of the test's own."""
    return replace(project, root=tmp_path / "repository")


@pytest.fixture
def git(here: Project, tmp_path: Path, shell: pytest.MonkeyPatch) -> Git:
    """Git in the project's folder, with nothing of the developer's configuration."""
    if not shutil.which("git"):
        pytest.skip("there is no git here")
    folder = here.root
    folder.mkdir()
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        shell.delenv(name, raising=False)
    shell.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    shell.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    shell.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))

    def type_in(*words: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    return type_in


@pytest.fixture
def repository(git: Git, here: Project) -> Path:
    """A repository with one commit."""
    folder = here.root
    git("init", "--quiet")
    (folder / "code.py").write_text("1\n")
    (folder / ".gitignore").write_text("*.pyc\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    return folder


def test_revision_is_the_commit_and_dirty_with_a_change_or_a_new_file(
    here: Project, git: Git, repository: Path
) -> None:
    commit = git("rev-parse", "HEAD")
    (repository / "ignored.pyc").write_text("")
    assert questions.revision(here) == commit
    (repository / "new.py").write_text("2\n")
    assert questions.revision(here) == f"{commit}-dirty"
    git("add", ".")
    git("commit", "--quiet", "--message", "two")
    (repository / "code.py").write_text("2\n")
    assert questions.revision(here) == git("rev-parse", "HEAD") + "-dirty"


def test_asking_for_the_revision_writes_nothing(here: Project, repository: Path) -> None:
    index = repository / ".git/index"
    (repository / "code.py").touch()
    before = index.read_bytes(), index.stat().st_ino
    assert not questions.revision(here).endswith("-dirty")
    assert (index.read_bytes(), index.stat().st_ino) == before


def test_there_is_no_revision_outside_a_repository_nor_before_the_first_commit(here: Project, git: Git) -> None:
    assert questions.revision(here) == ""
    git("init", "--quiet")
    assert questions.revision(here) == ""


def test_there_is_no_revision_without_git(here: Project, repository: Path, shell: pytest.MonkeyPatch) -> None:
    shell.setenv("PATH", str(repository))
    assert questions.revision(here) == ""
