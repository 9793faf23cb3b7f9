"""The same on one machine, with Compose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from day_to_day import check_backup_and_restore, check_log
from deployed import Deployed, deployed
from support import run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("deployed"), "compose") as site:
        yield site


def test_deploy_and_rollback(site: Deployed) -> None:
    with site.loaded("a new version", 6000) as counted:
        done = site.deploy()
    assert done.returncode == 0, done.stderr
    assert counted["reconnects"] > 0  # a websocket moved to a new replica
    assert site.revision() == "v2"

    with site.loaded("back to the version before", 5000):
        done = site.inv("rollback", "--to", site.to)
    assert done.returncode == 0, done.stderr
    assert site.revision() == "v1"


def test_version_whose_migration_fails_is_not_deployed(site: Deployed) -> None:
    before = site.revision()
    with site.changed("src/board/migrations/0002_fails.py", "raise RuntimeError('this migration fails')"):
        done = site.deploy()
    assert (done.returncode, site.revision()) == (1, before)
    assert "this migration fails" in done.stderr


def test_backup_joins_and_leaves(site: Deployed, tmp_path: Path) -> None:
    assert site.inv("env", "--set", f"BACKUP_TO={tmp_path}").returncode == 0
    done = site.deploy("--with", "db", "--with", "backup", "--replicas", "1")
    assert done.returncode == 0, done.stderr
    service = f"{site.name}-backup-1"
    assert run("docker", "inspect", "--format", "{{.State.Health.Status}}", service).stdout.strip() == "healthy"
    check_backup_and_restore(site, tmp_path)
    # A person's own Compose project of the same name is left alone.
    theirs = ("--label", f"com.docker.compose.project={site.name}", "--label", "com.docker.compose.oneoff=False")
    other = run("docker", "run", "--detach", *theirs, "postgres:17", "sleep", "600").stdout.strip()
    check_log(site)

    done = site.inv("rollback", "--to", site.to)
    assert done.returncode == 0, done.stderr
    assert run("docker", "inspect", service).returncode == 1
    assert run("docker", "inspect", "--format", "{{.State.Running}}", other).stdout.strip() == "true"
