"""Containers: which one a task means, when a detached site is ready, and that a failed one is removed."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from djk8s import engine, ports
from djk8s.container import site
from djk8s.project import Project
from djk8s.shell import talk
from djk8s.shell.command import Command
from djk8s.shell.run import INTERRUPTED
from support import free_port, one_sentence

Inv = Callable[..., subprocess.CompletedProcess[str]]
Calls = Callable[..., list[dict[str, Any]]]
Noting = Callable[..., tuple[Path, Calls]]

FIRST, SECOND, THIRD = "1" * 64, "2" * 64, "3" * 64
STARTED = f"2026-01-02T00:00:00Z {SECOND}\n2026-01-03T00:00:00Z {THIRD}\n2026-01-01T00:00:00Z {FIRST}\n"


@pytest.fixture
def three(noting: Noting, shell: pytest.MonkeyPatch) -> Calls:
    """An engine with three containers of this project, the third started last; returns what tells its calls."""
    path, calls = noting(
        "docker", image_inspect=("sha256:0", 0), ps=(f"{SECOND}\n{THIRD}\n{FIRST}\n", 0), inspect=(STARTED, 0)
    )
    shell.setenv("INVOKE_ENGINE", str(path))
    return calls


def test_shell_enters_the_one_started_last(inv: Inv, three: Calls) -> None:
    assert inv("shell", "--", "echo", "a  b", "$HOME").returncode == 0
    assert three("exec")[0]["argv"] == ["exec", "--interactive", THIRD[:12], "echo", "a  b", "$HOME"]
    assert three("run") == []


def test_only_this_project_is_asked_for(inv: Inv, three: Calls, project: Project) -> None:
    for task in ("shell", "ps", "logs", "stop"):
        assert inv(task).returncode == 0
    asked = [call["argv"] for call in three("ps")]
    assert len(asked) >= 4
    deployed = f"label=djk8s.project={project.name}"
    assert {argv[-1] for argv in asked} == {f"label={project.label}", deployed}


def test_logs_are_those_of_the_one_started_last(inv: Inv, three: Calls) -> None:
    assert inv("logs").returncode == 0
    assert [call["argv"] for call in three("logs")] == [["logs", THIRD[:12]]]


def test_stop_stops_all_and_removes_them(inv: Inv, three: Calls, project: Project) -> None:
    assert inv("stop").returncode == 0
    assert [sorted(call["argv"][1:]) for call in three("stop")] == [[FIRST[:12], SECOND[:12], THIRD[:12]]]
    assert three("container", "prune")[0]["argv"][-1] == f"label={project.label}"


@pytest.mark.parametrize(("task", "code", "said"), [("logs", 1, "`inv run --detach`"), ("stop", 0, "nothing to do")])
def test_nothing_there_is_one_sentence(inv: Inv, engine: Calls, task: str, code: int, said: str) -> None:
    typed = inv(task)
    assert said in typed.stderr
    assert typed.returncode == code
    assert engine("stop") == engine("logs") == engine("container") == []


BUILDS = ["run", "run --detach", "shell --new -- ls", "manage --place container -- check"]


@pytest.mark.parametrize("words", BUILDS)
def test_new_container_is_of_the_folder_as_it_is_now(inv: Inv, noting: Noting, words: str) -> None:
    docker, calls = noting("docker", image_inspect=("sha256:0", 0), run=("", 3))
    assert inv(*words.split(), INVOKE_ENGINE=str(docker), INVOKE_PORT=str(free_port())).returncode == 3
    changing = [call["argv"][0] for call in calls() if call["argv"][0] in {"build", "run", "pull"}]
    assert changing == ["build", "run"]
    assert calls("build")[0]["argv"][:3] == ["build", "--tag", "djk8s:latest"]


EARLIER = [("run --no-build", "djk8s:latest"), ("run --tag v1", "djk8s:v1")]


@pytest.mark.parametrize(("words", "image"), EARLIER)
def test_image_of_an_earlier_build_is_not_built_over(inv: Inv, engine: Calls, words: str, image: str) -> None:
    assert inv(*words.split(), INVOKE_PORT=str(free_port())).returncode == 0
    assert engine("build") == []
    assert engine("run")[0]["argv"][-1] == image


NEVER_BUILT = [
    ("run --no-build", "djk8s:latest was never built here: leave --no-build out."),
    ("run --tag v1", "djk8s:v1 was never built here: type `inv build --tag v1`."),
]


@pytest.mark.parametrize(("words", "sentence"), NEVER_BUILT)
def test_image_that_was_never_built_is_one_sentence(inv: Inv, noting: Noting, words: str, sentence: str) -> None:
    docker, calls = noting("docker", image_inspect=("", 1))
    typed = inv(*words.split(), INVOKE_ENGINE=str(docker), INVOKE_PORT=str(free_port()))
    assert one_sentence(typed.stderr) == sentence
    assert typed.returncode == 1
    assert calls("build") == calls("run") == []


def test_build_that_fails_ends_the_run_with_its_code(inv: Inv, noting: Noting) -> None:
    docker, calls = noting("docker", image_inspect=("", 1), build=("", 17))
    typed = inv("run", INVOKE_ENGINE=str(docker), INVOKE_PORT=str(free_port()))
    assert typed.returncode == 17
    assert calls("run") == []
    assert (
        typed.stderr.splitlines()[-1] == "The image was not built, see above; `inv doctor` looks at what a build needs."
    )


class Ready(BaseHTTPRequestHandler):
    """A site that is ready when it is asked for the second time, or later."""

    asked, needed = 0, 2

    def do_GET(self) -> None:
        Ready.asked += self.path == "/readyz"
        ready = Ready.asked >= Ready.needed
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(b"ready\n" if ready else b"migrations\n")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def answering() -> Iterator[str]:
    """The port of a site that answers."""
    Ready.asked = 0
    server = HTTPServer(("127.0.0.1", 0), Ready)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield str(server.server_port)
    server.shutdown()
    server.server_close()


@pytest.fixture
def detached(noting: Noting, shell: pytest.MonkeyPatch) -> Callable[..., Calls]:
    """Make an engine that starts THIRD, which runs on or not."""

    def make(running: bool) -> Calls:
        path, calls = noting(
            "docker",
            image_inspect=("sha256:0", 0),
            run=(f"{THIRD}\n", 0),
            ps=(f"{THIRD}\n", 0),
            inspect=("true\n" if running else "false\n", 0),
            logs=("The database cannot be used.\n", 0),
        )
        shell.setenv("INVOKE_ENGINE", str(path))
        shell.setattr(ports, "require_free", lambda *_: None)  # the site of the test is there already
        return calls

    return make


def test_detached_site_is_waited_for(inv: Inv, detached: Callable[..., Calls], answering: str) -> None:
    calls = detached(running=True)
    typed = inv("run", "--detach", "--publish", answering)
    assert typed.returncode == 0
    assert typed.stderr.splitlines()[-2:] == [
        "Waiting for the site to be ready …",
        f"Running at http://localhost:{answering} (`inv logs` shows its log, `inv stop` stops it)",
    ]
    assert Ready.asked == 2
    assert calls("rm") == []


@pytest.mark.parametrize("running", [False, True], ids=["that ended", "that never answers"])
def test_detached_site_that_is_not_ready_is_removed_with_its_last_words(
    inv: Inv, detached: Callable[..., Calls], running: bool
) -> None:
    calls = detached(running=running)
    typed = inv("run", "--detach", "--publish", str(free_port()), "--ready-within", "1")
    late = " within 1 s (--ready-within allows more)" if running else ""
    assert typed.returncode == 1
    assert typed.stderr.splitlines()[-2:] == [
        "The database cannot be used.",
        f"The site did not become ready{late} and its container was removed; above is what its log said last.",
    ]
    assert [call["argv"] for call in calls("rm")] == [["rm", "--force", THIRD]]


def test_long_wait_says_once_for_what(
    inv: Inv, detached: Callable[..., Calls], answering: str, shell: pytest.MonkeyPatch
) -> None:
    detached(running=True)
    shell.setattr(site, "PATIENCE", 0.2)
    shell.setattr(Ready, "needed", 5)
    typed = inv("run", "--detach", "--publish", answering, INVOKE_READY_WITHIN="300")
    assert typed.returncode == 0
    said = [line for line in typed.stderr.splitlines() if line.startswith("Still waiting")]
    assert said == [f"Still waiting, up to 300 s (--ready-within): {site.MISSING['migrations']}."]


def test_site_that_lacks_something_says_what_to_do(
    inv: Inv, detached: Callable[..., Calls], answering: str, shell: pytest.MonkeyPatch
) -> None:
    detached(running=True)
    shell.setattr(Ready, "needed", 1000)
    typed = inv("run", "--detach", "--publish", answering, "--ready-within", "1")
    assert typed.returncode == 1
    assert typed.stderr.endswith("lacks migrations: `inv manage --place container -- migrate` applies them.\n")


def test_wait_that_is_no_number_of_seconds_is_one_sentence(inv: Inv) -> None:
    typed = inv("run", "--detach", "--ready-within", "soon")
    assert typed.returncode == 1
    assert "--ready-within 'soon' is not a number of seconds" in one_sentence(typed.stderr)
    typed = inv("run", "--detach", INVOKE_READY_WITHIN="0")
    assert "ready_within" in one_sentence(typed.stderr)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signal_while_a_detached_site_is_waited_for_removes_it(
    inv: Inv, detached: Callable[..., Calls], shell: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def interrupt(_: str) -> str:
        os.kill(os.getpid(), number)
        return "it is interrupted"

    calls = detached(running=True)
    shell.setattr(site, "not_ready", interrupt)
    typed = inv("run", "--detach", "--publish", str(free_port()))
    assert typed.returncode == 128 + number
    assert typed.stderr.splitlines()[-1] == INTERRUPTED
    assert [call["argv"] for call in calls("rm")] == [["rm", "--force", THIRD]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_signal_before_it_is_said_that_a_detached_site_runs_removes_it(
    inv: Inv, detached: Callable[..., Calls], shell: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    calls = detached(running=True)

    def interrupt(words: str) -> None:
        if words.startswith("Running at"):
            os.kill(os.getpid(), number)
        talk.say(words)

    shell.setattr(site, "not_ready", lambda _: "")
    shell.setattr(site, "say", interrupt)
    typed = inv("run", "--detach", "--publish", str(free_port()))
    assert typed.returncode == 128 + number
    assert "Running at" not in typed.stderr
    assert [call["argv"] for call in calls("rm")] == [["rm", "--force", THIRD]]


def test_detached_container_that_cannot_be_started_is_removed(inv: Inv, noting: Noting, project: Project) -> None:
    answers = {"run": ("cannot start", 126), "ps": (f"{THIRD}\n", 0), "image inspect": ("sha256:0", 0)}
    docker, calls = noting("docker", **answers)
    typed = inv("run", "--detach", "--publish", str(free_port()), INVOKE_ENGINE=str(docker))
    assert typed.returncode == 126
    assert [call["argv"] for call in calls("rm")] == [["rm", "--force", THIRD]]


def test_engine_that_goes_away_while_a_detached_site_is_waited_for_is_named(
    inv: Inv, detached: Callable[..., Calls], shell: pytest.MonkeyPatch, program: Callable[[str, str], Path]
) -> None:
    detached(running=True)

    def leave(_: str) -> str:
        program("docker", "echo 'Cannot connect to the Docker daemon.' >&2; exit 1")
        return "nothing answers"

    shell.setattr(site, "not_ready", leave)
    typed = inv("run", "--detach", "--publish", str(free_port()))
    assert "The Docker engine does not answer: start it" in typed.stderr.splitlines()[-1]
    assert "was removed" not in typed.stderr
    assert typed.returncode == 1


GONE = [("build", "build"), ("run", "run"), ("up", "compose up")]


@pytest.mark.parametrize(("words", "call"), GONE, ids=[words for words, _ in GONE])
def test_engine_that_goes_away_meanwhile_is_named(
    inv: Inv, noting: Noting, program: Callable[[str, str], Path], shell: pytest.MonkeyPatch, words: str, call: str
) -> None:
    docker, _ = noting("docker", image_inspect=("sha256:0", 0))
    answering = docker.read_text()
    goes = 'case "$*" in *"$GOES "*) echo "#!/bin/sh\nexit 1" > "$0"; exit 1;; esac'
    program("docker", f"{goes}\n{answering}")
    shell.setenv("GOES", call.split()[-1])
    ports_of_its_own = {"INVOKE_PORT": str(free_port()), "INVOKE_UP_PORT": str(free_port())}
    typed = inv(*words.split(), INVOKE_ENGINE=str(docker), **ports_of_its_own)
    assert typed.stderr.splitlines()[-1] == engine.GONE
    assert typed.returncode == 1


def test_what_puts_a_run_down_ends_that_very_container(noting: Noting, project: Project) -> None:
    docker, calls = noting("docker", ps=("web\n", 0))
    run = Command((str(docker), "run", "--rm", "image"))
    command, clean_up = site.with_clean_up(replace(project, engine=str(docker)), run)
    mark = str(command.argv[3])
    assert command.argv == (str(docker), "run", "--label", mark, "--rm", "image")
    clean_up()
    assert calls("ps")[0]["argv"] == ["ps", "--all", "--quiet", "--filter", f"label={mark}"]
    assert [call["argv"] for call in calls() if call["argv"][0] != "ps"] == [["stop", "web"], ["rm", "--force", "web"]]


@pytest.mark.parametrize(("cut_off", "ended"), [(True, [["stop", "web"], ["rm", "--force", "web"]]), (False, [])])
def test_container_that_the_engine_makes_after_its_client_was_cut_off_is_ended(
    project: Project, program: Callable[[str, str], Path], tmp_path: Path, cut_off: bool, ended: list[list[str]]
) -> None:
    calls = tmp_path / "calls"
    docker = program("docker", f'echo "$*" >> {calls}; [ "$1" != ps ] || [ $(grep -c ps {calls}) -lt 3 ] || echo web')
    site.remove(replace(project, engine=str(docker)), "a=b", cut_off=cut_off)
    assert [line.split() for line in calls.read_text().splitlines() if not line.startswith("ps ")] == ended


def test_port_of_a_project_that_is_up_is_its_own(
    inv: Inv, three: Calls, shell: pytest.MonkeyPatch, answering: str
) -> None:
    assert inv("up", "--no-build", INVOKE_UP_PORT=answering).returncode == 0
    assert three("compose")[-1]["argv"][3:] == ["up", "--no-build", "--remove-orphans"]
    assert three("compose")[-1]["env"]["UP_PORT"] == answering


def test_up_without_an_image_says_so(inv: Inv, noting: Noting) -> None:
    docker, calls = noting("docker", image_inspect=("", 1))
    typed = inv("up", "--no-build", INVOKE_ENGINE=str(docker), INVOKE_UP_PORT=str(free_port()))
    assert "djk8s-compose:v1 was never built here: leave --no-build out" in typed.stderr
    assert typed.returncode == 1
    assert [call["argv"][1] for call in calls("compose")] == ["version"]


def test_up_that_fails_says_where_to_look(inv: Inv, noting: Noting) -> None:
    docker, _ = noting("docker", compose_version=("2.26.1", 0), compose=("", 18))
    typed = inv("up", "--detach", INVOKE_ENGINE=str(docker), INVOKE_UP_PORT=str(free_port()))
    assert typed.returncode == 18
    assert "`inv logs` shows the site's log" in typed.stderr
    assert "Running at" not in typed.stderr


def test_clean_removes_what_is_found_and_names_it(inv: Inv, noting: Noting) -> None:
    has = {
        "ps --all --format {{.Names}} --filter label": "web\nweb\n",
        "network_ls": "net\n",
        "image_ls": "djk8s:v1\nsha\n",
        "volume_ls": "data\n",
    }
    docker, calls = noting("docker", **{words: (said, 0) for words, said in has.items()})
    typed = inv("clean", INVOKE_ENGINE=str(docker))
    removed = [
        ["stop", "web"],
        ["rm", "--force", "web"],
        ["network", "rm", "net"],
        ["image", "rm", "djk8s:v1", "sha"],
    ]
    assert [call["argv"] for call in calls() if {"stop", "rm"} & set(call["argv"])] == [
        ["container", *words] if "web" in words else words for words in removed
    ]
    assert all(f"{' '.join(words)}\n" in typed.stderr for words in removed)
    assert typed.stderr.endswith("Its volumes stay: data. `inv clean --volumes` removes them.\n")
    assert calls("volume", "rm") == []
    typed = inv("clean", "--volumes")
    assert [call["argv"] for call in calls("volume", "rm")] == [["volume", "rm", "data"]]
    assert "volume rm data\n" in typed.stderr


def test_ps_names_a_deployment_of_the_project(inv: Inv, noting: Noting) -> None:
    deployed = "ps --quiet --filter label=com.docker.compose.project=djk8s --filter label=djk8s.project=djk8s"
    docker, _ = noting("docker", **{deployed: ("d34db33f", 0)})
    assert inv("ps", INVOKE_ENGINE=str(docker)).stderr.endswith("djk8s is deployed here too: `inv status` shows it.\n")
    nothing, _ = noting("nothing")
    assert "deployed" not in inv("ps", INVOKE_ENGINE=str(nothing)).stderr


KEPT = [
    'ps --all --format {{.Label "djk8s.release"}}{{.Label "djk8s.before"}} '
    "--filter label=com.docker.compose.project=djk8s",
    'config ls --format {{.Label "djk8s.release"}} --filter label=com.docker.stack.namespace=djk8s',
]


@pytest.mark.parametrize("kept", KEPT, ids=["with Compose", "on a Swarm"])
def test_clean_leaves_what_a_deployment_can_go_back_to(inv: Inv, noting: Noting, kept: str) -> None:
    docker, calls = noting(
        "docker", image_ls=("djk8s:v1\n", 0), image_inspect=("sha256:1\n", 0), **{kept: ('["sha256:1"]', 0)}
    )
    typed = inv("clean", INVOKE_ENGINE=str(docker))
    assert "djk8s:v1 stays, as `inv rollback` may go back to it.\n" in typed.stderr
    assert calls("image", "rm") == []


def test_clean_leaves_an_image_that_others_use_and_says_so(inv: Inv, noting: Noting) -> None:
    by_image = "ps --all --format {{.Names}} --filter ancestor=djk8s:v1"
    docker, calls = noting("docker", image_ls=("djk8s:v1\nsha\n", 0), **{by_image: ("theirs", 0)})
    typed = inv("clean", INVOKE_ENGINE=str(docker))
    assert typed.returncode == 0
    assert "djk8s:v1 stays, as theirs runs on it.\n" in typed.stderr
    assert [call["argv"] for call in calls("image", "rm")] == [["image", "rm", "sha"]]


def test_clean_where_nothing_is_left_is_one_sentence(inv: Inv, engine: Calls) -> None:
    typed = inv("clean", "--volumes")
    assert one_sentence(typed.stderr) == "Nothing of this project is on the engine: nothing to do."
    assert typed.returncode == 0


def test_clean_removes_the_environment_only_where_asked(inv: Inv, engine: Calls, project: Project) -> None:
    project.venv.mkdir()
    (project.venv / "pyvenv.cfg").touch()
    assert inv("clean").returncode == 0
    assert project.venv.exists()
    assert f"Removing {project.venv}." in inv("clean", "--venv").stderr
    assert not project.venv.exists()
    assert inv("clean", "--venv").returncode == 0


def test_clean_never_removes_a_folder_that_is_something_else(inv: Inv, engine: Calls, project: Project) -> None:
    project.venv.mkdir()
    (project.venv / "thesis.txt").touch()
    typed = inv("clean", "--venv")
    assert "is not a virtual environment" in one_sentence(typed.stderr)
    assert typed.returncode == 1
    assert (project.venv / "thesis.txt").exists()
