"""A second checkout of the project, as it is now, with names of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from support import ROOT, answers, free_port, run

NAME = 'it\'s a "$HOME" ü'  # a folder that a shell would take apart


def copy(path: Path, target: Path) -> None:
    """Copy a file, a link as a link, or the folder of a submodule."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy(path, target, follow_symlinks=False)


class Checkout:
    """A copy of the files that git knows, or would, which works with the tools of this checkout."""

    def __init__(self, folder: Path, project: str) -> None:
        self.folder = folder / NAME
        listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
        for name in filter(None, listed.split("\0")):
            if os.path.lexists(ROOT / name):  # git lists what was deleted, too
                copy(ROOT / name, self.folder / name)
        (self.folder / ".tools").symlink_to(ROOT / ".tools")
        self.port, self.up_port = free_port(), free_port()
        own = {"INVOKE_PROJECT": project, "INVOKE_IMAGE": project, "INVOKE_UP_IMAGE": f"{project}-compose:v1"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("INVOKE_")}
        self.environment = {**inherited, **own, "INVOKE_PORT": str(self.port), "INVOKE_UP_PORT": str(self.up_port)}

    def inv(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Type an `inv` command here, with more variables."""
        return subprocess.run(
            ["./inv", *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def scope(self) -> str:
        """Return the name under which this checkout's things are on the engine."""
        return self.inv("--dry", "up").stdout.split("--project-name ")[1].split()[0]

    def start(self) -> None:
        """Run the site in both ways, of an image of its own."""
        for words in (["build"], ["run", "--detach"], ["up", "--detach"]):
            started = self.inv(*words)
            assert started.returncode == 0, started.stderr

    def runs(self) -> list[bool]:
        """Return whether the site answers, run and up."""
        return [answers(f"http://localhost:{port}") for port in (self.port, self.up_port)]
