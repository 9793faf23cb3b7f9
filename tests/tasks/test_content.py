"""What goes into the image: its digest changes with that and nothing else, and its revision is git's."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steps import command, content

Typed = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def same(checkout: Path) -> Iterator[Callable[[], bool]]:
    """Return whether the digest of a copy of the project is what it was at first; at the end it is no longer."""
    before = content.digest(checkout)
    yield lambda: content.digest(checkout) == before


def test_digest_of_a_copy_elsewhere_is_the_same(checkout: Path) -> None:
    assert content.digest(checkout) == content.digest()


def test_digest_is_short_and_can_be_a_label(checkout: Path) -> None:
    assert len(content.digest(checkout)) == 16
    assert int(content.digest(checkout), 16) >= 0


GOES_IN = [
    "src/manage.py",
    "src/myproj/settings.py",
    "image/bytecode.py",
    "requirements.txt",
    "requirements-uv.txt",
    "entrypoint.sh",
    "Dockerfile",
    ".dockerignore",
]


@pytest.mark.parametrize("name", GOES_IN)
def test_digest_changes_with_the_content_of(checkout: Path, same: Callable[[], bool], name: str) -> None:
    path = checkout / name
    path.write_bytes(path.read_bytes()[:-1] + b" ")  # as long as before
    assert not same()


@pytest.mark.posix("run bits")
@pytest.mark.parametrize("name", ["src/manage.py", "entrypoint.sh"])
def test_digest_changes_with_the_run_bit_of(checkout: Path, same: Callable[[], bool], name: str) -> None:
    mode = (checkout / name).stat().st_mode
    (checkout / name).chmod(mode ^ 0o100)
    assert not same()
    (checkout / name).chmod(mode)
    assert same()


def test_digest_changes_with_a_name(checkout: Path, same: Callable[[], bool]) -> None:
    (checkout / "src/manage.py").rename(checkout / "src/manages.py")
    assert not same()


def test_digest_changes_with_what_is_in_which_file(checkout: Path) -> None:
    one, two = checkout / "src/one.txt", checkout / "src/two.txt"
    one.write_text("ab")
    two.write_text("c")
    before = content.digest(checkout)
    one.write_text("a")
    two.write_text("bc")
    assert content.digest(checkout) != before


ADDED = ["src/new.py", "src/myproj/static/a.css", "src/.hidden", "src/pyc", "src/env", "image/new.py"]


@pytest.mark.parametrize("name", ADDED)
def test_digest_changes_with_a_new_file(checkout: Path, same: Callable[[], bool], name: str) -> None:
    add(checkout / name)
    assert not same()


STAYS_OUT = [
    "README.md",
    "tests/test_new.py",
    "tasks.py",
    "steps/new.py",
    "docker-compose.yaml",
    "requirements-tools.txt",
    "data/db.sqlite3",
    ".env",
    ".git/HEAD",
    "src/.env",
    "src/myproj/.env.local",
    "src/.env.d/secrets",
    "src/a.pyc",
    "src/myproj/a.pyo",
    "src/__pycache__/a.cpython-311.pyc",
    "src/myproj/__pycache__/notes.txt",
    "image/__pycache__/a.pyc",
]


@pytest.mark.parametrize("name", STAYS_OUT)
def test_digest_does_not_change_with(checkout: Path, same: Callable[[], bool], name: str) -> None:
    add(checkout / name)
    assert same()


def add(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write("new\n")


def test_digest_does_not_change_with_time_and_owners_other_bits(checkout: Path, same: Callable[[], bool]) -> None:
    (checkout / "src/manage.py").touch()
    (checkout / "src/myproj/settings.py").chmod(0o600)
    assert same()


@pytest.mark.posix("links for everyone")
def test_link_is_what_it_says_even_where_it_leads_nowhere(checkout: Path, same: Callable[[], bool]) -> None:
    """An editor marks a file that is open by a link to no file."""
    link = checkout / "src/.#settings.py"
    link.symlink_to("me@here.1234")
    first = content.digest(checkout)
    assert not same()
    link.unlink()
    link.symlink_to("you@there.1234")
    assert content.digest(checkout) not in {first, ""}
    link.unlink()
    assert same()


@pytest.mark.posix("links for everyone")
def test_link_to_a_folder_goes_in_as_a_link(checkout: Path, same: Callable[[], bool]) -> None:
    (checkout / "src/linked").symlink_to("myproj")
    assert not same()
    assert checkout / "src/linked" in set(content.context(checkout))
    assert not [file for file in content.context(checkout) if checkout / "src/linked" in file.parents]


Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, shell: pytest.MonkeyPatch) -> Git:
    """Git in a folder that the steps take for the project's, with nothing of the developer's configuration."""
    if not shutil.which("git"):
        pytest.skip("there is no git here")
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        shell.delenv(name, raising=False)
    shell.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    shell.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    shell.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    shell.setattr(command, "ROOT", folder)

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
def repository(git: Git, tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "repository"
    git("init", "--quiet")
    (folder / "code.py").write_text("1\n")
    (folder / ".gitignore").write_text("*.pyc\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    return folder


def test_revision_is_the_commit(git: Git, repository: Path) -> None:
    assert content.revision() == git("rev-parse", "HEAD")
    (repository / "ignored.pyc").write_text("")
    assert content.revision() == git("rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["code.py", "new.py"], ids=["a change", "a new file"])
def test_revision_is_dirty_with(git: Git, repository: Path, name: str) -> None:
    (repository / name).write_text("2\n")
    assert content.revision() == git("rev-parse", "HEAD") + "-dirty"
    git("add", ".")
    assert content.revision() == git("rev-parse", "HEAD") + "-dirty"
    git("commit", "--quiet", "--message", "two")
    assert content.revision() == git("rev-parse", "HEAD")


def test_asking_for_the_revision_writes_nothing(repository: Path) -> None:
    index = repository / ".git/index"
    (repository / "code.py").touch()
    before = index.read_bytes(), index.stat().st_ino
    assert not content.revision().endswith("-dirty")
    assert (index.read_bytes(), index.stat().st_ino) == before


def test_there_is_no_revision_before_the_first_commit(git: Git) -> None:
    git("init", "--quiet")
    assert content.revision() == ""


def test_there_is_no_revision_outside_a_repository(git: Git) -> None:
    assert content.revision() == ""


def test_there_is_no_revision_without_git(repository: Path, shell: pytest.MonkeyPatch) -> None:
    shell.setenv("PATH", str(repository))
    assert content.revision() == ""


def test_labels_have_both_or_the_content_alone(git: Git, repository: Path, shell: pytest.MonkeyPatch) -> None:
    assert content.labels() == {
        "djk8s.content": content.digest(),
        "org.opencontainers.image.revision": git("rev-parse", "HEAD"),
    }
    shell.setattr(content, "revision", lambda: "")
    assert content.labels() == {"djk8s.content": content.digest()}
