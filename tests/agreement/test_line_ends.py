"""Line ends: a checkout has those of Linux, also where git is told to write those of Windows."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Agree = Callable[[object, str], None]

SHELL = {".sh", ".bash", ".zsh", ".fish"}


@pytest.fixture
def cloned(copy: Path, tmp_path: Path) -> Path:
    """A clone as git for Windows makes it by default."""
    repository, clone = tmp_path / "repository", tmp_path / "clone"
    nobodys = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_DIR": str(repository)}

    def git(*words: str, **environment: str) -> None:
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        subprocess.run(["git", *words], cwd=copy, env={**surroundings, **environment}, check=True, capture_output=True)

    git("init", "--quiet", "--bare", **nobodys)
    whose = ["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "core.safecrlf=false"]
    git(*whose, "--work-tree=.", "add", "--all", "--force", **nobodys)
    git(*whose, "--work-tree=.", "commit", "--quiet", "--message", "all", **nobodys)
    git("clone", "--quiet", "-c", "core.autocrlf=true", str(repository), str(clone), GIT_CONFIG_GLOBAL=os.devnull)
    return clone


def is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix in SHELL or file.readline().startswith(b"#!")


def test_shell_files_have_the_line_ends_of_linux_in_a_checkout_of_windows(agree: Agree, cloned: Path) -> None:
    files = [path for path in cloned.rglob("*") if path.is_file() and ".git" not in path.relative_to(cloned).parts]
    shell = {path.relative_to(cloned).as_posix() for path in files if is_shell(path)}
    assert {"inv", ".ci/run", "entrypoint.sh", "completion/inv.bash"} <= shell
    with_crlf = sorted(name for name in shell if b"\r\n" in (cloned / name).read_bytes())
    agree(not with_crlf, f".gitattributes lets git write {', '.join(with_crlf)} with CRLF line ends.")


def test_image_is_of_the_same_files_from_a_checkout_of_windows(agree: Agree, copy: Path, cloned: Path) -> None:
    """A Dockerfile, pins and code with other line ends would be another image."""
    for folder in (".", "src", "serving"):
        for path in (copy / folder).glob("*"):
            if path.is_file():
                there = cloned / path.relative_to(copy)
                agree(
                    there.read_bytes() == path.read_bytes(),
                    f".gitattributes lets git write {path.relative_to(copy)} with CRLF line ends.",
                )
