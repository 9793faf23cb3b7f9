"""`inv db upgrade`: from PostgreSQL 17 to 18, and back to what it was where that fails."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from checkout import Checkout
from stack import build, docker, have
from support import one_sentence, run

# Where no registry answers, Debian's PostgreSQL 18, laid out as the official image.
STAND_IN = """
FROM postgres:17
USER root
RUN sed -i 's/ trixie / forky /' /etc/apt/sources.list && apt-get update && \\
    apt-get install --yes --no-install-recommends postgresql-18 && apt-get purge --yes postgresql-17 && \\
    rm -rf /var/lib/apt/lists/* && install --directory --owner postgres --mode 700 /var/lib/postgresql/18
ENV PATH=/usr/lib/postgresql/18/bin:$PATH PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
USER postgres
"""
ENDS = 'FROM postgres:17\nENTRYPOINT ["false"]\n'
NOTES = "from board.models import Note; "


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout with a thousand notes in PostgreSQL 17, that is up."""
    have("postgres:18", STAND_IN)
    build("postgres:99", ENDS)
    checkout = Checkout(tmp_path_factory.mktemp("upgrade"), f"djk8s-upgrade-{secrets.token_hex(3)}")
    try:
        up(checkout)
        python(checkout, f"{NOTES}Note.objects.bulk_create(Note(text=f'a \\'note\\' {{n}} é') for n in range(1000))")
        yield checkout
    finally:
        checkout.inv("clean", "--volumes")
        docker("rmi", "postgres:99")


def up(site: Checkout) -> None:
    started = site.inv("up", "--with", "db", "--detach")
    assert started.returncode == 0, started.stderr


def python(site: Checkout, code: str) -> str:
    done = site.inv("manage", "--place", "compose", "--", "shell", "--verbosity", "0", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def told(site: Checkout) -> list[str]:
    """Return the version of the server, and what is in it."""
    version = "from django.db import connection as c; c.ensure_connection(); print(c.pg_version // 10000)"
    notes = f"{NOTES}print(Note.objects.count(), Note.objects.order_by('pk').last().text)"
    return [python(site, version), python(site, notes)]


def files(site: Checkout) -> list[str]:
    return [(site.folder / f"compose/{name}.yaml").read_text() for name in ("db", "backup")]


def test_upgrade_that_fails_changes_nothing(site: Checkout) -> None:
    before = files(site)
    failed = site.inv("db-upgrade", "--to", "99")
    assert failed.returncode == 1
    assert "The database is as it was" in one_sentence(failed.stderr.splitlines()[-1])
    assert files(site) == before
    up(site)
    assert told(site) == ["17", "1000 a 'note' 999 é"]
    assert not (site.folder / "data/database-17.dump").exists()


MISTAKES: dict[tuple[str, ...], str] = {
    ("--to", "17"): "The database is on PostgreSQL 17 already",
    ("--to", "newest"): "--to 'newest' is not a version of PostgreSQL",
    ("--to", "98"): "postgres:98 cannot be had",
}


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_mistake_is_told_and_the_site_stays_up(site: Checkout, words: tuple[str, ...]) -> None:
    refused = site.inv("db-upgrade", *words)
    assert refused.returncode == 1
    assert MISTAKES[words] in refused.stderr
    assert site.runs()[1]


def test_every_row_is_in_the_newer_one(site: Checkout) -> None:
    done = site.inv("db-upgrade")
    assert done.returncode == 0, done.stderr
    assert "The database is on PostgreSQL 18 now, and each of its " in done.stderr
    database, backup = files(site)
    assert "image: postgres:18\n    environment" in database
    assert "- database:/var/lib/postgresql\n" in database
    assert "FROM postgres:18\n" in backup
    up(site)
    assert told(site) == ["18", "1000 a 'note' 999 é"]
    python(site, f"{NOTES}Note.objects.create(text='later, é')")
    assert told(site) == ["18", "1001 later, é"]  # its sequence goes on
    again = site.inv("db-upgrade")
    assert "PostgreSQL 18 already" in again.stderr
    assert "`inv db restore data/database-17.dump`" in again.stderr

    in_volume = ("run", "--rm", "--volume", f"{site.scope()}_database:/v", "--entrypoint", "ls", "postgres:18", "/v")
    assert "before-18" in docker(*in_volume).split()
    removing = done.stderr.splitlines()[-1]  # is said to remove the older files
    assert run("bash", "-c", removing).returncode == 0
    assert "before-18" not in docker(*in_volume).split()
    assert told(site)[0] == "18"
