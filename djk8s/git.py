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


def tracked(root: Path) -> tuple[str, ...]:
    """Return the files of a folder that git tracks, with `/` between the parts; none where it is no repository."""
    return listed(root)


def ignored(root: Path) -> tuple[str, ...]:
    """Return the files of a folder that git ignores, but for those in a folder that it ignores as a whole."""
    found = listed(root, "--others", "--ignored", "--exclude-standard", "--directory")
    return tuple(path for path in found if not path.endswith("/"))


def listed(root: Path, *options: str) -> tuple[str, ...]:
    try:
        words = ("git", "-C", str(root), "ls-files", "-z", *options)
        said = subprocess.run(words, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(name for name in said.decode(errors="surrogateescape").split("\0") if name)
