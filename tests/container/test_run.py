"""`inv run` and what a person does with its containers: shell, logs, stop, Ctrl-C, and mistakes."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pexpect
import pytest

from boxed import docker
from container.boxes import IMAGE, NAME
from nasty import NASTY, SETTING, among
from support import INV, ROOT, answers, free_port, get, inv, one_sentence, run, wait_until
from terminal import at_terminal, ended

TAG = IMAGE.rpartition(":")[2]
QUOTES = "https://a  b'c\"$d"
MODELS = "from django.contrib.auth.models import User; "


class Site:
    """The site in a container, started with `inv run --detach`."""

    def __init__(self, *words: str) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        before = containers()
        self.started = inv("run", "--tag", TAG, "--port", str(self.port), "--detach", *words)
        assert self.started.returncode == 0, self.started.stderr
        self.container = (containers() - before).pop()

    def inside(self, *words: str) -> str:
        """Run a command in the container and return its output."""
        return docker("exec", self.container, *words)


def containers() -> set[str]:
    """Return this session's containers, ended ones too."""
    label = inv("--dry", "ps").stdout.split("--filter ")[1].strip()
    return {*docker("ps", "--all", "--quiet", "--filter", label).split()}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    yield Site("--env", "ALLOWED_HOSTS=asked.example, b.example", "--env", f"CSRF_TRUSTED_ORIGINS={QUOTES}")
    inv("stop")


def test_page_on_the_port_that_was_asked_for(site: Site) -> None:
    page = get(site.url).text
    assert "in a container" in page
    assert f"<dd>{site.port}</dd>" in page
    assert "<code>inv run</code>" in page
    assert f"http://localhost:{site.port}" in site.started.stderr


def test_only_this_machine_reaches_it(site: Site) -> None:
    published = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", site.container))
    assert published[f"{site.port}/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": str(site.port)}]


def test_environment_is_passed_byte_for_byte(site: Site) -> None:
    assert get(site.url, Host="asked.example").status == 200
    assert get(site.url, Host="unasked.example").status == 400
    assert site.inside("printenv", "CSRF_TRUSTED_ORIGINS") == QUOTES


def test_secret_is_given_by_name_and_not_shown(site: Site) -> None:
    key = site.inside("printenv", "SECRET_KEY")
    assert len(key) >= 50
    assert "--env SECRET_KEY " in site.started.stderr
    assert key not in site.started.stderr + site.started.stdout


def test_shell_keeps_quoting_and_exit_code(site: Site) -> None:
    words = ["python", "-c", "import sys; print(sys.argv[1:])", "a  b", "$HOME", '"', "'", "ü\\"]
    assert inv("shell", "--", *words).stdout.strip() == str(words[3:])
    assert inv("shell", "--", "sh", "-c", "exit 7").returncode == 7


def test_shell_enters_the_container_started_last(site: Site) -> None:
    later = Site()
    assert inv("shell", "--", "hostname").stdout.strip() == later.container[:12]
    docker("restart", site.container)
    assert inv("shell", "--", "hostname").stdout.strip() == site.container[:12]
    new = inv("shell", "--new", "--", "hostname")
    assert new.stdout.strip() not in {site.container[:12], later.container[:12], ""}
    docker("rm", "--force", later.container)
    wait_until(lambda: answers(site.url))


def test_shell_in_a_terminal(site: Site) -> None:
    terminal = at_terminal("shell")
    terminal.expect(r"[$#] ")
    terminal.sendline("tty && echo port=$PORT")
    terminal.expect_exact(f"port={site.port}")
    terminal.sendline("exit 3")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 3


def test_manage_in_the_image_sees_the_same_database(site: Site) -> None:
    checked = inv("manage", "--place", "container", "--", "migrate", "--check")
    assert checked.returncode == 0, checked.stderr


def test_logs_show_the_container_started_last(site: Site) -> None:
    shown = inv("logs")
    assert f"http://0.0.0.0:{site.port}" in shown.stdout + shown.stderr


def test_taken_port_is_refused_and_nothing_starts(site: Site) -> None:
    before = containers()
    refused = inv("run", "--tag", TAG, "--port", str(site.port))
    assert refused.returncode == 1
    assert f"Port {site.port} is already in use" in one_sentence(refused.stderr)
    assert containers() == before


def test_data_outlives_the_container() -> None:
    inv("stop")
    name = f"user-{secrets.token_hex(3)}"
    first = Site()
    made = inv("shell", "--", "python", "manage.py", "shell", "-c", f"{MODELS}User.objects.create_user({name!r})")
    assert made.returncode == 0, made.stderr
    inv("stop")
    assert first.container not in containers()
    Site()
    found = inv("shell", "--", "python", "manage.py", "shell", "-c", f"{MODELS}User.objects.get(username={name!r})")
    assert found.returncode == 0, found.stderr
    inv("stop")
    assert containers() == set()


def test_nasty_values_reach_the_server_byte_for_byte(tmp_path: Path) -> None:
    file = str(tmp_path / "nasty.env")
    written = inv("env", *SETTING, INVOKE_ENV_FILE=file)
    assert written.returncode == 0, written.stderr
    site = Site("--env-file", file)
    show = ["python", "-c", "print(open('/proc/1/environ', 'rb').read().hex())"]
    assert among(bytes.fromhex(site.inside(*show))) == NASTY
    assert among(bytes.fromhex(inv("shell", "--new", "--", *show, INVOKE_ENV_FILE=file).stdout)) == NASTY
    inv("stop")


