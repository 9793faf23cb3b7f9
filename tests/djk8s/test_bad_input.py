"""A mistake ends in one sentence that says what to do, and nothing is started."""

import re
import shlex
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from _pytest.mark.structures import ParameterSet

from djk8s import engine as engines
from djk8s import ports
from djk8s.project import Project
from djk8s.shell import run as running
from djk8s.shell.command import Command
from support import free_port, one_sentence

Inv = Callable[..., subprocess.CompletedProcess[str]]
Calls = Callable[..., list[dict[str, Any]]]
Noting = Callable[..., tuple[Path, Calls]]
Program = Callable[[str, str], Path]

START = running.start


def case(sentence: str, words: str, said: str, code: int = 1, **environment: str) -> ParameterSet:
    return pytest.param(words, environment, said, code, id=sentence)


PORTS = [
    case(f"serve on port {port!r}", f"serve --port {port!r}", f"--port {port!r} is not a port")
    for port in ("0", "70000", "abc", "", "-1", "80 80", "٨٠٠٠", "8000; touch pwned")
]

TABLE = [
    *PORTS,
    case("run on no port", "run --publish 0", "--publish '0' is not a port"),
    case("serve with PORT of the shell", "serve", "PORT 'abc' is not a port", PORT="abc"),
    case("steps with a configured port", "steps", "port 'abc' is not a port", INVOKE_PORT="abc"),
    case("up with a configured port", "up", "port 'abc' is not a port", INVOKE_UP_PORT="abc"),
    case("up with https for no host", "up --with https", "`inv env --set DOMAIN=www.example.com`"),
    case("up with two in front", "up --with https --with proxy", "are both in front of the site: leave one out"),
    case("run on a host name", "run --publish example.com:80", "is not an address: give a port or ADDRESS:PORT"),
    case("run on a broken IPv6 address", "run --publish [:::]:8000", "is not an address"),
    case("run on an address of another machine", "run --publish 192.0.2.1:8000", "192.0.2.1"),
    case("run with no number of workers", "run --env WEB_CONCURRENCY=", "WEB_CONCURRENCY is ''"),
    case("serve with many workers", "serve", "WEB_CONCURRENCY is 'many'", WEB_CONCURRENCY="many"),
    case("run with PORT as a variable", "run --env PORT=1", "write --port instead"),
    case("build a tag that is a command", "build --tag 'v1; touch pwned'", "'v1; touch pwned' is not a tag"),
    case("build a tag with its image", "build --tag djk8s:v1", "'djk8s:v1' is not a tag"),
    case("build a tag of 129 characters", f"build --tag {'v' * 129}", "is not a tag: use up to 128"),
    case("build argument without value", "build --build-arg NOWHERE", "write --build-arg NOWHERE=value"),
    case("build argument whose name is a command", "build --build-arg 'A;touch pwned=1'", "a name has letters"),
    case("build a file that is not there", "build --file nowhere/Dockerfile", "no file 'nowhere/Dockerfile'"),
    case(
        "build a secret that is not asked for",
        "build --secret key.pem",
        "give a file called pip.conf, uv.toml or ca.crt",
    ),
    case("build for no platform", "build --platform arm64", "is not a platform: write one, for example linux/amd64."),
    case("build for an option", "build --platform=--load", "is not a platform: write one, for example linux/amd64."),
    case("build a secret that is not there", "build --secret nowhere/pip.conf", "no file 'nowhere/pip.conf'"),
    case(
        "build a secret with options", "build --secret 'a,env=PATH/pip.conf'", "is not one that the Dockerfile asks for"
    ),
    case("run with a variable without value", "run --env NOWHERE", "write --env NOWHERE=value"),
    *(
        case(f"run with {name}, which steers docker", f"run --env {name}=1", f"{name}, which would steer docker")
        for name in ("PATH", "DOCKER_HOST", "LD_PRELOAD")
    ),
    case("run with another file that is not there", "run --env-file nowhere.env", "There is no nowhere.env"),
    case(
        "up with nothing of that name",
        "up --with mars",
        "--with 'mars' is unknown: write backup, db, debug, dev, https, mail, proxy, watch or worker",
    ),
    case("up with more than one of no service", "up --scale db=2", "--scale 'db=2' is not SERVICE=NUMBER"),
    case("up with three sites at one port", "up --scale web=3", "needs an overlay: add --with proxy"),
    case("manage in no place", "manage --place mars -- check", "'mars' is not a place: write host, container or com"),
    case("venv of no Python", "venv --python no-such-python", "There is no Python called no-such-python here"),
    case("venv of a program that says something else", "venv --python /bin/echo", "does not answer as a Python"),
    case(
        "env in a folder that is not there",
        "env",
        "no-such-folder/.env cannot be written",
        INVOKE_ENV_FILE="/no-such-folder/.env",
    ),
    case("env sets a name alone", "env --set A", "--set A has no value: write --set A=value"),
    case("env sets a name with a space", "env --set 'A B=hunter2'", "--set names 'A B': a name has letters"),
    case("env sets a name that steers docker", "env --set DOCKER_HOST=hunter2", "which would steer docker"),
    case("env sets what cannot be written alike", r"env --set 'A=hunter2$\'", "A cannot be written so that"),
    case("env sets what is no text", "env --set A=hunter2\udcff", "it is not text in UTF-8"),
    case("env checks a file that is not there", "env --check", "`inv env` writes .env"),
    case(
        "backup of what is deployed nowhere", "backup --deployed mars", "--deployed 'mars' is unknown: write compose, "
    ),
    case("backup of a cluster", "backup --deployed kubernetes", "is your cloud's or an operator's, and so are its"),
    case(
        "restore elsewhere of what is not deployed", "restore --context n", "--context is for what is deployed: add --d"
    ),
    case("status beside another host", "status --context n", "DOCKER_HOST of your shell wins", DOCKER_HOST="tcp://a:1"),
    case(
        "manage in a place and elsewhere", "manage --place compose --deployed swarm -- check", "--place is not for what"
    ),
    case(
        "new shell in what is deployed", "shell --new --deployed swarm", "--new is not for what is deployed: leave it o"
    ),
    case(
        "command of Django that is a task too", "manage test", "follows `--`, as in `inv manage -- migrate`; `-- help`"
    ),
    case("command of Django without dashes", "manage migrate", "follows `--`, as in `inv manage … -- migrate`."),
    case("option of adopt without dashes", "adopt ../shop --python 3.13", "as in `inv adopt … -- --python`."),
    case("bench in less than one round", "bench --rounds 0", "--rounds"),
]


