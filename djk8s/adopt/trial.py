"""A copy of a project with our files in it, to build images of: nothing of theirs is touched until all is known."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from djk8s import files
from djk8s.facts import Facts
from djk8s.git import tracked
from djk8s.shell.talk import refuse, say

ENGINE = "docker"
BEFORE_STATIC = "# The static files, and"  # the Dockerfile's comment above the step that needs their settings
LABEL = "djk8s.adopt"


class Trial:
    """The copy, and the name of its image."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.name = f"djk8s-adopt-{secrets.token_hex(4)}"
        for path in tracked(root):
            copy(root / path, folder / path)

    def recipe(self, facts: Facts, whole: bool) -> Path:
        """Write the Dockerfile to build by, whole or only as far as Django can be asked, and return its path."""
        dockerfile = self.folder / files.renamed("Dockerfile", facts)
        text = dockerfile.read_text(encoding="utf-8")
        trial = self.folder / f"{dockerfile.name}.trial"
        trial.write_text(text if whole else text.partition(BEFORE_STATIC)[0], encoding="utf-8")
        # BuildKit reads the one that has the name of the Dockerfile: without it, a .dockerignore of theirs would count.
        ignored = self.folder / files.renamed(".dockerignore", facts)
        shutil.copy(ignored, self.folder / f"{trial.name}.dockerignore")
        return trial

    def build(self, facts: Facts, whole: bool) -> str:
        """Build the image, or only as far as Django can be asked, and return its name; raises `BuildError`."""
        trial = self.recipe(facts, whole)
        image = f"{self.name}:{'whole' if whole else 'packages'}"
        argv = [ENGINE, "build", "--progress", "plain", "--label", f"{LABEL}={self.name}", "--tag", image]
        ran = subprocess.run(
            [*argv, "--file", str(trial), str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if ran.returncode:
            raise BuildError(ran.stdout)
        return image

    def clean_up(self) -> None:
        """Remove the images."""
        listed = [ENGINE, "image", "ls", "--quiet", "--filter", f"label={LABEL}={self.name}"]
        found = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.split()
        if found:
            subprocess.run([ENGINE, "image", "rm", "--force", *set(found)], capture_output=True, check=False)


class BuildError(Exception):
    """An image could not be built; its argument is what the build said."""


@contextmanager
def trial_of(root: Path) -> Iterator[Trial]:
    """Copy the files of a project that git tracks into a temporary folder, and remove all of it in the end."""
    with tempfile.TemporaryDirectory(prefix="djk8s-adopt-") as folder:
        one = Trial(root, Path(folder))
        try:
            yield one
        finally:
            one.clean_up()


def copy(source: Path, target: Path) -> None:
    """Copy a file or a link."""
    if source.is_dir() and not source.is_symlink():
        return  # a submodule, whose files git does not list
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def require_engine() -> None:
    """Raise `Exit` unless an engine answers: Django is asked in an image."""
    say("Asking Docker …")
    try:
        ran = subprocess.run([ENGINE, "version"], capture_output=True, timeout=10, check=False)
        answers = ran.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        answers = False
    if not answers:
        refuse("Docker does not answer, and an image is where Django is asked about the project: start it first.")
