"""Questions to git, which may not be installed."""

import subprocess
from pathlib import Path

from djk8s.project import Project
from djk8s.shell.run import output

REVISION = "org.opencontainers.image.revision"  # https://specs.opencontainers.org/image-spec/annotations/


def ask(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a git command that changes nothing; its exit code is -1 without git, or if it does not answer in time."""
    try:
        return output(project, ("git", *words))
    except (OSError, subprocess.TimeoutExpired):
        return subprocess.CompletedProcess(words, -1, "", "")


def revision(project: Project) -> str:
    """Return the commit of the folder, with `-dirty` if there are changes since; "" without git."""
    commit = ask(project, "rev-parse", "HEAD")
    changes = ask(project, "--no-optional-locks", "status", "--porcelain", "--", ".")
    if commit.returncode or changes.returncode:
        return ""
    return commit.stdout.strip() + ("-dirty" if changes.stdout else "")


def at(folder: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a git command in a folder, with `given` as its input; its exit code is -1 without git."""
    argv = ("git", "-C", str(folder), *words)
    try:
        return subprocess.run(
            argv,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",  # a file's name may be something else
            check=False,
        )
    except OSError:
        return subprocess.CompletedProcess(argv, -1, "", "")


def tracked(root: Path) -> tuple[str, ...]:
    """Return the files of a folder that git tracks, with `/` between the parts; none where it is no repository."""
    return tuple(at(root, "ls-files", "-z").stdout.split("\0")[:-1])


def ignored(root: Path) -> tuple[str, ...]:
    """Return the files of a folder that git ignores, but for those in a folder that it ignores as a whole."""
    found = at(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory").stdout
    return tuple(path for path in found.split("\0")[:-1] if not path.endswith("/"))
