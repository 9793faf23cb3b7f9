"""The worker: who holds a job and for how long, and what a worker does when its database, or itself, is struck down."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, close_old_connections
from django.utils import timezone
from django_tasks import task
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult, get_date_max
from pytest_django import Settings

from jobs import lease, schedule
from jobs import tasks as housekeeping
from jobs.management.commands import worker
from support import ROOT, surroundings, wait_until

READY, RUNNING, SUCCESSFUL, FAILED = "READY", "RUNNING", "SUCCESSFUL", "FAILED"
LONG_AGO = lease.LENGTH + timedelta(seconds=5)

calls: list[str] = []


@task()
def note(word: str) -> None:
    """Note that it was done."""
    calls.append(word)


@pytest.fixture(autouse=True)
def queue(transactional_db: None, settings: Settings) -> Iterator[None]:
    """The site with WORKER=1; a worker listens to signals, and the tests are to have theirs back."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    calls.clear()
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGQUIT") if hasattr(signal, name)]
    usual = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in usual.items():
        signal.signal(number, handler)


def job(
    *worker_ids: str,
    begun: timedelta = timedelta(0),
    until: datetime | None = None,
    status: str = RUNNING,
) -> DBTaskResult[Any, Any]:
    """Return a job that was begun so long ago by the last of these workers, and is theirs until then."""
    made: DBTaskResult[Any, Any] = DBTaskResult.objects.get(pk=note.enqueue("done").id)
    made.status, made.worker_ids = status, list(worker_ids)
    made.started_at = timezone.now() - begun if worker_ids else None
    made.run_after = until or get_date_max()
    made.save()
    return made


def ago(**length: float) -> datetime:
    return timezone.now() - timedelta(**length)


def work(**options: Any) -> None:
    """Let a worker do all that waits."""
    call_command("worker", **{"batch": True, "interval": 0, "startup_delay": False, "reload": False, **options})


def test_lease_is_renewed_for_what_one_runs_oneself() -> None:
    others = [job("me", "you"), job("you"), job("me", status=FAILED), job(status=READY)]
    mine = job("you", "me", until=ago(seconds=3))
    lease.renew("me")
    mine.refresh_from_db()
    assert mine.run_after > timezone.now() + lease.LENGTH - timedelta(seconds=5)
    for other in others:
        other.refresh_from_db()
    assert [other.run_after for other in others] == [get_date_max()] * 4


HELD = [
    pytest.param({"begun": LONG_AGO, "until": -1}, True, id="its lease has ended"),
    pytest.param({"begun": LONG_AGO, "until": 10}, False, id="its lease is renewed"),
    pytest.param({"begun": LONG_AGO}, True, id="its worker died before it could renew"),
    pytest.param({}, False, id="just begun, not renewed yet"),
    pytest.param({"until": -3600}, False, id="just begun, and put off until an hour ago"),
    pytest.param({"begun": LONG_AGO, "until": -1, "status": FAILED}, False, id="it is over"),
]


@pytest.mark.parametrize(("held", "lost"), HELD)
def test_lost_job_is_queued_again_and_no_other(
    held: dict[str, Any], lost: bool, caplog: pytest.LogCaptureFixture
) -> None:
    until = {"until": timezone.now() + timedelta(seconds=held["until"])} if "until" in held else {}
    found = job("dead", **{**held, **until})
    before = found.status
    assert lease.queue_lost_again() == lost
    found.refresh_from_db()
    assert found.status == (READY if lost else before)
    assert (f"id={found.pk} is lost: its worker_id=dead died" in caplog.text) == lost
    assert (found in DBTaskResult.objects.ready()) == lost


def test_job_that_kills_its_workers_fails_after_the_third(caplog: pytest.LogCaptureFixture) -> None:
    lost = job("first", "second", "third", begun=LONG_AGO, until=ago(seconds=1))
    lease.queue_lost_again()
    work()
    lost.refresh_from_db()
    assert (calls, lost.status) == ([], FAILED)
    assert "Each of the 3 workers that ran it died." in lost.traceback
    assert f"id={lost.pk} failed" in caplog.text


def test_lost_job_is_done_by_who_is_left() -> None:
    lost = job("dead", begun=LONG_AGO, until=ago(seconds=1))
    work()
    assert calls == []
    lease.queue_lost_again()
    work(worker_id="alive")
    lost.refresh_from_db()
    assert (calls, lost.status, lost.worker_ids) == (["done"], SUCCESSFUL, ["dead", "alive"])


