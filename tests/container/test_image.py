"""The image, running: what it answers, who it runs as, how it ends, and what is in it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from images import IMAGE, NAME, TAG, docker

from nasty import NASTY, SETTING, among
from support import (
    INV,
    ROOT,
    answers,
    at_terminal,
    ended,
    free_port,
    get,
    inv,
    one_sentence,
    run,
    stylesheets,
    wait_until,
)

INTERRUPTED = "Interrupted; type it again when you like, it starts clean."
QUOTES = "https://a  b'c\"$d"


class Site:
    """The site in a container, started with `inv run --detach`."""

    def __init__(self, *words: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        before = containers()
        self.started = inv("run", "--tag", TAG, "--port", str(self.port), "--detach", *words)
        assert self.started.returncode == 0, self.started.stderr
        self.container = (containers() - before).pop()


def containers() -> set[str]:
    """Return this session's containers, ended ones too."""
    return {line.split()[0] for line in inv("ps").stdout.splitlines()[1:]}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    yield Site("--env", "ALLOWED_HOSTS=asked.example, b.example", "--env", f"CSRF_TRUSTED_ORIGINS={QUOTES}")
    inv("stop")


def inside(site: Site, *words: str) -> str:
    """Return what a command in the container says, whole."""
    return docker("exec", site.container, *words)


def test_page_on_the_asked_port(site: Site) -> None:
    page = get(site.url).text
    assert "This Django project runs" in page
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
    assert inside(site, "printenv", "CSRF_TRUSTED_ORIGINS") == QUOTES


def test_secret_is_given_by_name_and_not_shown(site: Site) -> None:
    key = inside(site, "printenv", "SECRET_KEY")
    assert len(key) >= 50
    assert "--env SECRET_KEY " in site.started.stderr
    assert key not in site.started.stderr + site.started.stdout


def test_gunicorn_is_pid_1_and_not_root(site: Site) -> None:
    python, *words = inside(site, "cat", "/proc/1/cmdline").strip("\0").split("\0")
    assert python.endswith("/python")  # and not the shell that began
    assert words == ["/opt/venv/bin/gunicorn", "myproj.wsgi:application"]
    assert re.search(r"^Uid:\s+10001\s", inside(site, "cat", "/proc/1/status"), re.MULTILINE)
    assert docker("inspect", "--format", "{{.Config.User}}", IMAGE) == "10001"


def test_health_turns_healthy(site: Site) -> None:
    wait_until(lambda: docker("inspect", "--format", "{{.State.Health.Status}}", site.container) == "healthy", 20)
    assert get(f"{site.url}/readyz", Host="elsewhere.example").text == "ready\n"


def test_health_check_fails_on_503_and_on_no_answer(site: Site) -> None:
    check = docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", IMAGE)
    words = json.loads(check)[1:]
    assert run("docker", "exec", site.container, *words).returncode == 0
    assert run("docker", "exec", "--env", "PORT=1", site.container, *words).returncode != 0
    unready = "import http.server as s, sys\nclass H(s.BaseHTTPRequestHandler):\n"
    unready += " def do_GET(self): self.send_response(503); self.end_headers()\n"
    unready += "s.HTTPServer(('127.0.0.1', 5999), H).serve_forever()"
    docker("exec", "--detach", site.container, "timeout", "20", "python", "-c", unready)
    probe = "exec 3<>/dev/tcp/127.0.0.1/5999"
    wait_until(lambda: run("docker", "exec", site.container, "bash", "-c", probe).returncode == 0, 10)
    assert run("docker", "exec", "--env", "PORT=5999", site.container, *words).returncode != 0


def test_admin_has_its_styles(site: Site) -> None:
    sheets = stylesheets(get(f"{site.url}/admin/login/"), site.url)
    assert len(sheets) >= 3
    assert all(sheet.status == 200 and sheet.headers["Content-Encoding"] == "gzip" for sheet in sheets)


def test_shell_runs_words_with_their_quoting(site: Site) -> None:
    words = ["python", "-c", "import sys; print(sys.argv[1:])", "a  b", "$HOME", '"', "'", "ü\\"]
    assert inv("shell", "--", *words).stdout.strip() == str(words[3:])


def test_shell_passes_the_exit_code_on(site: Site) -> None:
    assert inv("shell", "--", "sh", "-c", "exit 7").returncode == 7


