"""`inv db upgrade`: which version it is about, and what the Compose files say afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from invoke import Exit

from djk8s import files
from djk8s.compose import database, upgrade
from djk8s.facts import Facts
from djk8s.project import Project
from support import ROOT

DB, BACKUP = ((ROOT / file).read_text(encoding="utf-8") for file in upgrade.FILES)
FROM_18 = "database:/var/lib/postgresql"


@pytest.mark.parametrize(("new", "mount"), [(18, FROM_18), (19, FROM_18), (16, f"{FROM_18}/data")])
def test_files_have_the_newer_version_and_its_mount(new: int, mount: str) -> None:
    services = yaml.safe_load(upgrade.upgraded(DB, new).replace("!reset", ""))["services"]
    assert services["db"]["image"] == f"postgres:{new}"
    assert services["db"]["volumes"] == [mount]
    assert services["backup"]["image"] == f"postgres:{new}"
    assert upgrade.upgraded(BACKUP, new) == BACKUP.replace("FROM postgres:17\n", f"FROM postgres:{new}\n")


def test_upgrade_after_the_next_changes_only_the_number() -> None:
    once = upgrade.upgraded(DB, 18)
    assert upgrade.upgraded(once, 19) == once.replace("postgres:18", "postgres:19")


@pytest.mark.parametrize(("to", "written", "version"), [(None, 17, 18), (None, 19, 19), ("18", 17, 18), ("20", 18, 20)])
def test_version_is_the_newest_unless_another_is_asked_for(to: str | None, written: int, version: int) -> None:
    assert upgrade.version_asked(to, written) == version


@pytest.mark.parametrize("to", ["", "18.1", "eighteen", "-1", "9"])
def test_what_is_no_version_is_refused(to: str) -> None:
    with pytest.raises(Exit, match="is not a version of PostgreSQL"):
        upgrade.version_asked(to, 17)


@pytest.mark.parametrize(
    ("text", "version"),
    [(DB, 17), ("image: postgis/postgis:16-3.5", 16), ("image: registry.example.com/postgres:17", 0)],
)
def test_version_in_the_file(project: Project, tmp_path: Path, text: str, version: int) -> None:
    (tmp_path / "compose").mkdir()
    (tmp_path / database.FILE).write_text(text)
    assert database.version(replace(project, root=tmp_path)) == version


def test_postgis_is_in_both_files_and_told_how_to_move(project: Project, tmp_path: Path) -> None:
    places = Facts("places", "places.settings", "places.wsgi:application", database="postgis")
    texts = files.rendered(places)
    assert "image: postgis/postgis:17-3.5\n" in texts["compose/db.yaml"]
    assert "FROM postgis/postgis:17-3.5\n" in texts["compose/backup.yaml"]
    (tmp_path / "compose").mkdir()
    (tmp_path / database.FILE).write_text(texts["compose/db.yaml"])
    with pytest.raises(Exit, match="PostGIS is not upgraded by this: `inv db dump FILE`"):
        upgrade.upgrade(replace(project, root=tmp_path), None)
