"""The project with Compose: the page, its data over `down` and `up`, and its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from support import ROOT, answers, get, inv, one_sentence, run, wait_until
from terminal import at_terminal, ended

URL = f"http://localhost:{os.environ['INVOKE_UP_PORT']}"
ENV_FILE = Path(os.environ["INVOKE_ENV_FILE"])


@pytest.fixture(autouse=True, scope="module")
def project() -> Iterator[None]:
    started = inv("up", "--detach")
    assert started.returncode == 0, started.stderr
    assert f"Running at {URL}" in started.stderr
    yield
    inv("down", "--volumes")


def test_up_returns_when_the_page_answers() -> None:
    page = get(URL)
    assert page.status == 200
    assert "with Compose" in page.text
    assert "<dd>8023</dd>" in page.text
    assert "<code>inv up</code>" in page.text
    assert get(f"{URL}/readyz").text == "ready\n"


def test_up_again_is_fine() -> None:
    again = inv("up", "--detach", "--no-build")
    assert again.returncode == 0, again.stderr
    assert answers(URL)


def test_its_container_is_this_projects() -> None:
    assert "-web-1" in inv("ps").stdout
    assert inv("shell", "--", "printenv", "PLACE").stdout == "compose\n"


@pytest.fixture
def env_file() -> Iterator[Path]:
    """The environment file, which is afterwards what it was before."""
    before = ENV_FILE.read_bytes()
    yield ENV_FILE
    ENV_FILE.write_bytes(before)


OTHERWISE = ["A=$HOME", 'A="a $HOME"', r"A='a\\b'", "A= # b", "A=${hunter2", 'A="${B:?hunter2}"']


@pytest.mark.parametrize("line", OTHERWISE)
def test_line_that_compose_reads_otherwise_is_named_and_nothing_is_started(env_file: Path, line: str) -> None:
    env_file.write_text(f"{env_file.read_text()}\n# c\n{line}\n")
    number = len(env_file.read_text().splitlines())
    inv("down")
    for words in (["up", "--detach"], ["up", "--detach", "--no-build"], ["env", "--check"]):
        refused = inv(*words)
        assert refused.returncode == 1
        *said, end = refused.stderr.splitlines()
        named = [line for line in said if re.search(rf"\bline {number}\b", line, re.IGNORECASE)]
        assert any("'single quotes'" in line for line in named), refused.stderr
        assert ("nothing was started" in end) == ("up" in words)
        assert "hunter2" not in refused.stderr
    assert "-web-1" not in inv("ps").stdout


def test_env_file_that_inv_wrote_is_fine(env_file: Path) -> None:
    checked = inv("env", "--check")
    assert checked.returncode == 0, checked.stderr


def test_ps_names_the_revision_of_the_code() -> None:
    assert inv("up", "--detach").returncode == 0
    revision = run("git", "rev-parse", "--short=12", "HEAD").stdout.strip()
    assert revision in inv("ps").stdout


def test_malformed_env_file_is_refused_but_keeps_nothing_running() -> None:
    text = ENV_FILE.read_text()
    line = len(text.splitlines()) + 2
    ENV_FILE.write_text(text + "\nthis is not an assignment\n")
    try:
        refused = inv("up", "--detach")
        assert refused.returncode == 1
        assert f"Line {line} of {ENV_FILE}" in one_sentence(refused.stderr)
        for words in (["ps"], ["logs"], ["down"]):
            done = inv(*words)
            assert done.returncode == 0, done.stderr
        assert "-web-1" not in inv("ps").stdout
    finally:
        ENV_FILE.write_text(text)


def test_ctrl_c_stops_it_and_leaves_nothing_running() -> None:
    terminal = at_terminal("up", "--no-build")
    terminal.expect_exact(f"Running at {URL}")
    wait_until(lambda: answers(URL))
    start = time.monotonic()
    terminal.sendintr()
    shown = str(terminal.read())
    terminal.wait()
    assert time.monotonic() - start < 15
    assert "Traceback" not in shown
    with pytest.raises(OSError):
        get(URL)
    assert "Exited (0)" in inv("ps").stdout, shown


def end(terminal: pexpect.spawn[str]) -> None:
    terminal.kill(signal.SIGTERM)


def close(terminal: pexpect.spawn[str]) -> None:
    os.close(terminal.child_fd)  # for all that run in it


@pytest.mark.parametrize("act", [end, close], ids=["SIGTERM", "closed terminal"])
def test_it_ends_too_with(act: Callable[[pexpect.spawn[str]], None]) -> None:
    """The docker client leaves this to Compose where it is at a terminal, and Compose hears nothing of it."""
    terminal = at_terminal("up", "--no-build")
    wait_until(lambda: answers(URL))
    act(terminal)
    wait_until(lambda: ended(terminal), 20)
    assert "Exited (0)" in inv("ps").stdout


def test_site_that_never_becomes_ready_says_why(env_file: Path) -> None:
    with env_file.open("a") as file:
        file.write("DEBUG=maybe\n")
    refused = inv("up", "--detach", "--no-build")
    assert refused.returncode == 1
    assert "DEBUG is 'maybe': write 1 (on) or 0 (off)." in refused.stderr
    assert "Compose did not bring the project up, see above" in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr


def test_by_hand_it_means_the_tutorials_ports_and_names(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker-compose.yaml", tmp_path)
    (tmp_path / ".env").write_text("SECRET_KEY=by-hand\n")
    config = run("docker", "compose", "--file", str(tmp_path / "docker-compose.yaml"), "config", "--format", "json")
    assert config.returncode == 0, config.stderr
    web = json.loads(config.stdout)["services"]["web"]
    assert web["image"] == "djk8s-compose:v1"
    assert (web["ports"][0]["published"], web["ports"][0]["target"]) == ("8001", 8023)
    assert web["environment"] == {"PORT": "8023", "PLACE": "compose", "SECRET_KEY": "by-hand"}
