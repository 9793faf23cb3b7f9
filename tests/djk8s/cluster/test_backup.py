"""Backups of what is deployed: of the database that the replicas have, and of no other."""

import subprocess

import pytest
from invoke import Exit

from djk8s.cluster import backup
from djk8s.cluster.machine import Machine
from djk8s.cluster.release import Release
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.command import Command

THEIRS = "postgres://theirs@db.example.com/shop"


class Deployed(Machine):
    """A target whose site has the settings of its release."""

    def exec_command(self, words: tuple[str, ...], terminal: bool) -> Command:
        return Command(words)

    def variables(self, release: Release) -> dict[str, str]:
        return {**release.settings}


def require(shell: pytest.MonkeyPatch, project: Project, file: dict[str, str], replica: str, *overlays: str) -> None:
    answer = subprocess.CompletedProcess((), 0 if replica else 1, f"{replica}\n" if replica else "", "")
    shell.setattr(backup, "output", lambda project, argv, timeout, variables: answer)
    target = Deployed(project, EnvFile(project, ".env"), overlays=overlays)
    backup.require_its_settings(target, Release("shop:1", "v1", settings=file))


def test_same_database_or_none(shell: pytest.MonkeyPatch, project: Project) -> None:
    require(shell, project, {"DATABASE_URL": THEIRS}, THEIRS)
    require(shell, project, {}, "")
    require(shell, project, {}, "postgres://site@db/site", "db")  # compose/db.yaml says the same of both


@pytest.mark.parametrize("file", [{}, {"DATABASE_URL": "postgres://mine@localhost/shop"}])
def test_another_database_is_refused(shell: pytest.MonkeyPatch, project: Project, file: dict[str, str]) -> None:
    with pytest.raises(Exit, match=r"DATABASE_URL in \.env is not the one that is deployed"):
        require(shell, project, file, THEIRS)