def test_shell_enters_the_container_started_last(site: Site) -> None:
    assert inv("shell", "--", "hostname").stdout.strip() == site.container[:12]
    later = Site()
    assert inv("shell", "--", "hostname").stdout.strip() == later.container[:12]
    docker("restart", site.container)
    assert inv("shell", "--", "hostname").stdout.strip() == site.container[:12]
    new = inv("shell", "--new", "--", "hostname", INVOKE_IMAGE=NAME)
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


def test_taken_port_is_refused_and_nothing_started(site: Site) -> None:
    before = containers()
    refused = inv("run", "--tag", TAG, "--port", str(site.port))
    assert refused.returncode == 1
    assert f"Port {site.port} is already in use" in one_sentence(refused.stderr)
    assert containers() == before


def test_stop_ends_with_exit_code_0_well_inside_ten_seconds(site: Site) -> None:
    start = time.monotonic()
    docker("stop", site.container)
    assert time.monotonic() - start < 8
    assert docker("inspect", "--format", "{{.State.ExitCode}}", site.container) == "0"


def test_data_outlives_the_container() -> None:
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


MODELS = "from django.contrib.auth.models import User; "


def test_nasty_values_reach_the_server_byte_for_byte(tmp_path: Path) -> None:
    file = str(tmp_path / "nasty.env")
    written = inv("env", *SETTING, INVOKE_ENV_FILE=file)
    assert written.returncode == 0, written.stderr
    site = Site("--env-file", file)
    show = ["python", "-c", "print(open('/proc/1/environ', 'rb').read().hex())"]
    assert among(bytes.fromhex(inside(site, *show))) == NASTY
    assert among(bytes.fromhex(inv("shell", "--new", "--", *show, INVOKE_ENV_FILE=file).stdout)) == NASTY
    inv("stop")


BUILT_HERE = pytest.mark.skipif(bool(os.environ.get("SMOKE_IMAGE")), reason="an image that exists is not built")


def older_lines(*words: str) -> list[str]:
    """Type an `inv` command that succeeds, and return what it says of what is older than the folder."""
    typed = inv(*words)
    assert typed.returncode == 0, typed.stderr
    return [line for line in typed.stderr.splitlines() if "older than the folder" in line.lower()]


def test_older_image_and_its_container_are_told_in_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\n")
    docker("build", "--label", "djk8s.content=0000", "--tag", f"{NAME}:older", str(tmp_path))
    try:
        said = older_lines("run", "--tag", "older", "--port", str(free_port()), "--detach")
        assert said == [f"{NAME}:older is older than the folder: `inv build --tag older` takes the changes in."]
        (container,) = containers()
        for words in (["ps"], ["shell", "--", "true"]):
            said = older_lines(*words)
            assert said == [
                f"Older than the folder: {container}. `inv build` and `inv run`, or `inv up`, take the changes in."
            ]
        assert older_lines("shell", "--new", "--", "true") == []
    finally:
        inv("stop")
        docker("image", "rm", f"{NAME}:older")


@BUILT_HERE
def test_image_that_was_just_built_is_not_older() -> None:
    label = docker("inspect", "--format", '{{index .Config.Labels "djk8s.content"}}', IMAGE)
    assert re.fullmatch("[0-9a-f]{16}", label)
    assert older_lines("run", "--tag", TAG, "--port", str(free_port()), "--detach") == []
    assert older_lines("ps") == []
    assert older_lines("shell", "--", "true") == []
    inv("stop")


LIST_CONTEXT = """
import sys
from pathlib import Path
from steps import content
folder = Path(sys.argv[1])
print("\\n".join(path.relative_to(folder).as_posix() for path in content.context(folder)))
"""
# What the engine itself puts into every container.
ENGINES_OWN = re.compile(r"\.dockerenv|(dev|etc|proc|sys)/.*")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project with more in it, of which some goes into an image and some does not."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".nox", ".tools", ".*_cache", "venv", "data"))
    more = ["src/.env", "src/myproj/.env.local", "src/.env.d/a", "src/a.pyc", "src/__pycache__/a.txt", "image/b.pyo"]
    more += ["src/.hidden", "src/a b ü", "src/myproj/env", "src/pycache/a", "src/data/db.sqlite3", "image/new", "new"]
    for name in more:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("")
    (copy / "src/to_nowhere").symlink_to("nowhere")
    (copy / "src/to_a_folder").symlink_to("myproj")
    return copy


