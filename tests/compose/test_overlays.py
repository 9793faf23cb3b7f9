"""What can be joined with `inv up --with`: in every combination as Compose reads it, and each for real."""

from __future__ import annotations

import itertools
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from stack import BOARD, URL, composed, containers, docker, post, python, scope, state, statuses, up, wait_for_count
from support import get, inv, one_sentence, run, stylesheets, wait_until

OVERLAYS = ("db", "dev", "https", "proxy", "worker")
COMBINATIONS = [
    names
    for count in range(5)
    for names in itertools.combinations(OVERLAYS, count)
    if not {"https", "proxy"} <= {*names}  # both are in front
]
COMBINATIONS += [
    ("backup",),
    ("db", "backup"),
    ("db", "dev", "https", "watch", "backup", "worker"),
    ("watch",),
    ("debug", "dev"),
    ("mail",),
    ("dev", "mail", "worker"),
]
BRINGS = {
    "backup": {"backup"},
    "db": {"db", "migrate"},
    "debug": set(),
    "dev": set(),
    "https": {"https"},
    "mail": {"mail"},
    "proxy": {"proxy", "static"},
    "watch": {"watch"},
    "worker": {"worker"},
}


@pytest.fixture(autouse=True, scope="module")
def clean() -> Iterator[None]:
    inv("env")
    yield
    inv("down", "--volumes")


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_compose_alone_reads(names: tuple[str, ...]) -> None:
    services = composed(*names)
    assert set(services) == {"web"}.union(*(BRINGS[name] for name in names))
    published = {name for name, service in services.items() if service.get("ports")}
    assert published - {"mail", "watch"} == {next((name for name in ("https", "proxy") if name in names), "web")}
    if "dev" in names and "web" in published:
        assert "'host_ip': '127.0.0.1'" in str(services["web"]["ports"])
    lasting = {name for name, service in services.items() if service["restart"] == "unless-stopped"}
    assert lasting == set(services) - {"migrate", "static"}
    assert all(service["logging"] == {"driver": "local"} for service in services.values())
    ours = {name: service for name, service in services.items() if name in {"web", "worker", "migrate"}}
    for service in ours.values():
        environment = service["environment"]
        assert isinstance(environment, dict)
        assert environment.get("DATABASE_URL") == ("postgres://site@db/site?sslmode=disable" if "db" in names else None)
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    for name in {"web", "worker"} & set(services):
        assert ("/app/src" in str(services[name]["volumes"])) == ("dev" in names)
        assert ("WORKER" in str(services[name]["environment"])) == ("worker" in names)


@pytest.mark.parametrize("name", sorted({*OVERLAYS} - {"https"}))  # test_https.py
def test_alone_it_brings_up_a_site_that_counts_words(name: str) -> None:
    up("--with", name)
    text = f"{name} alone {secrets.token_hex(3)}"
    post(text)
    wait_for_count(text)
    assert statuses(text) == ["3 words, 1 second to read"]
    assert all(sheet.status == 200 for sheet in stylesheets(get(f"{URL}/admin/login/"), URL))


def test_service_that_is_left_out_the_next_time_goes() -> None:
    up("--with", "proxy", "--no-build")
    assert containers("proxy")
    up("--no-build")
    assert containers("proxy") == containers("static") == []
    assert "gunicorn" in get(URL).headers["Server"]


@pytest.fixture(scope="module")
def three() -> None:
    """Database, worker, and a proxy before three replicas."""
    up("--with", "db", "--with", "proxy", "--with", "worker", "--scale", "web=3")