@pytest.fixture(autouse=True)
def nothing_is_begun(tmp_path: Path, shell: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if a command that changes something is started, or a word that was typed is run."""

    def begun(project: Project, command: Command, *_: object) -> NoReturn:
        raise AssertionError(f"begun: {command.line(project.root)}")

    shell.setattr(running, "start", begun)
    shell.delenv("NOWHERE", raising=False)
    yield
    assert not Path("pwned").exists()
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(("words", "environment", "said", "code"), TABLE)
def test_refused(
    inv: Inv, engine: Calls, tmp_path: Path, words: str, environment: dict[str, str], said: str, code: int
) -> None:
    typed = inv(*shlex.split(words), **environment)
    assert said in one_sentence(typed.stderr)
    assert typed.returncode == code
    assert typed.stdout == ""
    assert not (tmp_path / ".env").exists()


@pytest.fixture
def taken() -> Iterator[str]:
    """A port of this machine that something listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


IN_USE = [
    ("serve --port TAKEN", {}, "--port"),
    ("serve", {"INVOKE_PORT": "TAKEN"}, "--port"),
    ("run --port 6545 --publish TAKEN", {}, "--publish"),
    ("run --detach --publish 127.0.0.1:TAKEN", {}, "--publish"),
    ("up", {"INVOKE_UP_PORT": "TAKEN"}, "INVOKE_UP_PORT="),
]


@pytest.mark.parametrize(("words", "environment", "flag"), IN_USE, ids=[" ".join([w, *e]) for w, e, _ in IN_USE])
def test_port_in_use(
    inv: Inv, engine: Calls, tmp_path: Path, taken: str, words: str, environment: dict[str, str], flag: str
) -> None:
    environment = {name: value.replace("TAKEN", taken) for name, value in environment.items()}
    typed = inv(*words.replace("TAKEN", taken).split(), **environment)
    sentence = one_sentence(typed.stderr)
    assert f"Port {taken} is already in use" in sentence
    free = re.search(rf"type `{flag} ?(\d+)(?: inv up)?`, which is free", sentence)
    assert free
    with socket.create_server(("127.0.0.1", int(free[1]))):
        assert typed.returncode == 1
    assert not (tmp_path / ".env").exists()


def test_port_that_was_just_let_go_is_free(inv: Inv, taken: str) -> None:
    with socket.create_connection(("127.0.0.1", int(taken))):
        pass
    assert not ports.is_free(ports.Published("127.0.0.1", int(taken)))
    assert ports.is_free(ports.Published("127.0.0.1", free_port()))


NEED_AN_ENGINE = ["build", "run", "run --detach", "shell", "up", "ps", "logs", "stop", "down", "clean", "db shell"]
NEED_AN_ENGINE += ["manage --place container -- check", "manage --place compose -- check"]


@pytest.mark.parametrize("words", NEED_AN_ENGINE)
def test_no_engine(inv: Inv, tmp_path: Path, words: str) -> None:
    typed = inv(*words.split(), INVOKE_ENGINE="no-such-engine")
    sentence = one_sentence(typed.stderr)
    assert "There is no no-such-engine here: install Docker" in sentence
    assert "`inv serve`" in sentence
    assert typed.returncode == 1
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize("words", ["shell", "stop", "run --no-build", "up"])
def test_engine_that_stops_answering(inv: Inv, program: Program, shell: pytest.MonkeyPatch, words: str) -> None:
    docker = program("docker", 'case "$1 $2" in version*|"compose version") echo 26.1.5;; *) exec sleep 30;; esac')
    shell.setattr(engines, "PATIENCE", 0.3)
    shell.setattr(running, "start", lambda *_: subprocess.Popen(["true"]))
    typed = inv(
        *words.split(), INVOKE_ENGINE=str(docker), INVOKE_PORT=str(free_port()), INVOKE_UP_PORT=str(free_port())
    )
    assert "did not answer within 0.3 s" in typed.stderr.splitlines()[-1]
    assert typed.returncode == 1


def test_engine_that_is_no_program(inv: Inv, tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("not to be run")
    typed = inv("build", INVOKE_ENGINE=str(tmp_path / "docker"))
    assert "`inv serve`" in one_sentence(typed.stderr)
    assert typed.returncode == 1


@pytest.mark.parametrize("words", ["up", "down"])
def test_engine_without_compose(inv: Inv, noting: Noting, words: str) -> None:
    docker, _ = noting("docker", compose=("docker: 'compose' is not a docker command.", 1))
    typed = inv(words, INVOKE_ENGINE=str(docker))
    assert "no Compose 2: install docker-compose-plugin; `inv run` works without" in one_sentence(typed.stderr)
    assert typed.returncode == 1


GOOD = "SECRET_KEY=hunter2\n"
MALFORMED = [
    pytest.param("hunter2\n", 1, "is not NAME=value", id="a word alone"),
    pytest.param('A="1\n\n3"\n\n# c\n\nhunter2\n', 7, "is not NAME=value", id="after all of these"),
    pytest.param("A=1\r\n\r\nhunter2\r\n", 3, "is not NAME=value", id="with the line ends of Windows"),
    pytest.param(GOOD + "A='hunter2\n", 2, "is not NAME=value", id="a quote that does not end"),
    pytest.param("=hunter2\n", 1, "", id="no name"),
    pytest.param(GOOD + "\n1A=hunter2\n", 3, "no digit first", id="a name that begins with a digit"),
    pytest.param(GOOD + "\n# c\nDOCKER_HOST=hunter2\n", 4, "would steer docker", id="a name that steers docker"),
    pytest.param(GOOD + "A=hunter2\0\n", 2, "", id="a value with a zero byte"),
]


@pytest.mark.parametrize(("text", "line", "said"), MALFORMED)
def test_malformed_env_file(inv: Inv, engine: Calls, tmp_path: Path, text: str, line: int, said: str) -> None:
    file = tmp_path / ".env"
    file.write_bytes(text.encode())
    typed = inv("run")
    sentence = one_sentence(typed.stderr)
    assert sentence.startswith(f"Line {line} of {file} ")
    assert said in sentence
    assert "hunter2" not in sentence
    assert typed.returncode == 1
    assert typed.stdout == ""
    assert file.read_bytes() == text.encode()


@pytest.mark.parametrize("words", ["serve", "up", "shell", "manage --place container -- check", "--dry run"])
def test_malformed_env_file_ends(inv: Inv, engine: Calls, tmp_path: Path, words: str) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=hunter2\nhunter2\n")
    typed = inv(*words.split())
    assert one_sentence(typed.stderr).startswith(f"Line 2 of {tmp_path / '.env'} ")
    assert typed.returncode == 1


@pytest.mark.parametrize("words", ["serve", "run --env-file FILE"])
def test_env_file_that_is_not_text(inv: Inv, engine: Calls, tmp_path: Path, words: str) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe\n")
    typed = inv(*words.replace("FILE", str(tmp_path / ".env")).split(), INVOKE_PORT=str(free_port()))
    assert ".env is not text in UTF-8" in one_sentence(typed.stderr)
    assert typed.returncode == 1


@pytest.mark.parametrize("words", ["ps", "logs", "stop", "down", "clean"])
def test_env_file_is_not_read_to_look_after_what_runs(
    inv: Inv, noting: Noting, shell: pytest.MonkeyPatch, tmp_path: Path, words: str
) -> None:
    docker, _ = noting("docker", ps=("0123456789abcdef\n", 0), inspect=("2026-01-01 0123456789abcdef\n", 0))
    (tmp_path / ".env").write_bytes(b"hunter2 \xff\n")
    done: list[str] = []

    def note(project: Project, command: Command, *_: object) -> subprocess.Popen[bytes]:
        done.append(command.line(project.root))
        return subprocess.Popen(["true"])

    shell.setattr(running, "start", note)
    assert inv("--dry", words, INVOKE_ENGINE=str(docker)).returncode == 0
    assert inv(words, INVOKE_ENGINE=str(docker)).returncode == 0
    assert done


@pytest.mark.parametrize("code", [0, 3, 125])
def test_exit_code_of_the_words_is_passed_on(inv: Inv, noting: Noting, shell: pytest.MonkeyPatch, code: int) -> None:
    shell.setattr(running, "start", START)
    docker, _ = noting("docker", image_inspect=("sha256:0", 0), run=("", code))
    assert inv("shell", "--", "ls", INVOKE_ENGINE=str(docker)).returncode == code