def test_context_that_the_label_digests_is_what_the_engine_is_given(copy: Path, tmp_path: Path) -> None:
    scratch, tag = tmp_path / "Dockerfile", f"{NAME}:context"
    scratch.write_text("FROM scratch\nCOPY . /\n")
    docker("build", "--file", str(scratch), "--tag", tag, str(copy))
    container = docker("create", tag, "nothing")
    try:
        docker("export", "--output", str(tmp_path / "files.tar"), container)
    finally:
        docker("rm", container)
        docker("image", "rm", tag)
    with tarfile.open(tmp_path / "files.tar") as files:
        given = {file.name for file in files if not file.isdir() and not ENGINES_OWN.fullmatch(file.name)}
    listed = run(str(ROOT / ".tools/bin/python"), "-c", LIST_CONTEXT, str(copy))
    assert set(listed.stdout.splitlines()) - {"Dockerfile", ".dockerignore"} == given, listed.stderr
    assert {"src/manage.py", "src/a b ü", "src/to_nowhere", "src/to_a_folder", "image/new"} <= given
    assert not given & {"src/.env", "src/a.pyc", "src/__pycache__/a.txt", "new", "README.md"}


def test_published_elsewhere_as_in_the_tutorial() -> None:
    outside = free_port()
    started = inv("run", "--tag", TAG, "--port", "6545", "--publish", str(outside), "--detach")
    assert started.returncode == 0, started.stderr
    assert f"http://localhost:{outside}" in started.stderr
    assert "<dd>6545</dd>" in get(f"http://localhost:{outside}").text
    inv("stop")


@pytest.mark.parametrize("moment", [0.0, 0.2, 0.4, 0.6, 0.9, 1.3, 3.0])
def test_ctrl_c_stops_run_at_any_moment_and_leaves_nothing(moment: float) -> None:
    port = free_port()
    terminal = at_terminal("run", "--tag", TAG, "--port", str(port))
    terminal.expect_exact(f"Running at http://localhost:{port}")
    time.sleep(moment)
    start = time.monotonic()
    terminal.sendintr()
    shown = str(terminal.read())
    terminal.wait()
    assert time.monotonic() - start < 10
    assert "Traceback" not in shown
    wait_until(lambda: containers() == set(), 10)


def test_sigterm_ends_run_and_its_container() -> None:
    port = free_port()
    terminal = at_terminal("run", "--tag", TAG, "--port", str(port))
    wait_until(lambda: answers(f"http://localhost:{port}"))
    terminal.kill(15)
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0
    wait_until(lambda: containers() == set(), 10)


def test_closed_terminal_ends_run_and_its_container() -> None:
    port = free_port()
    terminal = at_terminal("run", "--tag", TAG, "--port", str(port))
    wait_until(lambda: answers(f"http://localhost:{port}"))
    os.close(terminal.child_fd)  # no signal to it alone, as `close` would send: the terminal is gone for all in it
    wait_until(lambda: containers() == set(), 20)
    wait_until(lambda: ended(terminal), 20)


def test_run_whose_output_nobody_reads_any_more_ends() -> None:
    port = free_port()
    typed = shlex.join([*INV, "run", "--tag", TAG, "--port", str(port)])
    with subprocess.Popen(["sh", "-c", f"{typed} | head -1"], cwd=ROOT, stdout=subprocess.DEVNULL) as pipe:
        # Each answer is a line in its log.
        wait_until(lambda: (answers(f"http://localhost:{port}"), pipe.poll() is not None)[1])
    assert containers() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("moment", [0.5, 0.6, 0.7, 0.8, 0.9, 1.2])
def test_signal_at_any_moment_of_a_detached_run_leaves_nothing(moment: float, number: signal.Signals) -> None:
    words = [*INV, "run", "--detach", "--tag", TAG, "--port", str(free_port())]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as typed:
        time.sleep(moment)
        typed.send_signal(number)
        _, said = typed.communicate(timeout=60)
    assert "Traceback" not in said
    if "Running at" in said:  # it was ready before
        inv("stop")
    assert "Running at" in said or typed.returncode != 0
    assert typed.returncode in {0, 128 + number, -number}
    if typed.returncode == 128 + number:
        assert said.endswith(f"{INTERRUPTED}\n")
    assert containers() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signal_in_a_build_at_a_terminal_ends_it_and_the_next_one_works(number: signal.Signals) -> None:
    terminal = at_terminal("build", "--no-cache", "--tag", "ended")
    terminal.expect(r"packages \d/\d")
    os.killpg(os.tcgetpgrp(terminal.child_fd), number) if number == signal.SIGINT else terminal.kill(number)
    shown = str(terminal.read())
    terminal.wait()
    assert "Traceback" not in shown
    assert terminal.exitstatus != 0
    assert run("docker", "image", "inspect", f"{NAME}:ended").returncode != 0
    assert inv("build", "--tag", "smoke").returncode == 0


