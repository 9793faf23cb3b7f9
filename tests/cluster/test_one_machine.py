"""The same on one machine, with Compose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deployed import Deployed, deployed, nothing_failed


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("deployed"), "compose") as site:
        yield site


def test_deploy_and_rollback(site: Deployed) -> None:
    load = site.loaded(6000)
    done = site.deploy()
    assert done.returncode == 0, done.stderr
    assert nothing_failed(site, "a new version", load)["reconnects"] > 0  # a websocket moved to a new replica
    assert site.revision() == "v2"

    load = site.loaded(5000)
    done = site.inv("rollback", "--to", site.to)
    assert done.returncode == 0, done.stderr
    nothing_failed(site, "back to the version before", load)
    assert site.revision() == "v1"


def test_version_whose_migration_fails_is_not_deployed(site: Deployed) -> None:
    site.change("src/board/migrations/0002_fails.py", "raise RuntimeError('this migration fails')")
    before = site.revision()
    try:
        done = site.deploy()
    finally:
        site.undo()
    assert (done.returncode, site.revision()) == (1, before)
    assert "this migration fails" in done.stderr
