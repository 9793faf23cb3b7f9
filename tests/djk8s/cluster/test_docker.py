"""A deployment's database: another version of PostgreSQL could not read its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from invoke import Exit

from djk8s.cluster.docker import Docker
from djk8s.cluster.machine import Machine
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, project: Project, tmp_path: Path) -> Callable[[str, str], Machine]:
    """Return a function that makes a target of the version that is written, and an engine of what is deployed."""

    def deployed(container: str, service: str) -> Machine:
        said = {"ps": "d34db33f" * bool(container), "inspect": container, "service": service}
        monkeypatch.setattr(Docker, "ask", lambda _, *words: said[words[0]])
        (tmp_path / "compose").mkdir()
        (tmp_path / "compose/db.yaml").write_text("    image: postgres:18\n")
        return Machine(replace(project, root=tmp_path), EnvFile(project), overlays=("db",))

    return deployed


@pytest.mark.parametrize(("container", "service"), [("postgres:17", ""), ("", "postgres:17@sha256:abc")])
def test_another_version_than_is_deployed_is_refused(
    deployed: Callable[[str, str], Machine], container: str, service: str
) -> None:
    with pytest.raises(Exit, match=r"is PostgreSQL 17, and compose/db.yaml has 18"):
        deployed(container, service).require_overlays()


@pytest.mark.parametrize(("container", "service"), [("postgres:18", ""), ("", "postgres:18"), ("", ""), ("mine", "")])
def test_same_version_or_none_is_deployed(
    deployed: Callable[[str, str], Machine], container: str, service: str
) -> None:
    deployed(container, service).require_overlays()


def test_deployment_without_a_database_of_its_own_is_not_asked(deployed: Callable[[str, str], Machine]) -> None:
    replace(deployed("postgres:17", ""), overlays=()).require_overlays()


@pytest.mark.parametrize(
    ("host", "elsewhere"),
    [
        ("unix:///var/run/docker.sock", False),
        ("npipe:////./pipe/docker_engine", False),
        ("tcp://localhost:2375", False),
        ("", False),
        ("ssh://ada@example.com", True),
        ("tcp://docker:2376", True),
    ],
)
def test_engine_of_another_machine(
    monkeypatch: pytest.MonkeyPatch, project: Project, host: str, elsewhere: bool
) -> None:
    monkeypatch.setattr(Docker, "ask_always", lambda _, *words: host)
    assert Machine(project, EnvFile(project)).is_elsewhere() is elsewhere


def test_another_password_than_the_databases_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Machine(project, EnvFile(project, text="PGPASSWORD=ours"), overlays=("db",))
    said = {"ps": "d34db33f", "inspect": "PATH=/bin\nPOSTGRES_PASSWORD=theirs", "service": ""}
    monkeypatch.setattr(Docker, "ask", lambda _, *words: said[words[0]])
    with pytest.raises(Exit, match=r"\.env has another PGPASSWORD than the database that is deployed"):
        target.require_settings(first=False)
    on_a_swarm = {"ps": "", "service": "POSTGRES_PASSWORD=theirs"}
    with monkeypatch.context() as other, pytest.raises(Exit, match="has another PGPASSWORD"):
        other.setattr(Docker, "ask", lambda _, *words: on_a_swarm[words[0]])
        target.require_settings(first=False)
    for known in ({"inspect": "POSTGRES_PASSWORD=ours"}, {"ps": ""}):
        said |= known
        target.require_settings(first=False)
