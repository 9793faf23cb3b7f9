"""What may join `inv up`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from invoke import Exit

from djk8s import facts
from djk8s.compose import stack
from djk8s.facts import Facts
from djk8s.project import Project
from support import free_port

Inv = Callable[..., subprocess.CompletedProcess[str]]
Noting = Callable[..., tuple[Path, Any]]


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


def test_second_one_says_that_it_joins(inv: Inv, noting: Noting, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=hunter2\nDEBUG=0\nHTTPS=0\n")
    config = json.dumps({"services": {"web": {"environment": {"SECRET_KEY": "hunter2", "DEBUG": "0", "HTTPS": "0"}}}})
    answers = {"compose_config": (config, 0), "compose_version": ("2.26.1", 0)}
    docker, _ = noting("docker", ps=("d34db33f\n", 0), **answers)
    typed = inv("up", INVOKE_ENGINE=str(docker))
    assert "The project is up already: this joins what runs, and Ctrl-C here stops all of it.\n" in typed.stderr
    assert "joins" not in inv("up", "--detach", INVOKE_ENGINE=str(docker)).stderr
    nothing, _ = noting("nothing", **answers)
    assert "joins" not in inv("up", INVOKE_ENGINE=str(nothing), INVOKE_UP_PORT=str(free_port())).stderr
