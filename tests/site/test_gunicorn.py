"""How the server runs: what `gunicorn.conf.py` decides on the host and in a container."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

Anew = Callable[..., subprocess.CompletedProcess[str]]
KEY = "only-for-tests-" + "0123456789" * 4

DECIDE = """
import json, os, runpy, signal
{before}
decided = runpy.run_path("gunicorn.conf.py")
names = ["bind", "workers", "worker_class", "preload_app", "graceful_timeout", "control_socket_disable", "accesslog"]
held = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
print(json.dumps({{name: decided[name] for name in names}} | {{"held": held}}))
"""


@pytest.fixture
def decide(anew: Anew) -> Callable[..., dict[str, Any]]:
    def decided(before: str = "", **environment: str) -> dict[str, Any]:
        ended = anew(DECIDE.format(before=before), **{"SECRET_KEY": KEY, **environment})
        assert ended.returncode == 0, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    return decided


Decide = Callable[..., dict[str, Any]]

BIND = [
    pytest.param({}, "127.0.0.1:8000", id="the host serves itself"),
    pytest.param({"PORT": "6545"}, "127.0.0.1:6545", id="the host on another port"),
    pytest.param({"PLACE": "container"}, "0.0.0.0:8000", id="a container is reached from outside"),
    pytest.param({"PLACE": "container", "PORT": "6545"}, "0.0.0.0:6545", id="a container on another port"),
    pytest.param({"PLACE": "compose", "PORT": "8023"}, "0.0.0.0:8023", id="Compose"),
]


@pytest.mark.parametrize(("environment", "bind"), BIND)
def test_bind(decide: Decide, environment: dict[str, str], bind: str) -> None:
    assert decide(**environment)["bind"] == bind


# Processors that a test makes up, and no quota, which the machine of the test may have.
QUOTA = "from myproj import cpus; cpus.quota = lambda cgroups: {quota}"
ONE_CPU = f"os.sched_getaffinity = lambda pid: {{0}}; {QUOTA.format(quota=None)}"
THREE_CPUS = f"os.sched_getaffinity = lambda pid: {{0, 1, 2}}; {QUOTA.format(quota=None)}"
NO_AFFINITY = f"vars(os).pop('sched_getaffinity', None); os.cpu_count = lambda: 5; {QUOTA.format(quota=None)}"  # macOS
HALF_A_CPU = f"os.sched_getaffinity = lambda pid: {{0, 1, 2}}; {QUOTA.format(quota=0.5)}"

WORKERS = [
    pytest.param({"WEB_CONCURRENCY": "7"}, ONE_CPU, 7, id="WEB_CONCURRENCY wins"),
    pytest.param({"WEB_CONCURRENCY": "1"}, THREE_CPUS, 1, id="WEB_CONCURRENCY wins over more CPUs"),
    pytest.param({}, THREE_CPUS, 3, id="one per CPU that may be used"),
    pytest.param({}, HALF_A_CPU, 1, id="one where the quota is less than one"),
    pytest.param({}, NO_AFFINITY, 5, id="a system that tells only how many CPUs there are"),
]


@pytest.mark.parametrize(("environment", "before", "workers"), WORKERS)
def test_workers(decide: Decide, environment: dict[str, str], before: str, workers: int) -> None:
    assert decide(before, **environment)["workers"] == workers


def test_signals_held_back_by_who_starts_it_are_let_in(decide: Decide) -> None:
    held_back = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])"
    assert decide(held_back)["held"] == []


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_signal_during_the_start_ends_it_quietly(anew: Anew, number: str) -> None:
    ended = anew(f"import os, runpy, signal; runpy.run_path('gunicorn.conf.py'); os.kill(os.getpid(), signal.{number})"
                 "; import time; time.sleep(5); print('still here')", SECRET_KEY=KEY)  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_socket_that_logs_an_error_on_a_read_only_disk_is_off(decide: Decide) -> None:
    decided = decide()
    assert decided["control_socket_disable"] is True
    assert decided["preload_app"] is True


NO_GEVENT = "import sys; sys.modules['gevent'] = None"


def test_threads_serve_where_there_is_no_gevent(decide: Decide) -> None:
    assert decide(NO_GEVENT)["worker_class"] == "gthread"


@pytest.mark.parametrize(("value", "log"), [("", "-"), ("1", "-"), ("0", None)])
def test_access_log_can_be_turned_off(decide: Decide, value: str, log: str | None) -> None:
    assert decide(ACCESS_LOG=value)["accesslog"] == log


def test_gunicorn_takes_the_file(anew: Anew) -> None:
    code = "import sys; sys.argv = ['gunicorn', '--check-config', 'myproj.wsgi:application']; "
    ended = anew(code + "from gunicorn.app.wsgiapp import run; run()", SECRET_KEY=KEY)
    assert ended.returncode == 0, ended.stderr
