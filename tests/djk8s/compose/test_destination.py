"""Where backups go: what a person writes, and what compose/backup.yaml takes for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from invoke import Exit

from djk8s.compose import destination
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project


def variables(project: Project, given: str | None = None, **settings: str) -> dict[str, str]:
    project.env_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    found = destination.variables(project, EnvFile(project), given)
    return {name: value for name, value in found.items() if name in {"UP_BACKUP_TO", "UP_BACKUP_FOLDER"}}


@pytest.mark.parametrize(
    ("named", "repository"),
    [
        ("s3://shop/backups", "s3:https://s3.amazonaws.com/shop/backups"),
        ("s3:https://s3.example.com/shop", "s3:https://s3.example.com/shop"),
        ("rest:https://backup.example.com/shop", "rest:https://backup.example.com/shop"),
    ],
)
def test_place_elsewhere_is_restics(project: Project, named: str, repository: str) -> None:
    assert variables(project, named) == {"UP_BACKUP_TO": repository}
    assert variables(project, BACKUP_TO=named) == {"UP_BACKUP_TO": repository}


def test_bucket_may_be_on_another_server_than_amazons(project: Project) -> None:
    found = variables(project, "s3://shop", AWS_ENDPOINT_URL="https://s3.example.com/")
    assert found == {"UP_BACKUP_TO": "s3:https://s3.example.com/shop"}


def test_folder_is_made_where_the_person_is_or_from_the_projects(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert variables(project, "one/two") == {"UP_BACKUP_FOLDER": str(tmp_path / "one/two")}
    assert (tmp_path / "one/two").is_dir()
    below = replace(project, root=tmp_path / "project")
    assert variables(below, BACKUP_TO="../three") == {"UP_BACKUP_FOLDER": str(tmp_path / "three")}
    assert (tmp_path / "three").is_dir()
    assert variables(project, "C:backups")["UP_BACKUP_FOLDER"].endswith("C:backups")


def test_given_place_wins_and_none_is_refused(project: Project, tmp_path: Path) -> None:
    assert variables(project, str(tmp_path), BACKUP_TO="s3://shop") == {"UP_BACKUP_FOLDER": str(tmp_path)}
    with pytest.raises(Exit, match="`inv env --set BACKUP_TO=…` keeps it"):
        variables(project)


def test_what_cannot_be_a_folder_is_refused(project: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exit, match="name another"):
        variables(project, str(tmp_path / "file"))
    with pytest.raises(Exit, match="name another"):
        variables(project, str(tmp_path / "file" / "below"))


def test_folder_of_the_project_is_refused(project: Project) -> None:
    for named in ("backups", "../" + project.root.name, "data/backups"):
        with pytest.raises(Exit, match="would be in the image"):
            variables(project, BACKUP_TO=named)


def test_dry_makes_no_folder(project: Project, tmp_path: Path) -> None:
    variables(replace(project, dry=True), str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_nothing_is_read_from_a_folder_that_is_not_there(project: Project, tmp_path: Path) -> None:
    project.env_file.write_text("")
    missing = str(tmp_path / "backups")
    with pytest.raises(Exit, match=r"There is no folder .*backups, and so no backup"):
        destination.variables(project, EnvFile(project), missing, new=False)
    assert not (tmp_path / "backups").exists()
    destination.variables(project, EnvFile(project), missing)
    destination.variables(project, EnvFile(project), missing, new=False)
