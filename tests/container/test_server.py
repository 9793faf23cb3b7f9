"""The server in the image, seen from outside: who runs, what it withstands, how it ends."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import re
import secrets
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from company import Company
from images import IMAGE, docker

from support import ROOT, answers, free_port, get, inv, one_sentence, run, wait_until

PROBE = Path(__file__).parent / "probe"
CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
KEY = ("--env", f"SECRET_KEY={secrets.token_urlsafe(50)}")


class Box:
    """A container of the image, confined, with the tests' own addresses beside the site's."""

    def __init__(self, *options: str, confined: bool = True, command: tuple[str, ...] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        probe = (
            "--volume",
            f"{PROBE}:/probe:ro",
            "--env",
            "PYTHONPATH=/probe",
            "--env",
            "DJANGO_SETTINGS_MODULE=probe_settings",
        )
        # A volume without a name is a fresh one, and goes with its container.
        common = ("--detach", "--volume", "/app/data", "--publish", f"127.0.0.1:{self.port}:8000", *KEY, *probe)
        self.name = docker("run", *common, *(CONFINED if confined else ()), *options, IMAGE, *command)

    def ready(self) -> Box:
        wait_until(lambda: answers(self.url) or self.ended(), 30)
        assert not self.ended(), self.log()
        return self

    def ended(self) -> bool:
        return docker("inspect", "--format", "{{.State.Running}}", self.name) != "true"

    def inside(self, *words: str) -> str:
        return docker("exec", self.name, *words)

    def log(self) -> str:
        said = run("docker", "logs", self.name)
        return said.stdout + said.stderr

    def workers(self) -> set[str]:
        """Return the process ids of the workers, which are the children of PID 1."""
        return set(self.inside("cat", "/proc/1/task/1/children").split())


@contextlib.contextmanager
def box(*options: str, confined: bool = True, command: tuple[str, ...] = ()) -> Iterator[Box]:
    """Run a container for as long as a test needs it."""
    one = Box(*options, confined=confined, command=command)
    try:
        yield one
    finally:
        docker("rm", "--force", "--volumes", one.name)


@pytest.fixture(scope="module")
def site() -> Iterator[Box]:
    with box() as one:
        yield one.ready()


def test_confined_it_serves_and_no_log_line_says_error(site: Box) -> None:
    assert get(site.url).status == 200
    assert get(f"{site.url}/admin/login/").status == 200
    assert not re.search(r"\berror\b|\bwarning\b|traceback", site.log(), re.IGNORECASE), site.log()


def test_inv_run_and_compose_confine_it_so() -> None:
    started = inv("--dry", "run", "--port", "8000").stdout
    assert " ".join(CONFINED) in started
    service = (ROOT / "docker-compose.yaml").read_text()
    for line in ("read_only: true", "- /tmp", "- ALL", "- no-new-privileges:true"):
        assert line in service


def test_every_process_is_the_unprivileged_user(site: Box) -> None:
    tree = site.inside("bash", "-c", "cat /proc/[0-9]*/status").splitlines()
    users = {line.split()[1] for line in tree if line.startswith("Uid:")}
    assert users == {"10001"}
    assert "gunicorn" in site.inside("cat", "/proc/1/cmdline")
    assert len(site.workers()) == min(len(os.sched_getaffinity(0)), os.cpu_count() or 1)


def test_any_user_and_a_fresh_volume_serve() -> None:
    with box("--user", "12345:0") as one:
        one.ready()
        assert one.inside("id", "-u") == "12345"
        assert not re.search(r"\berror\b|traceback", one.log(), re.IGNORECASE)


def test_nobody_can_become_another_user_in_the_image() -> None:
    assert docker("run", "--rm", "--user", "0", IMAGE, "find", "/", "-xdev", "-type", "f", "-perm", "/6000") == ""


def test_clock_is_utc(site: Box) -> None:
    assert site.inside("date", "+%Z") == "UTC"


@pytest.mark.parametrize("quota", ["0.5", "1"])
def test_workers_are_as_many_as_the_quota_allows(quota: str) -> None:
    with box("--cpus", quota) as one:
        assert len(one.ready().workers()) == 1


@pytest.mark.parametrize(
    "options",
    [("--env", "WEB_CONCURRENCY=3"), ("--env", "GUNICORN_CMD_ARGS=--workers 3")],
    ids=["WEB_CONCURRENCY", "GUNICORN_CMD_ARGS"],
)
def test_workers_are_as_many_as_a_person_says(options: tuple[str, ...]) -> None:
    with box(*options) as one:
        wait_until(lambda: len(one.ready().workers()) == 3, 10)


def test_nothing_is_compiled_or_written_at_run_time() -> None:
    with box(confined=False) as one:
        one.ready()
        for address in ("/", "/admin/login/", "/no-such-page", "/livez"):
            get(one.url + address)
        assert "COMPILED" not in one.log(), one.log()
        changed = {line.split(" ", 1)[1] for line in docker("diff", one.name).splitlines()}
        assert {path for path in changed if not path.startswith(("/probe", "/app/data"))} <= {"/app"}
    # The same notice does appear where there is something to compile.
    with box("--env", "PYTHONPYCACHEPREFIX=/nowhere", confined=False) as one:
        assert "COMPILED /opt/venv" in one.ready().log()


def test_bytecode_is_valid_whatever_the_times_of_its_sources() -> None:
    # Bytes 4 to 7 are flags; 1 is "hash, unchecked": https://peps.python.org/pep-0552/
    count = "from pathlib import Path; import collections; print(dict(collections.Counter("
    count += "path.read_bytes()[4:8] for path in Path('/opt/bytecode').rglob('*.pyc'))))"
    flags = docker("run", "--rm", IMAGE, "python", "-c", count)
    assert re.fullmatch(r"\{b'\\x01\\x00\\x00\\x00': \d{4}\}", flags), flags


def test_thousand_slow_clients_keep_nobody_waiting(site: Box) -> None:
    with slow_clients(site.port, 1000):
        for _ in range(50):
            start = time.monotonic()
            assert get(site.url).status == 200
            # Not a measure of speed, which `inv bench` takes: a request that has to wait here waits for ever.
            assert time.monotonic() - start < 5


@contextlib.contextmanager
def slow_clients(port: int, count: int) -> Iterator[None]:
    """Hold connections open: half of them silent, half sending a byte of a header per second."""
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    over = threading.Event()

    def trickle() -> None:
        for client in clients[::2]:
            client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        while not over.wait(1):
            for client in clients[::2]:
                with contextlib.suppress(OSError):
                    client.sendall(b"a")

    thread = threading.Thread(target=trickle)
    thread.start()
    time.sleep(1.5)
    try:
        yield
    finally:
        over.set()
        thread.join()
        for client in clients:
            client.close()


@pytest.mark.parametrize("delay", ["0.02", "60"])
def test_request_in_flight_is_answered_and_logged_when_it_stops(delay: str) -> None:
    with box("--env", f"LOG_DELAY={delay}") as one, ThreadPoolExecutor() as pool:
        one.ready()
        answer = pool.submit(get, f"{one.url}/sleep/3")
        time.sleep(1)
        docker("stop", one.name)
        assert answer.result().text == "slept 3"
        assert re.search(r'"GET /sleep/3" 200 7 \d+\.\dms$', one.log(), re.MULTILINE), one.log()
        assert docker("inspect", "--format", "{{.State.ExitCode}}", one.name) == "0"


def test_worker_is_ready_for_its_first_request_and_so_is_one_after_a_reload() -> None:
    with box("--env", "WEB_CONCURRENCY=1") as one, ThreadPoolExecutor() as pool:
        before = worker(one.ready())
        docker("kill", "--signal", "HUP", one.name)
        wait_until(lambda: one.workers().isdisjoint({str(before["pid"])}) and len(one.workers()) == 1, 20)
        for said in (before, worker(one)):
            del said["pid"]
            assert set(said.values()) == {True}, said
        # And the master still knows what to do when it is to stop.
        answer = pool.submit(get, f"{one.url}/sleep/3")
        time.sleep(1)
        docker("stop", one.name)
        assert answer.result().text == "slept 3"
        assert docker("inspect", "--format", "{{.State.ExitCode}}", one.name) == "0"


def worker(one: Box) -> dict[str, object]:
    """Ask a worker for the page, and return how it stands."""
    assert get(one.url).status == 200
    said: dict[str, object] = json.loads(get(f"{one.url}/worker").text)
    return said


def test_stop_budgets_fit_into_each_other() -> None:
    graceful = int(re.search(r"^graceful_timeout = (\d+)", source("src/gunicorn.conf.py"), re.MULTILINE)[1])  # type: ignore[index]
    compose = int(re.search(r"stop_grace_period: (\d+)s", source("docker-compose.yaml"))[1])  # type: ignore[index]
    docker_run = int(re.search(r"--stop-timeout (\d+)", inv("--dry", "run", "--port", "8000").stdout)[1])  # type: ignore[index]
    assert graceful < compose == docker_run


def source(name: str) -> str:
    return (ROOT / name).read_text()


def test_killed_worker_is_replaced_and_its_neighbour_answers() -> None:
    with box("--env", "WEB_CONCURRENCY=2") as one, ThreadPoolExecutor() as pool:
        one.ready()
        before = one.workers()
        assert len(before) == 2
        victim = get(f"{one.url}/pid").text
        in_flight = [pool.submit(get_or_none, f"{one.url}/sleep/2") for _ in range(8)]
        time.sleep(0.7)
        one.inside("bash", "-c", f"kill -KILL {victim}")
        survived = [future.result() for future in in_flight]
        assert "slept 2" in survived
        wait_until(lambda: len(one.workers()) == 2 and victim not in one.workers(), 10)
        assert get(one.url).status == 200


def get_or_none(url: str) -> str | None:
    """Return a page, or nothing where the worker that was to answer died."""
    try:
        return get(url).text
    except OSError:
        return None


def test_hanging_worker_is_replaced() -> None:
    with box("--env", "GUNICORN_CMD_ARGS=--timeout 2 --workers 1") as one, ThreadPoolExecutor() as pool:
        one.ready()
        before = one.workers()
        hanging = pool.submit(get_or_none, f"{one.url}/hang")
        wait_until(lambda: one.workers() and one.workers() != before, 20)
        hanging.result()
        wait_until(lambda: answers(one.url), 20)


def test_health_turns_unhealthy_when_the_site_answers_503() -> None:
    with box("--health-interval", "1s", "--health-retries", "1") as one:
        one.ready()
        health = ("inspect", "--format", "{{.State.Health.Status}}", one.name)
        wait_until(lambda: docker(*health) == "healthy", 20)
        # A database that lost its tables: the process lives, and cannot do its work.
        one.inside(
            "python",
            "-c",
            "import sqlite3; sqlite3.connect('/app/data/db.sqlite3').execute('DROP TABLE django_migrations')",
        )
        wait_until(lambda: docker(*health) == "unhealthy", 20)
        assert get(f"{one.url}/readyz").text == "migrations\n"
        assert get(f"{one.url}/livez").status == 200


def test_access_log_has_status_and_duration_and_can_be_off(site: Box) -> None:
    get(f"{site.url}/no-such-page?x=1")
    line = r'^[\d.]+ "GET /no-such-page\?x=1" 404 \d+ [\d.]+ms$'
    wait_until(lambda: re.search(line, site.log(), re.MULTILINE), 5)
    with box("--env", "ACCESS_LOG=0") as one:
        get(f"{one.ready().url}/")
        docker("stop", one.name)
        assert "GET /" not in one.log()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    one = Company(tmp_path_factory.mktemp("company"))
    try:
        yield one.ready()
    finally:
        one.end()


built_here = pytest.mark.skipif(bool(os.environ.get("SMOKE_IMAGE")), reason="an image that exists is not built")


@built_here
def test_company_index_gives_every_package_and_leaves_no_trace(company: Company) -> None:
    built = company.build()
    assert built.returncode == 0, built.stderr
    assert company.password not in built.stderr
    assert company.given() == company.wheels()
    assert {wheel.split("-")[0] for wheel in company.given()} >= {"uv", "django"}
    login = base64.b64encode(f"builder:{company.password}".encode())
    certificate = company.authority.cert_pem.bytes().splitlines()[1]
    traces = {company.password.encode(), company.address.encode(), login, certificate}
    # Of the code and of a package: that these are found shows that a trace would be.
    known = {(ROOT / "src" / "manage.py").read_bytes(), b"from django.utils.version import get_version\n\nVERSION = "}
    found = {text for part in parts(f"{company.image}:secret") for text in traces | known if text in part}
    assert found == known
    history = docker("history", "--no-trunc", f"{company.image}:secret").encode()
    assert {text for text in traces | {b"COPY src /app/src"} if text in history} == {b"COPY src /app/src"}


def parts(image: str) -> Iterator[bytes]:
    """Yield each layer of an image, and what describes it; some engines compress them."""
    saving = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
    with saving, tarfile.open(fileobj=saving.stdout, mode="r|") as saved:
        for member in saved:
            if file := saved.extractfile(member):
                part = file.read()
                yield gzip.decompress(part) if part.startswith(b"\x1f\x8b") else part


@built_here
def test_company_index_is_not_believed_without_its_certificate(company: Company) -> None:
    refused = company.build(certificate=False)
    assert refused.returncode == 1
    assert re.search("certificate.verify.failed", refused.stderr, re.IGNORECASE), refused.stderr


@built_here
def test_company_index_gives_nothing_for_a_wrong_password(company: Company) -> None:
    refused = company.build(password="wrong")
    assert refused.returncode == 1
    assert re.search(r"\b401\b", refused.stderr), refused.stderr


def test_secret_that_the_dockerfile_does_not_ask_for_is_refused(tmp_path: Path) -> None:
    for secret in ("id_rsa", str(tmp_path / "pip.conf")):
        refused = inv("build", "--secret", secret)
        assert refused.returncode == 1
        assert "pip.conf or ca.crt" in one_sentence(refused.stderr)