def test_any_other_command_passes_through() -> None:
    assert docker("run", "--rm", IMAGE, "echo", "hi  there") == "hi  there"
    assert docker("run", "--rm", IMAGE, "/bin/bash", "-c", "echo $0 $PWD") == "/bin/bash /app/src"


def test_missing_key_is_one_sentence_in_a_bare_run() -> None:
    refused = run("docker", "run", "--rm", IMAGE)
    assert refused.returncode == 1
    sentence = one_sentence(refused.stderr + refused.stdout)
    assert "inv env" in sentence
    assert "--env SECRET_KEY=" in sentence


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


@BUILT_HERE
def test_image_never_built_is_built_first_and_it_says_so() -> None:
    docker("image", "rm", IMAGE, f"{NAME}:latest")
    site = Site()
    assert f"{IMAGE} was never built here: building it first." in site.started.stderr
    assert "docker build" in site.started.stderr
    inv("stop")


@BUILT_HERE
def test_build_arguments_work() -> None:
    refused = inv("build", "--build-arg", "PYTHON_VERSION=0.0-no-such")
    assert refused.returncode != 0
    assert "python:0.0-no-such-slim" in refused.stderr


def test_nothing_is_in_the_image_that_should_not_be() -> None:
    files = docker("run", "--rm", "--user", "0", IMAGE, "find", "/app", "/opt", "-not", "-type", "d").splitlines()
    app = [file for file in files if file.startswith("/app/")]
    allowed = re.compile(r"/app/(entrypoint\.sh|src/(manage\.py|gunicorn\.conf\.py|(myproj|board)/.+)|staticfiles/.+)")
    assert [file for file in app if not allowed.fullmatch(file)] == []
    unwanted = re.compile(r"\.env|\.git/|\.sqlite3|/tests?/test_|/pip/|/build/|\.whl$")
    assert [file for file in app if unwanted.search(file)] == []
    assert [file for file in files if re.search(r"/opt/venv/(bin/pip|lib/[^/]+/site-packages/pip/)", file)] == []
    assert docker("run", "--rm", "--user", "0", IMAGE, "find", "/root", "-name", "*.whl") == ""


LOOK_INSIDE = """
import glob
from django.urls import conf
from myproj import cpus
libraries = [open(name, "rb").read(64) for name in glob.glob("/opt/venv/lib/**/*.so*", recursive=True)]
sections = [any(head[40:48] if head[4] == 2 else head[32:36]) for head in libraries]  # e_shoff, of 64 and of 32 bits
print(len(libraries) > 20, any(sections))
for function in (conf.include, cpus.quota):
    print(any(column for *_, column, _ in function.__code__.co_positions()))
"""


def test_libraries_are_stripped_and_only_the_sites_own_bytecode_has_columns() -> None:
    assert docker("run", "--rm", IMAGE, "python", "-c", LOOK_INSIDE).split() == ["True", "False", "False", "True"]


@BUILT_HERE
def test_lock_that_lacks_a_dependency_is_no_image(tmp_path: Path) -> None:
    context = tmp_path / "context"
    shutil.copytree(ROOT, context, ignore=shutil.ignore_patterns(".git", ".nox", ".tools", ".*_cache", "venv", "data"))
    lock = context / "requirements.txt"
    less, found = re.subn(r"^asgiref==.*\n(?:    --hash.*\n)+", "", lock.read_text(), flags=re.MULTILINE)
    assert found == 1
    lock.write_text(less)
    refused = run("docker", "build", "--tag", f"{NAME}:less", str(context))
    assert refused.returncode == 1
    assert re.search(r"`?django`? requires `?asgiref", refused.stderr), refused.stderr
    assert "requirements.txt lacks what its packages need: type inv lock" in refused.stderr
    assert run("docker", "image", "inspect", f"{NAME}:less").returncode != 0


def test_code_cannot_be_changed_by_who_serves_it() -> None:
    writable = docker("run", "--rm", IMAGE, "find", "/app", "/opt", "-writable", "-not", "-type", "l")
    assert writable == "/app/data"


def test_history_holds_no_secret() -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE)
    assert "SECRET_KEY" not in history
    environment = docker("inspect", "--format", "{{json .Config.Env}}", IMAGE)
    assert "SECRET" not in environment
