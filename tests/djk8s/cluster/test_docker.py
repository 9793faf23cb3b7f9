"""A deployment's database: another version of PostgreSQL could not read its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from invoke import Exit

from djk8s.cluster import docker
from djk8s.cluster.release import Where
from djk8s.project import Project

WHERE = Where("shop", overlays=("db",))


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, project: Project, tmp_path: Path) -> Callable[[str, str], Project]:
    """Return a function that makes a project of the version that is written, and an engine of what is deployed."""

    def deployed(container: str, service: str) -> Project:
        said = {"ps": "d34db33f" * bool(container), "inspect": container, "service": service}
        monkeypatch.setattr(docker, "ask", lambda _, __, *words: said[words[0]])
        (tmp_path / "compose").mkdir()
        (tmp_path / "compose/db.yaml").write_text("    image: postgres:18\n")
        return replace(project, root=tmp_path)

    return deployed


@pytest.mark.parametrize(("container", "service"), [("postgres:17", ""), ("", "postgres:17@sha256:abc")])
def test_another_version_than_is_deployed_is_refused(
    deployed: Callable[[str, str], Project], container: str, service: str
) -> None:
    with pytest.raises(Exit, match=r"is PostgreSQL 17, and compose/db.yaml has 18"):
        docker.require_same_database(deployed(container, service), WHERE)


@pytest.mark.parametrize(("container", "service"), [("postgres:18", ""), ("", "postgres:18"), ("", ""), ("mine", "")])
def test_same_version_or_none_is_deployed(
    deployed: Callable[[str, str], Project], container: str, service: str
) -> None:
    docker.require_same_database(deployed(container, service), WHERE)


def test_deployment_without_a_database_of_its_own_is_not_asked(deployed: Callable[[str, str], Project]) -> None:
    docker.require_same_database(deployed("postgres:17", ""), replace(WHERE, overlays=()))


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
    monkeypatch.setattr(docker, "ask", lambda project, where, *words: host)
    assert docker.is_elsewhere(project, Where("shop")) is elsewhere


def test_another_password_than_the_databases_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "passwords", lambda *_: {"PGPASSWORD": "ours"})
    said = {"ps": "d34db33f", "inspect": "PATH=/bin\nPOSTGRES_PASSWORD=theirs", "service": ""}
    monkeypatch.setattr(docker, "ask", lambda _, __, *words: said[words[0]])
    with pytest.raises(Exit, match=r"\.env has another PGPASSWORD than the database that is deployed"):
        docker.require_same_password(project, WHERE, ".env")
    on_a_swarm = {"ps": "", "service": "POSTGRES_PASSWORD=theirs"}
    with monkeypatch.context() as other, pytest.raises(Exit, match="has another PGPASSWORD"):
        other.setattr(docker, "ask", lambda _, __, *words: on_a_swarm[words[0]])
        docker.require_same_password(project, WHERE, ".env")
    for known in ({"inspect": "POSTGRES_PASSWORD=ours"}, {"ps": ""}):
        said |= known
        docker.require_same_password(project, WHERE, ".env")