def test_worker_outlives_its_database_under_another_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "django_tasks_db")
    waits = job(status=READY)
    away = [OperationalError("the server closed the connection"), OperationalError("connection refused")]
    usual = close_old_connections

    def asks_the_database() -> None:
        if away:
            raise away.pop(0)
        usual()

    monkeypatch.setattr(f"{db_worker.__name__}.close_old_connections", asks_the_database)
    work(interval=0.01, worker_id="first")
    waits.refresh_from_db()
    assert (calls, waits.status) == (["done"], SUCCESSFUL)
    assert caplog.text.count("The database failed, trying again") == 2
    assert len(waits.worker_ids) == 1
    assert waits.worker_ids != ["first"]


def test_fault_of_our_own_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[BaseException] = [LookupError(), SystemExit("it went on")]

    def fails() -> None:
        raise faults.pop(0)

    monkeypatch.setattr(f"{db_worker.__name__}.close_old_connections", fails)
    with pytest.raises(LookupError):
        work()


class Turns(Event):
    """So many turns without a wait, and then the end."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self.left = turns

    def wait(self, timeout: float | None = None) -> bool:
        self.left -= 1
        return self.left < 0


NOTE = f"{__name__}.note_nothing"


@task()
def note_nothing() -> None:
    """Note that it was done, by the clock."""
    calls.append("by the clock")


def at(moment: datetime) -> str:
    """Return a time of each day, as crontab writes it."""
    local = timezone.localtime(moment)
    return f"{local.minute} {local.hour} * * *"


def test_what_is_due_is_queued_once_however_many_workers_look(settings: Settings) -> None:
    settings.SCHEDULE = {NOTE: at(ago(minutes=2))}
    for _ in range(3):
        schedule.queue_due()
    work()
    schedule.queue_due()
    work()
    assert calls == ["by the clock"]


@pytest.mark.parametrize("hours", [-2, 2], ids=["long ago", "later"])
def test_what_was_due_long_ago_or_will_be_waits_for_its_time(settings: Settings, hours: int) -> None:
    settings.SCHEDULE = {NOTE: at(ago(hours=-hours))}
    schedule.queue_due()
    work()
    assert calls == []


def test_next_day_it_is_queued_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SCHEDULE = {NOTE: at(ago(minutes=2))}
    schedule.queue_due()
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(timezone, "localtime", lambda: tomorrow)
    schedule.queue_due()
    monkeypatch.undo()
    work()
    assert calls == ["by the clock"] * 2


@pytest.mark.parametrize("wrong", [{"no.such.task": "* * * * *"}, {NOTE: "daily"}, {"jobs.lease.renew": "* * * * *"}])
def test_schedule_that_cannot_be_is_refused(settings: Settings, wrong: dict[str, str]) -> None:
    settings.SCHEDULE = wrong
    with pytest.raises(CommandError, match=r"SCHEDULE has '[a-z_.]+': '.*', which cannot be: "):
        work()


def test_results_of_a_week_ago_go_and_no_other() -> None:
    made = {days: job("me", begun=timedelta(days=days), status=SUCCESSFUL) for days in (6, 8)}
    for days, one in made.items():
        DBTaskResult.objects.filter(pk=one.pk).update(finished_at=ago(days=days))
    waits = job(status=READY, begun=timedelta(days=8))
    housekeeping.remove_old_results.call()
    assert {one.pk for one in DBTaskResult.objects.all()} == {made[6].pk, waits.pk}


@pytest.fixture
def me(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> worker.Worker:
    monkeypatch.setattr(worker.Worker, "alive", tmp_path / "alive")
    return worker.Worker(
        queue_names=["default"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id="me",
        excluded_queue_names=[],
    )


def test_while_it_works_leases_are_kept_and_lost_jobs_found(me: worker.Worker, tmp_path: Path) -> None:
    mine, lost = job("me", begun=LONG_AGO, until=ago(seconds=1)), job("dead", begun=LONG_AGO)
    me.keep_leases(Turns(1))
    mine.refresh_from_db()
    lost.refresh_from_db()
    assert (mine.status, lost.status) == (RUNNING, READY)
    assert (tmp_path / "alive").exists()


def test_while_it_works_it_looks_at_the_clock(me: worker.Worker, settings: Settings) -> None:
    settings.SCHEDULE = {NOTE: at(ago(minutes=2))}
    me.keep_leases(Turns(2))
    assert [one.task_path for one in DBTaskResult.objects.all()] == [NOTE]


@pytest.mark.parametrize("error", [OperationalError, DatabaseError])
def test_after_an_outage_others_are_given_the_time_to_renew(
    me: worker.Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    lost = job("dead", begun=LONG_AGO)

    def away(_: str) -> None:
        assert not (tmp_path / "alive").exists()
        monkeypatch.undo()
        monkeypatch.setattr(worker.Worker, "alive", tmp_path / "alive")
        raise error

    monkeypatch.setattr(lease, "renew", away)
    me.keep_leases(Turns(3))
    lost.refresh_from_db()
    assert lost.status == RUNNING
    assert (tmp_path / "alive").exists()


def test_worker_gives_a_sign_of_life_when_it_starts(tmp_path: Path) -> None:
    work(alive=tmp_path / "alive")
    assert (tmp_path / "alive").exists()


# A job that takes until it is told to end, in a module of its own, which the worker imports.
JOBS = """
import time
from pathlib import Path
from django_tasks import task

