"""What holds for any site on this machine: `inv serve` in a fresh environment, what it serves, and its stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anysite import READY_WITHIN, Unfinished, check_other_host, check_pages, check_probes, check_start
from nasty import NASTY, SETTING, among
from support import INV, ROOT, answers, free_port, get, inv, surroundings, wait_until

ENV_FILE = Path(os.environ["INVOKE_ENV_FILE"])
INSTALLING = 600  # seconds for all packages of a large project


class Server:
    """A site that `inv serve` serves, as from a terminal: Ctrl-C is for all its processes."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 - it goes with the server
        self.process = subprocess.Popen(
            [*INV, "serve", "--port", str(self.port)],
            cwd=ROOT,
            env=surroundings({}),
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_until(lambda: "Serving at" in self.log() or not self.runs(), INSTALLING)
        wait_until(lambda: answers(self.url) or not self.runs(), READY_WITHIN)
        assert self.runs(), self.log()
        self.log_of_its_start = self.log()

    def runs(self) -> bool:
        return self.process.poll() is None

    def log(self) -> str:
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """Return the exit code."""
        return self.process.wait(30)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve the site with every nasty value in its environment file, and a database of its own."""
    database = f"sqlite:///{ENV_FILE.with_name('smoke.sqlite3')}"
    written = inv("env", *SETTING, "--set", f"DATABASE_URL={database}")
    assert written.returncode == 0, written.stderr
    server = Server()
    yield server
    if server.runs():
        server.press_ctrl_c()
        server.end()


def test_start_logs_no_error(server: Server) -> None:
    check_start(server.log_of_its_start.partition("Serving at")[2])


def test_pages_answer_and_their_styles_load(server: Server) -> None:
    check_pages(server.url, server.log)


def test_probes_answer_whatever_host_asks(server: Server) -> None:
    check_probes(server.url)


def test_other_host_is_no_error_of_the_server(server: Server) -> None:
    check_other_host(server.url, server.log)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux shows who listens where in a file")
def test_only_this_machine_is_served(server: Server) -> None:
    listening = Path("/proc/net/tcp").read_text()
    assert f"0100007F:{server.port:04X}" in listening
    assert f"00000000:{server.port:04X}" not in listening


def test_environment_file_is_for_its_owner_alone(server: Server) -> None:
    assert ENV_FILE.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows a process's variables in a file")
def test_environment_file_reaches_the_server_byte_for_byte(server: Server) -> None:
    processes = descendants(server.process.pid)
    served = [path for path in processes if b"gunicorn" in (path / "cmdline").read_bytes()]
    assert served
    assert all(among((path / "environ").read_bytes()) == NASTY for path in served)


def descendants(process: int) -> list[Path]:
    """Return the folders in /proc of a process and its descendants."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [Path(f"/proc/{process}"), *(path for child in children for path in descendants(int(child)))]


def test_environment_file_reaches_manage_byte_for_byte(server: Server) -> None:
    # Written to a file, as a site may print something of its own when it starts.
    file = ENV_FILE.with_name("seen.json")
    code = f"import json, os; open({str(file)!r}, 'w').write(json.dumps(dict(os.environ)))"
    done = inv("manage", "--", "shell", "-c", code)
    assert done.returncode == 0, done.stderr
    seen = json.loads(file.read_text())
    assert {name: value for name, value in seen.items() if name.startswith("NASTY_")} == NASTY


def test_ctrl_c_answers_the_request_in_flight_and_leaves_nothing(server: Server) -> None:
    request = Unfinished(server.port)
    time.sleep(1)  # by now the server waits for its end
    before = server.log()
    server.press_ctrl_c()
    time.sleep(1)
    assert request.finish()
    assert server.end() == 0
    assert "Traceback" not in server.log().removeprefix(before)
    with pytest.raises(OSError):
        get(server.url)


def test_the_second_time_there_is_nothing_to_install_and_sigterm_ends_it(server: Server) -> None:
    again = Server()
    assert again.log().count("nothing to do") >= 2, again.log()
    again.process.terminate()
    assert again.end() == 0
    with pytest.raises(OSError):
        get(again.url)
