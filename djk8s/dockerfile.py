"""The Dockerfile, as far as others read it: its Python version, its base image and its marked steps."""

import re
from contextlib import suppress
from pathlib import Path

from invoke import Exit

from djk8s.project import Project
from djk8s.shell.talk import refuse

UNKNOWN = "?"


def text(project: Project) -> str:
    """Return the Dockerfile with its continuation lines joined; raises `Exit` if it cannot be read."""
    try:
        whole = project.dockerfile.read_text(encoding="utf-8")
    except FileNotFoundError:
        refuse("There is no Dockerfile here, which holds the container's part of the list: `git checkout Dockerfile`.")
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"The Dockerfile cannot be read ({error}): mend it, or `git checkout Dockerfile`.")
    return re.sub(r"\\\n(?:[ \t]*#.*\n)*[ \t]*", "", whole)


def steps(project: Project) -> dict[str, list[str]]:
    """Return the instructions of each step that a comment `# inv STEP: …` marks, up to a blank line.

    Mounts are left out: they are where a step gets its files from, and not what it does.
    """
    found: dict[str, list[str]] = {}
    block: list[str] = []
    for line in text(project).splitlines():
        if marker := re.match(r"# inv ([\w-]+):", line):
            block = found.setdefault(marker[1], [])
        elif not line.strip():
            block = []
        elif not line.startswith("#"):
            block.append(re.sub(r"--mount=\S+\s+", "", line))
    return found


def python_version(project: Project) -> str:
    """Return the Python version of the image, or "?" if the Dockerfile does not say it."""
    return first(project, r"ARG PYTHON_VERSION=(\S+)")


def base_image(project: Project) -> str:
    """Return the image that ours is built from, or "?" if the Dockerfile does not say it."""
    return first(project, r"FROM (\S+)").replace("${PYTHON_VERSION}", python_version(project))


def entrypoint(project: Project) -> Path:
    """Return the script that the image starts with."""
    return project.root / first(project, r'ENTRYPOINT \["/app/([^"]+)"').replace(UNKNOWN, "entrypoint.sh")


def build_variables(project: Project) -> dict[str, str]:
    """Return the variables that the site's code gets in a build, where the static files are gathered."""
    try:
        whole = re.sub(r"(?m)^(ARG \w+)$", r"\1=of---build-arg", text(project))
    except Exit:
        return {}
    lines = re.findall(r"^(?:ENV|ARG|RUN(?=.*manage\.py collectstatic)) (.*)", whole, re.MULTILINE)
    found = re.findall(r"""(?<!\S)([A-Za-z_]\w*)=("[^"]*"|'[^']*'|\S*)""", "\n".join(lines))
    return {name: value.strip("\"'") for name, value in found if "$" not in value}


def gathers_static_files(project: Project) -> bool:
    return first(project, r"RUN .*(manage\.py collectstatic)") != UNKNOWN


def dockerignore(project: Project) -> Path:
    """Return the file that says what a build leaves out: the Dockerfile's own, or the folder's."""
    own = project.dockerfile.with_name(f"{project.dockerfile.name}.dockerignore")
    return own if own.exists() else project.root / ".dockerignore"


def first(project: Project, pattern: str) -> str:
    with suppress(Exit):  # serving on this machine needs no Dockerfile
        if found := re.search(f"^{pattern}", text(project), re.MULTILINE):
            return found[1]
    return UNKNOWN