@pytest.mark.usefixtures("three")
class TestAllTogether:
    """With a database, a worker, and a proxy before three replicas of the site."""

    def test_requests_are_spread(self) -> None:
        mark = secrets.token_hex(4)
        for _ in range(60):
            get(f"{URL}/?{mark}")
        wait_until(lambda: all(mark in docker("logs", web) for web in containers("web")), 10)
        assert len(containers("web")) == 3

    def test_only_the_proxy_is_published(self) -> None:
        assert [docker("port", web) for web in containers("web")] == ["", "", ""]

    def test_migrations_are_applied_once(self) -> None:
        (migrate,) = containers("migrate")
        assert state(migrate, "ExitCode") == "0"
        assert not any("Applying" in docker("logs", web) for web in containers("web"))

    def test_static_files_are_the_proxys(self) -> None:
        sheet = stylesheets(get(BOARD), URL)[0]
        assert (sheet.status, sheet.headers["Server"]) == (200, "nginx")
        assert "max-age=315360000" in sheet.headers["Cache-Control"]  # its name has a digest

    def test_client_cannot_choose_its_address(self) -> None:
        mark = secrets.token_hex(4)
        get(f"{URL}/?{mark}", **{"X-Forwarded-For": "6.6.6.6"})
        wait_until(lambda: lines_with(mark), 10)
        (line,) = lines_with(mark)
        gateway = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", f"{scope()}_default")
        assert line.split()[0] == gateway

    def test_request_that_is_too_large_is_refused(self) -> None:
        with pytest.raises((HTTPError, URLError)) as refused:
            urlopen(Request(BOARD, b"a" * 11_000_000), timeout=30)
        assert getattr(refused.value, "code", 413) == 413

    def test_post_reaches_the_worker(self) -> None:
        text = f"by the worker {secrets.token_hex(3)}"
        post(text)
        wait_for_count(text)
        assert int(sql("SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status = 'SUCCESSFUL'")) > 0

    def test_not_one_get_fails_when_a_replica_is_killed(self) -> None:
        first, *_ = containers("web")
        with load() as answered:
            time.sleep(1)
            docker("kill", first)
            time.sleep(4)
        docker("start", first)
        assert set(answered) == {200}
        assert answered[200] > 100

    def test_without_its_database_it_says_so_and_recovers_by_itself(self) -> None:
        before = {web: state(web, "StartedAt") for web in (*containers("web"), *containers("worker"))}
        (database,) = containers("db")
        docker("stop", database)
        try:
            assert (get(f"{URL}/livez").status, get(f"{URL}/").status) == (200, 200)
            assert (get(f"{URL}/readyz").status, get(f"{URL}/readyz").text) == (503, "database\n")
            away = get(BOARD)
            assert (away.status, away.headers["Retry-After"]) == (503, "5")
            assert "Back in a moment" in away.text
        finally:
            docker("start", database)
        # Each process of each replica finds its way back by itself.
        wait_until(lambda: {get(BOARD).status for _ in range(30)} == {200})
        text = f"after the outage {secrets.token_hex(3)}"
        post(text)
        wait_for_count(text)
        assert {web: state(web, "StartedAt") for web in before} == before

    def test_worker_finishes_the_job_in_hand_before_it_stops(self) -> None:
        (worker,) = containers("worker")
        text = f"in hand {secrets.token_hex(3)}"
        docker("stop", worker)
        post(text)
        with notes_locked() as unlock:
            docker("start", worker)
            wait_until(lambda: running() == "1")
            stopping = threading.Thread(target=docker, args=("stop", worker))
            stopping.start()
            wait_until(lambda: "shutting down gracefully" in logs(worker))
            unlock()
            stopping.join()
        assert state(worker, "ExitCode") == "0"
        assert "to read" in statuses(text)[0]
        docker("start", worker)

    def test_job_of_a_worker_that_was_killed_is_seen_as_lost_and_done(self) -> None:
        (worker,) = containers("worker")
        text = f"killed {secrets.token_hex(3)}"
        docker("stop", worker)
        post(text)
        with notes_locked():
            docker("start", worker)
            wait_until(lambda: running() == "1")
            docker("kill", worker)
        assert statuses(text) == ["being counted…"]
        docker("start", worker)
        wait_for_count(text, 90)
        assert "is lost: its worker_id=" in logs(worker)

    def test_dump_is_restored_whole_or_not_at_all(self, tmp_path: Path) -> None:
        kept, later, file = secrets.token_hex(4), secrets.token_hex(4), tmp_path / "all.dump"
        post(kept)
        sql("CREATE SCHEMA tenant; CREATE TABLE tenant.a AS SELECT 42")
        dumped = inv("db", "dump", str(file))
        assert dumped.returncode == 0, dumped.stderr
        post(later)
        for size in (100, 2000, file.stat().st_size // 2, file.stat().st_size - 1):
            (tmp_path / "short.dump").write_bytes(file.read_bytes()[:size])
            refused = inv("db", "restore", str(tmp_path / "short.dump"))
            assert refused.returncode == 1
            assert "is not a whole dump: nothing was changed" in refused.stderr.splitlines()[-1]
        assert later in get(BOARD).text
        for _ in range(2):
            restored = inv("db", "restore", str(file))
            assert restored.returncode == 0, restored.stderr
            assert kept in get(BOARD).text
            assert later not in get(BOARD).text
        post(later)  # numbers go on where they were
        assert "is there already" in one_sentence(inv("db", "dump", str(file)).stderr)

    def test_shell_speaks_sql(self) -> None:
        asked = run("sh", "-c", "echo 'select 6 * 7' | ./inv db shell")
        assert "42" in asked.stdout

    def test_data_and_files_survive_down_up_and_an_image_of_a_new_tag(self) -> None:
        text, name = f"survives {secrets.token_hex(3)}", secrets.token_hex(4)
        post(text)
        store = "from django.core.files import base, storage; s = storage.default_storage"
        python(f"{store}; s.save({name!r}, base.ContentFile(b'a file'))")
        assert docker("exec", containers("web")[0], "stat", "--format", "%u", f"/app/data/media/{name}") == "10001"
        assert inv("down").returncode == 0
        newer = f"{os.environ['INVOKE_UP_IMAGE']}-newer"
        up("--with", "db", "--with", "worker", INVOKE_UP_IMAGE=newer)
        assert text in get(BOARD).text
        assert python(f"{store}; print(s.open({name!r}).read())") == "b'a file'"

    def test_volume_of_another_postgresql_is_told_in_a_sentence(self) -> None:
        inv("down")
        volume = (f"{scope()}_database:/data", "postgres:17", "-c")
        says = ("run", "--rm", "--entrypoint", "sh", "--volume", *volume)
        docker(*says, "echo 16 > /data/PG_VERSION")
        try:
            refused = inv("up", "--with", "db", "--detach", "--no-build")
            assert refused.returncode == 1
            assert (
                "The database's volume was made by PostgreSQL 16, and this one is 17" in refused.stderr.splitlines()[-1]
            )
        finally:
            docker(*says, "echo 17 > /data/PG_VERSION")

    def test_another_password_than_the_databases_is_told_in_a_sentence(self) -> None:
        up("--with", "db")
        file = Path(os.environ["INVOKE_ENV_FILE"])
        before = file.read_text()
        inv("down")
        try:
            assert inv("env", "--set", "PGPASSWORD").returncode == 0
            assert file.read_text() != before
            refused = inv("up", "--with", "db", "--detach", "--no-build")
            assert refused.returncode == 1
            assert "first started with another PGPASSWORD than the file's" in refused.stderr.splitlines()[-1]
        finally:
            file.write_text(before)


def test_https_that_something_in_front_speaks_is_passed_on_and_redirects_only_without_it() -> None:
    """HTTPS=1 once redirected to itself for ever behind the proxy."""
    assert inv("env", "--set", "HTTPS=1").returncode == 0
    up("--with", "proxy", "--no-build")
    try:
        assert get(URL, **{"X-Forwarded-Proto": "https"}).status == 200
        assert get(URL).headers["Location"] == URL.replace("http:", "https:") + "/"
    finally:
        inv("env", "--set", "HTTPS=0")


@contextmanager
def load() -> Iterator[Counter[object]]:
    """Ask for the board all the while; yields how often each status, or failure, was the answer."""
    answered: Counter[object] = Counter()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                answered[get(BOARD).status] += 1
            except OSError as error:
                answered[repr(error)] += 1

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        yield answered
    finally:
        over.set()
        for client in clients:
            client.join()


@contextmanager
def notes_locked() -> Iterator[Callable[[], object]]:
    """Hold the table of notes, so that whoever counts a note waits; yields what lets go of it."""
    holding = threading.Thread(target=sql, args=("BEGIN; LOCK TABLE board_note; SELECT pg_sleep(120)",))
    holders = "FROM pg_stat_activity WHERE wait_event = 'PgSleep'"

    def let_go() -> None:
        sql(f"SELECT pg_terminate_backend(pid) {holders}")
        holding.join()

    holding.start()
    wait_until(lambda: sql(f"SELECT count(*) {holders}") == "1")
    try:
        yield let_go
    finally:
        let_go()


def sql(command: str) -> str:
    """Return what the database answers."""
    psql = ("psql", "--username", "site", "--dbname", "site", "--tuples-only", "--no-align", "--command", command)
    return run("docker", "exec", *containers("db"), *psql).stdout.strip()


def running() -> str:
    """Return how many jobs a worker has in hand."""
    return sql("SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status = 'RUNNING'")


def lines_with(mark: str) -> list[str]:
    return [line for web in containers("web") for line in docker("logs", web).splitlines() if mark in line]


def logs(container: str) -> str:
    said = run("docker", "logs", container)
    return said.stdout + said.stderr
