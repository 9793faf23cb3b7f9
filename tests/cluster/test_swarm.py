"""Deployments while a site is asked 125 times a second: not one request may fail, whatever the new version is like.

A machine that cannot carry twice that is asked less often. CLUSTER_REQUESTS is how many are sent during each at
least, and CLUSTER_TABLE a file for the rows of README's table.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from day_to_day import check_backup_and_restore, check_log
from deployed import Deployed, deployed
from support import run

NEVER_HEALTHY = '\n\nPROBES["/readyz"] = lambda: "503 never"\n'
DIES = "\n\nimport os, threading\n\nthreading.Timer(10, os._exit, (3,)).start()\n"
# What nobody can save, where a process dies: nginx sends no form a second time.
IN_ITS_HANDS = frozenset({"post: 502", "websocket: dropped"})
FAILS = """
from django.db import migrations


def fail(apps, schema_editor):
    raise RuntimeError("this migration fails")


class Migration(migrations.Migration):
    dependencies = [("board", "0001_initial")]
    operations = [migrations.RunPython(fail)]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("deployed"), "swarm") as site:
        yield site


def test_deploy_and_rollback(site: Deployed) -> None:
    # What joined an earlier version, and none of these.
    options = ("--detach", "--no-resolve-image", "--label", f"com.docker.stack.namespace={site.name}")
    made = run("docker", "service", "create", *options, "--name", f"{site.name}_old", "postgres:17", "sleep", "600")
    assert made.returncode == 0, made.stderr
    with site.loaded("a new version", 6000) as counted:
        done = site.deploy()
    assert done.returncode == 0, done.stderr
    assert counted["reconnects"] > 0  # a websocket moved to a new replica
    assert site.revision() == "v2"
    assert run("docker", "service", "inspect", f"{site.name}_old").returncode == 1

    with site.loaded("back to the version before", 5000):
        done = site.inv("rollback", "--to", site.to)
    assert done.returncode == 0, done.stderr
    assert site.revision() == "v1"


def test_version_that_never_gets_healthy_is_taken_back(site: Deployed) -> None:
    before = site.revision()
    with site.loaded("one that never gets healthy", 8000), site.changed("serving/health.py", NEVER_HEALTHY):
        done = site.deploy()
    assert (done.returncode, site.revision()) == (1, before), done.stderr


def test_version_that_dies_after_ten_seconds_is_taken_back(site: Deployed) -> None:
    before = site.revision()
    with site.loaded("one that dies after ten seconds", 6000, IN_ITS_HANDS), site.changed("src/myproj/asgi.py", DIES):
        done = site.deploy()
    assert (done.returncode, site.revision()) == (1, before), done.stderr


def test_version_whose_migration_fails_is_not_deployed(site: Deployed) -> None:
    before = site.revision()
    with site.loaded("one whose migration fails", 2000), site.changed("src/board/migrations/0002_fails.py", FAILS):
        done = site.deploy()
    assert done.returncode == 1
    assert "this migration fails" in done.stderr
    assert site.revision() == before


def test_backup_manage_and_log(site: Deployed, tmp_path: Path) -> None:
    check_backup_and_restore(site, tmp_path)
    check_log(site)
