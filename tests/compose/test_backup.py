"""`inv backup` and `inv restore`: database and uploads, of SQLite and PostgreSQL, in a folder and in a bucket."""

from __future__ import annotations

import ast
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import BOARD, containers, docker, post, python, scope, state, up
from support import free_port, get, inv, one_sentence, run, surroundings, wait_until

STORE = "from django.core.files import base, storage; s = storage.default_storage"
ENV = Path(os.environ["INVOKE_ENV_FILE"])
NAME = "a name with 'quotes'.txt"


@pytest.fixture(autouse=True, scope="module")
def clean() -> Iterator[None]:
    inv("env")
    before = ENV.read_text()
    yield
    inv("down", "--volumes")
    ENV.write_text(before)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "backups")


@pytest.fixture(scope="module")
def of_sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with backups of SQLite."""
    return str(tmp_path_factory.mktemp("sqlite") / "backups")


def done(*words: str) -> str:
    """Type a command that has to succeed, and return what it said."""
    ended = inv(*words)
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def refused(*words: str) -> str:
    """Type a command that has to fail, and return what it said."""
    ended = inv(*words)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    return ended.stderr


def note(word: str) -> str:
    """Post a note, and return its text."""
    text = f"{word} {secrets.token_hex(4)}"
    post(text)
    return text


def upload(name: str, content: str) -> None:
    python(f"{STORE}; s.save({name!r}, base.ContentFile({content.encode()!r}))")


def uploads() -> dict[str, str]:
    """Return the uploaded files, and what is in each."""
    listed = python(f"{STORE}; print({{name: s.open(name).read().decode() for name in s.listdir('')[1]}})")
    found: dict[str, str] = ast.literal_eval(listed)
    return found


def snapshots(folder: str) -> list[str]:
    listed = inv("backup", "--list", "--to", folder)
    assert listed.returncode == 0, listed.stderr
    return re.findall(r"^([0-9a-f]{8}) ", listed.stdout, re.MULTILINE)


def goes_there_and_back(folder: str, tables: str) -> dict[str, str]:
    """Back up, change everything, restore, and return what is there then: the text of a note, and the uploads."""
    kept = note("kept")
    upload(NAME, kept)
    said = done("backup", "--to", folder)
    assert re.search(rf"Backed up as \w+: [1-9][0-9]* tables of {tables}; 2 files, ", said)
    later = note("later")
    upload("later.txt", later)
    python(f"{STORE}; s.delete({NAME!r})")
    done("restore", "--from", folder)
    assert kept in get(BOARD).text
    assert later not in get(BOARD).text
    assert uploads() == {NAME: kept}
    # The site may still write to both.
    note("later")
    upload("later.txt", later)
    assert uploads() == {NAME: kept, "later.txt": later}
    return {NAME: kept}


def test_without_a_place_or_a_site_it_says_what_to_do(folder: str) -> None:
    assert "`inv env --set BACKUP_TO=…` keeps it" in one_sentence(inv("backup").stderr)
    assert "`inv up --detach` brings it up" in one_sentence(inv("backup", "--to", folder).stderr)
    assert "There is no backup yet" in refused("backup", "--list", "--to", folder)


@pytest.fixture(scope="class")
def alone() -> None:
    """Bring the site up with SQLite."""
    up()


@pytest.mark.usefixtures("alone")
class TestWithSQLite:
    """The site alone, whose database and uploads are in one volume."""

    def test_what_was_there_is_back_and_what_came_later_is_gone(self, of_sqlite: str) -> None:
        goes_there_and_back(of_sqlite, "SQLite")

    def test_last_ones_are_kept_and_an_earlier_one_can_be_chosen(self, of_sqlite: str) -> None:
        (oldest,) = snapshots(of_sqlite)
        texts = []
        for word in ("one", "two"):
            texts.append(note(word))
            done("backup", "--to", of_sqlite, "--keep", "2")
        earlier, later = snapshots(of_sqlite)
        assert oldest not in {earlier, later}
        assert "There is no folder" in refused("restore", "--from", f"{of_sqlite}-of-another")
        Path(f"{of_sqlite}-of-another").mkdir()
        assert "There is no backup yet" in refused("restore", "--from", f"{of_sqlite}-of-another")
        done("restore", "--from", of_sqlite, "--snapshot", earlier)
        assert [text in get(BOARD).text for text in texts] == [True, False]
        assert "no matching ID" in refused("restore", "--from", of_sqlite, "--snapshot", "abcdef12")

    def test_with_a_key_nobody_reads_it_without(self, folder: str) -> None:
        before = ENV.read_text()
        try:
            done("env", "--set", "RESTIC_PASSWORD")
            done("backup", "--to", folder)
            other = "RESTIC_PASSWORD in .env is not the one of these backups"
            done("env", "--set", "RESTIC_PASSWORD=another")
            assert other in refused("backup", "--to", folder)
            done("env", "--set", "RESTIC_PASSWORD=")
            assert other in refused("restore", "--from", folder)
        finally:
            ENV.write_text(before)

    def test_broken_backup_changes_nothing(self, folder: str) -> None:
        done("backup", "--to", folder)
        later = note("later")
        upload(f"{later}.txt", later)
        there = uploads()
        for pack in Path(folder, "data").rglob("*"):
            if pack.is_file():
                pack.chmod(0o600)
                pack.write_bytes(pack.read_bytes()[: pack.stat().st_size // 2])
        assert "It was not restored" in refused("restore", "--from", folder)
        assert later in get(BOARD).text
        assert uploads() == there

    def test_bucket_keeps_them_too(self, bucket: str) -> None:
        pairs = ("AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", f"AWS_ENDPOINT_URL={bucket}")
        done("env", *(word for pair in pairs for word in ("--set", pair)))
        text = note("in a bucket")
        done("backup", "--to", "s3://backups/shop")
        python("from board.models import Note; Note.objects.all().delete()")
        assert text not in get(BOARD).text
        done("restore", "--from", "s3://backups/shop")
        assert text in get(BOARD).text
        done("env", "--set", f"AWS_ENDPOINT_URL={bucket}0")
        assert "That place does not answer: " in refused("backup", "--to", "s3://backups/shop")

    @pytest.fixture
    def bucket(self) -> Iterator[str]:
        """Serve buckets on this machine, and yield the address that a container has for them."""
        gateway = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", f"{scope()}_default")
        port = free_port()
        server = subprocess.Popen(
            (sys.executable, "-m", "moto.server", "--host", "0.0.0.0", "--port", str(port)),
            env=surroundings({}), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_until(lambda: listens(port), 30)
            yield f"http://{gateway}:{port}"
        finally:
            server.terminate()
            server.wait()


def listens(port: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{port}/").status < 500
    except OSError:
        return False


@pytest.fixture(scope="class")
def with_database() -> Iterator[None]:
    """Bring the site up with PostgreSQL, with another volume than before."""
    inv("down", "--volumes")
    up("--with", "db", "--no-build")
    yield
    inv("down", "--volumes")


@pytest.mark.usefixtures("with_database")
class TestWithPostgreSQL:
    """The site with compose/db.yaml."""

    def test_backup_of_another_kind_of_database_is_refused(self, of_sqlite: str) -> None:
        text = note("in PostgreSQL")
        assert "That backup has no PostgreSQL, and this site has" in refused("restore", "--from", of_sqlite)
        assert text in get(BOARD).text

    def test_all_is_back_on_this_machine_and_on_another(self, folder: str) -> None:
        python("from django.db import connection; connection.cursor().execute('CREATE SCHEMA tenant')")
        there = goes_there_and_back(folder, "PostgreSQL")
        # On another machine, there is nothing but the code and the backups.
        done("down", "--volumes")
        up("--with", "db", "--no-build")
        assert there[NAME] not in get(BOARD).text
        done("restore", "--from", folder)
        assert there[NAME] in get(BOARD).text
        assert uploads() == there

    def test_one_is_made_by_itself_and_a_failure_is_seen(self, folder: str) -> None:
        done("env", "--set", f"BACKUP_TO={folder}", "--set", "BACKUP_AT=5 seconds")  # from now, whenever that is
        up("--with", "db", "--with", "backup", "--no-build")
        (scheduled,), (database,) = containers("backup"), containers("db")
        of_its_own = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Destination}} {{end}}{{end}}'
        assert docker("inspect", "--format", of_its_own, scheduled).split() == ["/app/data"]
        wait_until(lambda: "Backed up as " in logs(scheduled), 120)
        docker("stop", database)
        wait_until(lambda: state(scheduled, "Health.Status") == "unhealthy", 120)
        docker("start", database)
        wait_until(lambda: state(scheduled, "Health.Status") == "healthy", 120)
        assert snapshots(folder)
        docker("stop", scheduled)
        assert state(scheduled, "ExitCode") == "0"  # it was not killed


def logs(container: str) -> str:
    said = run("docker", "logs", container)
    return said.stdout + said.stderr
