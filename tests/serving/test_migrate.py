"""`python -m serving.migrate` in a project of its own, on SQLite or, where DATABASE_URL names one, on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dj_database_url
import pytest

from support import ROOT, wait_until

SERVER = os.environ.get("DATABASE_URL", "")
POSTGRES = SERVER.startswith("postgres")
UNSAFE = 3  # exit code

SETTINGS = """
import os
import dj_database_url

SECRET_KEY = "any"
INSTALLED_APPS = ["goods"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cached"}}
"""
MIGRATION = """
import time
from pathlib import Path
from django.db import migrations, models


def insert(apps, schema_editor):
    Path("begun").touch()
    while Path("hold").exists():
        time.sleep(0.05)
    apps.get_model("goods", "Item").objects.create(price=1)


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [{dependency}]
    operations = [{operation}]
"""
ITEM = "migrations.CreateModel('Item', [('id', models.AutoField(primary_key=True)), ('price', models.IntegerField())])"
NULLABLE = "migrations.AddField('Item', 'colour', models.CharField(max_length=9, null=True))"
NOT_NULL = "migrations.AddField('Item', 'colour', models.CharField(max_length=9, default='red'))"
DROPPED = "migrations.RemoveField('Item', 'price')"
INSERTED = "migrations.RunPython(insert, migrations.RunPython.noop)"


class Site:
    """A project with an app, in a folder, and a database."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.migrations: list[str] = []
        (folder / "goods/migrations").mkdir(parents=True)
        for name in ("goods/__init__.py", "goods/migrations/__init__.py"):
            (folder / name).touch()
        self.set(SETTINGS)

    def set(self, settings: str) -> None:
        (self.folder / "settings.py").write_text(settings)

    def add(self, operation: str, atomic: bool = True) -> None:
        """Write a migration."""
        dependency = repr(("goods", self.migrations[-1])) if self.migrations else ""
        self.migrations.append(f"{len(self.migrations) + 1:04}_step")
        text = MIGRATION.format(dependency=dependency, operation=operation, atomic=atomic)
        (self.folder / f"goods/migrations/{self.migrations[-1]}.py").write_text(text)

    def start(self, *options: str, code: str = "") -> subprocess.Popen[str]:
        """Begin to migrate; `code` is run instead of the module."""
        own = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{self.folder}", "DJANGO_SETTINGS_MODULE": "settings"}
        words = [sys.executable, "-B", *(["-c", code] if code else ["-m", "serving.migrate"]), *options]
        return subprocess.Popen(
            words,
            cwd=self.folder,
            env={**own, "DATABASE_URL": self.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def migrate(self, *options: str, code: str = "") -> tuple[int, str]:
        """Return the exit code and all that was said."""
        process = self.start(*options, code=code)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said

    def ask(self, query: str) -> list[Any]:
        with closing(connected(self.url)) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            return list(cursor.fetchall())

    def applied(self) -> int:
        return len(self.ask("SELECT name FROM django_migrations WHERE app = 'goods'"))


def connected(url: str) -> Any:
    """Return a connection to a database, in which each statement counts at once."""
    if not url.startswith("postgres"):
        import sqlite3

        return sqlite3.connect(dj_database_url.parse(url)["NAME"])
    import psycopg

    return psycopg.connect(url, autocommit=True)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site with one migration, which is applied."""
    url = f"sqlite:///{tmp_path}/db.sqlite3"
    if POSTGRES:
        url = f"{SERVER.rpartition('/')[0]}/of_a_test"
        with closing(connected(SERVER)) as connection:
            connection.execute("DROP DATABASE IF EXISTS of_a_test WITH (FORCE)")
            connection.execute("CREATE DATABASE of_a_test")
    one = Site(tmp_path, url)
    one.add(ITEM)
    code, said = one.migrate()
    assert code == 0, said
    yield one


def test_applies_what_is_new_and_makes_the_table_of_a_cache(site: Site) -> None:
    site.add(NULLABLE)
    code, said = site.migrate()
    assert (code, site.applied()) == (0, 2), said
    assert site.ask("SELECT colour FROM goods_item") == site.ask("SELECT cache_key FROM cached") == []


def test_nothing_to_apply_is_fine(site: Site) -> None:
    assert site.migrate()[0] == 0


@pytest.mark.parametrize(
    ("operation", "reason"),
    [(DROPPED, "DROPPING columns (table: goods_item, column: price)"), (NOT_NULL, "NOT NULL constraint on columns")],
    ids=["a dropped column", "a column that older code does not fill"],
)
def test_what_older_code_cannot_live_with_is_refused_as_a_whole(site: Site, operation: str, reason: str) -> None:
    site.add(NULLABLE.replace("colour", "fine"))
    site.add(operation)
    code, said = site.migrate()
    assert (code, site.applied()) == (UNSAFE, 1), said
    line, sentence = said.splitlines()
    assert line == f"goods.0003_step: {reason}"
    assert "split another change into two deploys" in sentence
    code, said = site.migrate("--allow-unsafe")
    assert (code, site.applied()) == (0, 3), said
    assert line in said and "--allow-unsafe-migrations" in said


def test_what_is_new_altogether_is_applied_as_it_is(site: Site) -> None:
    second = site.folder / "second"
    (site.folder / "goods").rename(second)
    site.set(SETTINGS.replace("goods", "second"))
    first = (second / "migrations/0001_step.py").read_text()
    (second / "migrations/0002_step.py").write_text(
        first.replace(ITEM, DROPPED).replace("dependencies = []", "dependencies = [('second', '0001_step')]")
    )
    code, said = site.migrate()
    assert code == 0, said
    assert "second.0002_step... OK" in said


def test_what_the_project_excludes_is_not_refused(site: Site) -> None:
    site.set(SETTINGS + "MIGRATION_LINTER_OPTIONS = {'exclude_migration_tests': ['DROP_COLUMN']}\n")
    site.add(DROPPED)
    code, said = site.migrate()
    assert (code, site.applied()) == (0, 2), said


def test_what_cannot_be_looked_at_is_refused(site: Site) -> None:
    site.add("migrations.RunPython(print)")
    code, said = site.migrate()
    assert (code, site.applied()) == (UNSAFE, 1), said
    assert said.startswith("goods.0002_step: it cannot be looked at (")


def test_without_the_linter_it_says_so_in_one_line(site: Site) -> None:
    site.add(DROPPED)
    hidden = (
        "import sys; sys.modules['django_migration_linter'] = None; from serving import migrate; migrate.main(False)"
    )
    code, said = site.migrate(code=hidden)
    assert (code, site.applied()) == (0, 2), said
    assert len([line for line in said.splitlines() if "django-migration-linter is not installed" in line]) == 1


def test_settings_and_databases_that_do_not_work_are_told_in_one_sentence(site: Site) -> None:
    site.set("from django.core.exceptions import ImproperlyConfigured\nraise ImproperlyConfigured('No\\nkey.')")
    assert site.migrate() == (1, "The site cannot start: No key.\n")
    site.set(SETTINGS)
    site.url = "postgres://site@127.0.0.1:1/none" if POSTGRES else f"sqlite:///{site.folder}/none/db.sqlite3"
    code, said = site.migrate()
    assert (code, len(said.splitlines())) == (1, 1)
    assert said.startswith("The database does not answer: ")
    site.set(SETTINGS.replace("DATABASES =", "UNUSED ="))
    assert site.migrate() == (0, "The site has no database.\n")


@pytest.mark.skipif(not POSTGRES, reason="SQLite has no lock")
def test_two_at_once_migrate_once_and_the_second_says_for_whom_it_waits(site: Site) -> None:
    site.add(INSERTED)
    site.add("migrations.RunSQL('CREATE INDEX CONCURRENTLY by_price ON goods_item (price)')", atomic=False)
    (site.folder / "hold").touch()
    first = site.start()
    wait_until((site.folder / "begun").exists)
    second = site.start()
    assert second.stdout
    assert "Waiting for migrate on " in second.stdout.readline()
    (site.folder / "hold").unlink()
    said = first.communicate(timeout=60)[0], second.communicate(timeout=60)[0]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert "No migrations to apply." in said[1]
    assert (site.ask("SELECT price FROM goods_item"), site.applied()) == ([(1,)], 3)


@pytest.mark.skipif(not POSTGRES, reason="SQLite has no lock")
def test_lock_of_one_that_is_killed_is_free(site: Site) -> None:
    site.add(INSERTED)
    (site.folder / "hold").touch()
    first = site.start()
    wait_until((site.folder / "begun").exists)
    second = site.start()
    assert second.stdout
    assert "Waiting for " in second.stdout.readline()
    (site.folder / "hold").unlink()
    first.kill()
    first.communicate()
    said, _ = second.communicate(timeout=60)
    assert (second.returncode, site.applied()) == (0, 2), said