@task()
def slow(folder):
    with (Path(folder) / "begun").open("a") as begun:
        print("begun", file=begun, flush=True)
    while not (Path(folder) / "go").exists():
        time.sleep(0.02)
    with (Path(folder) / "done").open("a") as done:
        print("done", file=done)
"""
ENQUEUE = """
import sys, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
import slow
slow.slow.enqueue(sys.argv[1])
"""
STATUS = """
import django
django.setup()
from django_tasks_db.models import DBTaskResult
for job in DBTaskResult.objects.filter(task_path="slow.slow"):  # not what is due by the clock
    print(job.status, len(job.worker_ids))
"""
# The command as it is, with leases that a test can wait for.
SHORT = """
import sys, django
django.setup()
from datetime import timedelta
from django.core.management import execute_from_command_line
from jobs import lease
lease.LENGTH, lease.RENEWED_EVERY = timedelta(seconds=1), 0.2
execute_from_command_line(sys.argv)
"""
WORKER = ("worker", "--interval", "0.1", "--no-startup-delay")


class Site:
    """A site on SQLite with one slow job, and workers that are processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        (folder / "slow.py").write_text(JOBS)
        self.environment = surroundings(
            {
                "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
                "WORKER": "1",
                "DEBUG": "0",
                "PYTHONPATH": f"{folder}{os.pathsep}{ROOT / 'src'}",
                "SECRET_KEY": "only-for-tests-" + "0123456789" * 4,
                "DJANGO_SETTINGS_MODULE": "myproj.settings",
                "PYTHON_DOTENV_DISABLED": "1",
            }
        )

    def python(self, code: str, *words: str) -> str:
        ended = subprocess.run(
            [sys.executable, "-c", code, *words], env=self.environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def work(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a worker, whose log is log.txt."""
        with (self.folder / "log.txt").open("a") as log:
            started = subprocess.Popen([sys.executable, *words, *WORKER], env=self.environment, stdout=log, stderr=log)
        self.workers.append(started)
        return started

    def has(self, name: str, times: int = 1) -> bool:
        file = self.folder / name
        return file.exists() and len(file.read_text().splitlines()) == times

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.python(ENQUEUE, str(tmp_path))
    yield made
    for process in made.workers:
        process.kill()
        process.wait()


MANAGE = str(ROOT / "src/manage.py")


@pytest.mark.posix("signals")
def test_sigterm_lets_the_job_in_hand_end_and_then_the_worker(site: Site) -> None:
    process = site.work(MANAGE)
    wait_until(lambda: site.has("begun"))
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: "shutting down gracefully" in site.log)
    assert process.poll() is None
    (site.folder / "go").touch()
    assert process.wait(30) == 0
    assert site.has("done")
    assert site.python(STATUS) == "SUCCESSFUL 1\n"


@pytest.mark.posix("signals")
def test_job_of_a_worker_that_was_killed_is_done_by_the_next(site: Site) -> None:
    first = site.work("-c", SHORT)
    wait_until(lambda: site.has("begun"))
    second = site.work("-c", SHORT)
    first.kill()
    wait_until(lambda: site.has("begun", 2))
    (site.folder / "go").touch()
    wait_until(lambda: site.has("done"))
    second.terminate()
    assert second.wait(30) == 0
    assert "is lost" in site.log
    assert site.python(STATUS) == "SUCCESSFUL 2\n"
