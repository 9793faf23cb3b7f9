"""What may join `inv up`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from invoke import Exit

from djk8s import facts
from djk8s.compose import stack
from djk8s.facts import Facts
from djk8s.project import Project


@pytest.mark.parametrize(("database", "says"), [("sqlite", "update --database postgres"), ("postgres", "is unknown")])
def test_database_that_is_not_there_is_told_how_to_come(
    project: Project, tmp_path: Path, database: str, says: str
) -> None:
    (tmp_path / "compose").mkdir()
    for name in ("dev", "proxy"):
        (tmp_path / f"compose/{name}.yaml").touch()
    shop = Facts("shop", "shop.settings", "shop.wsgi:application", database=database)
    (tmp_path / facts.FILE).write_text(facts.dumps(shop, "1.2.3"))
    with pytest.raises(Exit, match=says):
        stack.joined(replace(project, root=tmp_path), ["db"])
