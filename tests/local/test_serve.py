"""The list on this machine, in a real terminal: a fresh environment, the site, and the stop."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import Checkout
from support import Answer, answers, free_port, get, inv, one_sentence, run, stylesheets, wait_until
from terminal import at_terminal

VENV = Path(os.environ["INVOKE_VENV"])
ENV_FILE = Path(os.environ["INVOKE_ENV_FILE"])


class Server:
    """A site that `inv serve` serves, in a terminal of its own."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.terminal = at_terminal("serve", "--port", str(self.port), **environment)

    def stop(self) -> tuple[int, str]:
        """Press Ctrl-C and return the exit code and what was shown since."""
        self.terminal.sendintr()
        shown = self.terminal.read()
        self.terminal.wait()
        assert self.terminal.exitstatus is not None
        return self.terminal.exitstatus, shown


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    server.terminal.expect_exact("Serving at")
    wait_until(lambda: answers(server.url))
    yield server
    server.terminal.terminate(force=True)


def test_page_says_where_it_runs(server: Server) -> None:
    page = get(server.url).text
    assert "This Django project runs" in page
    assert "on this machine" in page
    assert f"<dd>{server.port}</dd>" in page
    assert "<code>inv serve</code>" in page


def test_admin_has_its_styles(server: Server) -> None:
    sheets = stylesheets(get(f"{server.url}/admin/login/"), server.url)
    assert len(sheets) >= 3
    assert all(is_compressed_for_good(sheet) for sheet in sheets)


def is_compressed_for_good(sheet: Answer) -> bool:
    headers = sheet.headers
    return sheet.status == 200 and headers["Content-Encoding"] == "gzip" and "immutable" in headers["Cache-Control"]


def test_doctor_lets_the_site_check_its_settings(server: Server, tmp_path: Path) -> None:
    file = str(tmp_path / ".env")
    assert inv("env", "--set", "DEBUG=maybe", INVOKE_ENV_FILE=file).returncode == 0
    for value, state in (("maybe", "wrong"), ("1", "fine")):
        assert inv("env", "--set", f"DEBUG={value}", INVOKE_ENV_FILE=file).returncode == 0
        found = json.loads(inv("doctor", "--json", INVOKE_ENV_FILE=file).stdout)
        says = next(one for one in found if one["check"] == "settings")
        assert (says["state"], "write 1 (on) or 0 (off)" in says["says"]) == (state, state == "wrong"), says


def test_taken_port_is_refused_with_a_free_one(server: Server) -> None:
    refused = inv("serve", "--port", str(server.port))
    sentence = one_sentence(refused.stderr)
    assert refused.returncode == 1
    assert f"Port {server.port} is already in use" in sentence
    assert re.search(r"by gunicorn \(process \d+\): `kill \d+` stops it, or type `--port \d+`, which is free", sentence)


def test_environment_holds_the_pins_and_nothing_else(server: Server) -> None:
    pip = (str(VENV / "bin/python"), "-m", "pip")
    listed = set(run(*pip, "list", "--format", "freeze").stdout.lower().replace("_", "-").replace(".", "-").split())
    pins = Path("requirements.txt").read_text() + Path("requirements-pip.txt").read_text()
    pinned = {pin.replace(".", "-") for pin in re.findall(r"^([\w.-]+==[\w.]+)", pins, re.MULTILINE)}
    assert listed <= pinned
    # Some pins are for other systems or Pythons only; pip knows which.
    missing = run(*pip, "install", "--dry-run", "--require-hashes", "-r", "requirements.txt")
    assert missing.returncode == 0
    assert "Would install" not in missing.stdout


def test_manage_runs_in_the_environment(server: Server) -> None:
    assert inv("manage", "--", "migrate", "--check").returncode == 0
    assert inv("manage", "--", "no-such-command").returncode == 1


def test_https_passes_the_deployment_check(server: Server) -> None:
    checked = inv(
        "manage", "--", "check", "--deploy", "--fail-level", "WARNING", INVOKE_ENV_FILE=https_env_file("HTTPS=1")
    )
    assert checked.returncode == 0, checked.stderr
    unchecked = inv(
        "manage", "--", "check", "--deploy", "--fail-level", "WARNING", INVOKE_ENV_FILE=https_env_file("HTTPS=0")
    )
    assert unchecked.returncode == 1


def https_env_file(line: str) -> str:
    path = ENV_FILE.with_name("https.env")
    path.write_text(re.sub("^HTTPS=.*$", line, ENV_FILE.read_text(), flags=re.MULTILINE))
    return str(path)


def test_ctrl_c_stops_it_and_leaves_nothing(server: Server) -> None:
    code, shown = server.stop()
    assert code == 0
    assert "Traceback" not in shown.partition("^C")[2]  # before that, Django wrote one for the other Host
    with pytest.raises(OSError):
        get(server.url)


def test_the_second_time_there_is_nothing_to_do() -> None:
    server = Server()
    server.terminal.expect_exact("nothing to do")
    server.terminal.expect_exact("nothing to do")
    server.terminal.expect_exact("collectstatic")  # an app may have been added
    server.terminal.expect_exact("Serving at")
    assert "uv pip" not in str(server.terminal.before)
    wait_until(lambda: answers(server.url))
    assert server.stop()[0] == 0


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8])
def test_ctrl_c_at_any_moment_of_the_start_is_no_traceback(moment: float) -> None:
    server = Server()
    server.terminal.expect_exact("gunicorn")
    time.sleep(moment)
    _, shown = server.stop()
    assert "Traceback" not in shown, shown[shown.find("Traceback") :]
    with pytest.raises(OSError):
        get(server.url)


def test_missing_key_is_one_sentence() -> None:
    for command in ("-m gunicorn --config ../serving/gunicorn.conf.py myproj.wsgi:application", "manage.py check"):
        refused = run("sh", "-c", f"cd src && {VENV}/bin/python {command}", PYTHON_DOTENV_DISABLED="1")
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
        sentence = refused.stderr.splitlines()[-1]
        assert "SECRET_KEY is missing: `inv env" in sentence
        assert "--env SECRET_KEY=" in sentence


def test_database_whose_package_is_missing_is_one_sentence() -> None:
    refused = inv("serve", "--port", str(free_port()), DATABASE_URL="mysql://user:hunter2@nowhere/name")
    assert refused.returncode == 1
    assert "Did you install mysqlclient?" in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr
    assert "hunter2" not in refused.stderr


def test_another_python_makes_a_new_environment() -> None:
    here = run(str(VENV / "bin/python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()
    others = [f"3.{minor}" for minor in range(10, 15) if f"3.{minor}" != here and is_python(f"3.{minor}")]
    if not others:
        pytest.skip("this machine has one Python")
    made = inv("venv", "--python", others[0])
    assert made.returncode == 0, made.stderr
    assert run(str(VENV / "bin/python"), "--version").stdout.startswith(f"Python {others[0]}.")
    assert "nothing to do" in inv("venv", "--python", others[0]).stderr


def is_python(version: str) -> bool:
    try:
        return run(f"python{version}", "--version").returncode == 0
    except FileNotFoundError:
        return False


def test_folder_with_characters_of_the_shell_is_served_without_a_home(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, "djk8s")
    del checkout.environment["HOME"]
    serving = subprocess.Popen(["./inv", "serve"], cwd=checkout.folder, env=checkout.environment)
    try:
        wait_until(lambda: answers(f"http://localhost:{checkout.port}"), 120)
    finally:
        serving.send_signal(signal.SIGINT)
        assert serving.wait(30) == 0