def test_published_elsewhere_as_in_the_tutorial() -> None:
    outside = free_port()
    started = inv("run", "--tag", TAG, "--port", "6545", "--publish", str(outside), "--detach")
    assert started.returncode == 0, started.stderr
    assert f"http://localhost:{outside}" in started.stderr
    assert "<dd>6545</dd>" in get(f"http://localhost:{outside}").text
    inv("stop")


@pytest.mark.parametrize("moment", [0.0, 0.4, 0.9, 3.0])
def test_ctrl_c_at_any_moment_stops_it_and_leaves_nothing(moment: float) -> None:
    port = free_port()
    terminal = at_terminal("run", "--tag", TAG, "--port", str(port))
    terminal.expect_exact(f"Running at http://localhost:{port}")
    time.sleep(moment)
    terminal.sendintr()
    shown = str(terminal.read())
    terminal.wait()
    assert "Traceback" not in shown
    wait_until(lambda: containers() == set(), 10)


def test_sigterm_ends_it_and_its_container() -> None:
    port = free_port()
    terminal = at_terminal("run", "--tag", TAG, "--port", str(port))
    wait_until(lambda: answers(f"http://localhost:{port}"))
    terminal.kill(15)
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0
    wait_until(lambda: containers() == set(), 10)


def test_closed_terminal_ends_it_and_its_container() -> None:
    port = free_port()
    terminal = at_terminal("run", "--tag", TAG, "--port", str(port))
    wait_until(lambda: answers(f"http://localhost:{port}"))
    os.close(terminal.child_fd)  # `close` would also send a signal to one process; this hangs up on all of them
    wait_until(lambda: containers() == set(), 20)
    wait_until(lambda: ended(terminal), 20)


def test_it_ends_when_nobody_reads_its_output_any_more() -> None:
    port = free_port()
    typed = shlex.join([*INV, "run", "--tag", TAG, "--port", str(port)])
    with subprocess.Popen(["sh", "-c", f"{typed} | head -1"], cwd=ROOT, stdout=subprocess.DEVNULL) as pipe:

        def ends_when_asked() -> bool:
            with suppress(OSError):
                get(f"http://localhost:{port}")  # which is a line in its log
            return pipe.poll() is not None

        wait_until(ends_when_asked)
    assert containers() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("moment", [0.5, 0.8])
def test_signal_at_any_moment_of_a_detached_run_leaves_nothing(moment: float, number: signal.Signals) -> None:
    words = [*INV, "run", "--detach", "--tag", TAG, "--port", str(free_port())]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as typed:
        time.sleep(moment)
        typed.send_signal(number)
        _, said = typed.communicate(timeout=60)
    assert "Traceback" not in said
    if "Running at" in said:  # it was ready before the signal came
        inv("stop")
    assert "Running at" in said or typed.returncode in {128 + number, -number}
    assert containers() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signal_in_a_build_ends_it_and_the_next_one_works(number: signal.Signals) -> None:
    terminal = at_terminal("build", "--no-cache", "--tag", "ended")
    terminal.expect(r"uv \d/\d")
    os.killpg(os.tcgetpgrp(terminal.child_fd), number) if number == signal.SIGINT else terminal.kill(number)
    shown = str(terminal.read())
    terminal.wait()
    assert "Traceback" not in shown
    assert terminal.exitstatus != 0
    assert run("docker", "image", "inspect", f"{NAME}:ended").returncode != 0
    assert inv("build", "--tag", TAG).returncode == 0


def test_site_that_never_becomes_ready_says_why() -> None:
    refused = inv("run", "--tag", TAG, "--port", str(free_port()), "--detach", "--env", "DEBUG=maybe")
    assert refused.returncode == 1
    assert "DEBUG is 'maybe': write 1 (on) or 0 (off)." in refused.stderr
    assert "The site did not become ready and its container was removed" in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr
    assert containers() == set()


def test_no_engine_is_one_sentence_that_names_serve() -> None:
    for words in (["run", "--port", "7999"], ["build"], ["shell"], ["up"], ["ps"]):
        refused = inv(*words, DOCKER_HOST="unix:///nowhere/docker.sock")
        assert refused.returncode == 1
        last = refused.stderr.strip().splitlines()[-1]
        assert last.startswith("The Docker engine does not answer")
        assert "inv serve" in last
        assert "Traceback" not in refused.stderr


def test_tag_that_was_never_built_is_one_sentence() -> None:
    docker("image", "rm", IMAGE, f"{NAME}:latest")
    refused = inv("run", "--tag", TAG)
    assert refused.returncode == 1
    assert one_sentence(refused.stderr) == f"{IMAGE} was never built here: type `inv build --tag {TAG}`."


def test_build_argument_names_another_python() -> None:
    refused = inv("build", "--build-arg", "PYTHON_VERSION=0.0-no-such")
    assert refused.returncode != 0
    assert "python:0.0-no-such-slim" in refused.stderr
