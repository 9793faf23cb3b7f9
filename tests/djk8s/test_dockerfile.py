"""The Dockerfile as others read it: its marked steps, its Python version and its base image."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from invoke.exceptions import Exit

from djk8s import dockerfile
from djk8s.project import Project
from support import one_sentence

TEXT = """\
ARG PYTHON_VERSION=3.13
FROM python:${PYTHON_VERSION}-slim AS packages
# inv venv: outside of /app,
# where a mount would hide it
RUN python -m venv /opt/venv

# inv install: before the code
RUN --mount=type=cache,target=/root/.cache \\
    --mount=type=bind,source=requirements.txt,target=/requirements.txt \\
    # a comment within an instruction
    uv pip install \\
    -r /requirements.txt
# another reason
RUN check
COPY src /app/src

# only a comment about inv venv: not a marker
RUN other
# inv serve: not as root
USER 10001
# inv logs: right after it
CMD ["gunicorn"]
"""


@pytest.fixture
def here(project: Project, tmp_path: Path) -> Project:
    """A project of this Dockerfile alone."""
    (tmp_path / "Dockerfile").write_text(TEXT)
    return replace(project, root=tmp_path, dockerfile=tmp_path / "Dockerfile")


def test_steps_are_what_follows_their_markers(here: Project) -> None:
    assert dockerfile.steps(here) == {
        "venv": ["RUN python -m venv /opt/venv"],
        "install": ["RUN uv pip install -r /requirements.txt", "RUN check", "COPY src /app/src"],
        "serve": ["USER 10001"],
        "logs": ['CMD ["gunicorn"]'],
    }


def test_version_and_base_are_read(here: Project) -> None:
    assert dockerfile.python_version(here) == "3.13"
    assert dockerfile.base_image(here) == "python:3.13-slim"


def test_version_is_unknown_where_the_dockerfile_does_not_say_it(here: Project) -> None:
    (here.root / "Dockerfile").write_text("FROM scratch\n")
    assert dockerfile.python_version(here) == "?"
    assert dockerfile.base_image(here) == "scratch"
    (here.root / "Dockerfile").unlink()
    assert dockerfile.base_image(here) == "?"


@pytest.mark.parametrize("content", [None, b"FROM \xff\n"], ids=["missing", "not text"])
def test_dockerfile_that_cannot_be_read_is_one_sentence(here: Project, content: bytes | None) -> None:
    (here.root / "Dockerfile").unlink()
    if content:
        (here.root / "Dockerfile").write_bytes(content)
    with pytest.raises(Exit, match="git checkout Dockerfile") as refused:
        dockerfile.steps(here)
    one_sentence(str(refused.value.message))


def test_list_without_a_dockerfile_is_one_sentence(
    elsewhere: Callable[..., subprocess.CompletedProcess[str]], checkout: Path
) -> None:
    (checkout / "Dockerfile").unlink()
    typed = elsewhere("steps")
    assert one_sentence(typed.stderr).startswith("There is no Dockerfile here")
    assert (typed.returncode, typed.stdout) == (1, "")
    assert elsewhere("--dry", "serve").returncode == 0
