"""`inv doctor` finds each condition that it names."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from djk8s import dockerfile, ports
from djk8s import engine as engines
from djk8s.compose import stack
from djk8s.doctor import dotenv, engine, files, python, report
from djk8s.doctor.finding import FINE, NOTE, WRONG, Finding
from djk8s.dotenv.file import EnvFile
from djk8s.host import venv
from djk8s.project import Project
from support import ROOT, free_port

Inv = Callable[..., subprocess.CompletedProcess[str]]
Noting = Callable[..., tuple[Path, Any]]
Program = Callable[[str, str], Path]
Check = Callable[[Project], Finding]

KEY = "SECRET_KEY=" + "k" * 50
ENV = f"{KEY}\nDEBUG=0\nHTTPS=0\n"


def found(check: Check, project: Project) -> tuple[str, str]:
    """Return what a check found, a step's refusal included."""
    return report.look(partial(check, project))


def of_env(check: Callable[[EnvFile], Finding], project: Project) -> tuple[str, str]:
    return report.look(partial(check, EnvFile(project)))


def test_fault_of_the_env_file_is_told_once(inv: Inv, engine: Any, project: Project) -> None:
    write(project.env_file, "hunter2\n", 0o600)
    findings = doctored(inv, INVOKE_UP_PORT=str(free_port()))
    assert [name for name, (state, _) in findings.items() if state == WRONG] == [".env"]
    assert findings["port"][1] == "Not looked at: .env may name it, and has to be mended first."


@pytest.fixture
def made(project: Project, shell: pytest.MonkeyPatch) -> Project:
    """A project whose environment is complete."""
    for name in ("python", "gunicorn"):
        write(project.program(name), "#!/bin/sh\n", 0o755)
    write(project.venv / "pyvenv.cfg", "")
    pins = write(project.venv.parent / "requirements.txt", "six==1.17.0 --hash=sha256:00\n")
    project = replace(project, requirements=pins)
    shell.setattr(venv, "has_its_packages", lambda _: True)
    venv.write_stamp(project, {**venv.venv_stamp(project, sys.executable), "requirements": pins.read_text()})
    return project


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_python_that_is_the_boxs_is_fine(project: Project, shell: pytest.MonkeyPatch) -> None:
    version = dockerfile.python_version(project)
    shell.setattr(platform, "python_version", lambda: f"{version}.5")
    assert found(python.version, project) == (FINE, f"Python {version}.5, as in the container.")


def test_python_that_is_not_the_boxs_is_told(project: Project, shell: pytest.MonkeyPatch) -> None:
    shell.setattr(platform, "python_version", lambda: "3.10.1")
    state, says = found(python.version, project)
    assert state == FINE
    version = dockerfile.python_version(project)
    assert f"the container has {version}, and `inv venv --python {version}`" in says


@pytest.mark.parametrize(
    ("says", "told"), [("echo 3 9", "asks for 3.10 or newer"), ("echo 3 12; exit 1", "python3-venv")]
)
def test_python_that_will_not_do_is_wrong(
    project: Project, program: Program, shell: pytest.MonkeyPatch, says: str, told: str
) -> None:
    old = str(program("python3.9", says))
    shell.setattr(venv, "find_python", lambda *_: old)
    state, sentence = found(python.version, project)
    assert (state, told in sentence) == (WRONG, True)


def stranger(project: Project) -> None:
    shutil.rmtree(project.venv)
    write(project.venv / "thesis.txt", "")


NEW = "`inv venv` makes a new one"
VENVS = [
    pytest.param(lambda project: None, FINE, ", on ", id="whole"),
    pytest.param(lambda project: shutil.rmtree(project.venv), NOTE, "`inv serve` makes it", id="not there"),
    pytest.param(stranger, WRONG, "is not a virtual environment: move it away", id="something else"),
    pytest.param(lambda project: venv.stamp_path(project).unlink(), NOTE, NEW, id="by hand"),
    pytest.param(lambda project: venv.write_stamp(project, {"place": "/elsewhere"}), NOTE, NEW, id="moved"),
    pytest.param(lambda project: project.program("python").unlink(), NOTE, NEW, id="broken"),
]


@pytest.mark.parametrize(("provoke", "state", "told"), VENVS)
def test_environment(made: Project, provoke: Callable[[Project], None], state: str, told: str) -> None:
    provoke(made)
    assert (found(python.environment, made)[0], told in found(python.environment, made)[1]) == (state, True)


def test_packages_as_pinned_are_fine(made: Project) -> None:
    assert found(python.installed, made) == (FINE, "The packages are those of requirements.txt.")


def test_packages_that_are_not_as_pinned_are_told(made: Project, shell: pytest.MonkeyPatch) -> None:
    shell.setattr(venv, "has_its_packages", lambda _: False)
    sentence = "The packages are not those of requirements.txt: `inv install` corrects that."
    assert found(python.installed, made) == (NOTE, sentence)


VALUES = [
    pytest.param(None, NOTE, "`inv env` writes it", id="not there"),
    pytest.param(ENV, FINE, "means the same to all its readers", id="fine"),
    pytest.param("hunter2\n", WRONG, "Line 1 of ", id="malformed"),
    pytest.param(f"{ENV}WEB_CONCURRENCY=two\n", WRONG, "gunicorn wants a number", id="a word for a number"),
    pytest.param(f"{ENV}ALLOWED_HOST=a$b\n", WRONG, "another value with Compose", id="read in two ways"),
    pytest.param("SECRET_KEY=\nDEBUG=0\nHTTPS=0\n", WRONG, "`inv env --set SECRET_KEY`", id="no key"),
    pytest.param(f"{ENV}OTHER=1\nANOTHER=1\n", NOTE, "(2 in all: `inv env --check`", id="names that nothing reads"),
    pytest.param(f"{KEY}\nDEBUG=0\n", NOTE, "`inv env --set HTTPS=0`", id="a missing setting"),
]


@pytest.mark.parametrize(("text", "state", "told"), VALUES)
def test_env_file(project: Project, shell: pytest.MonkeyPatch, text: str | None, state: str, told: str) -> None:
    values = dict(line.split("=", 1) for line in (text or "").splitlines() if "=" in line)
    shell.setattr(stack, "reading", lambda _: {**values, "ALLOWED_HOST": "a"})
    if text is not None:
        project.env_file.write_text(text)
    says = of_env(dotenv.values, project)
    assert (says[0], told in says[1]) == (state, True), says
    assert "hunter2" not in says[1]


@pytest.mark.parametrize(
    ("does", "state", "told"),
    [
        ("exit 0", FINE, "The site starts with its settings."),
        ("exit 0;; *--check-config) echo \"SERVER is 'x'\" >&2; exit 1", WRONG, ": SERVER is 'x'"),
        ("echo warning >&2; echo \"manage.py: DEBUG is 'x': write 1\" >&2; exit 1", WRONG, ": DEBUG is 'x': write 1"),
        (
            f"(echo '  File \"{ROOT}/src/myproj/urls.py\", line 7'; "
            "echo '  File \"/lib/os.py\", line 2'; echo KeyError) >&2; exit 1",
            WRONG,
            "does not start: KeyError (src/myproj/urls.py, line 7)",
        ),
        (
            "exit 0;; *'check --tag staticfiles') echo \"KeyError: 'X'$SECRET_KEY\" >&2; exit 1",
            WRONG,
            ": KeyError: 'X'for-this-line-only: a build has no values of .env, so give it a default, or a value in the "
            "Dockerfile",
        ),
    ],
)
def test_settings_are_asked_of_the_site(made: Project, does: str, state: str, told: str) -> None:
    write(made.env_file, ENV)
    write(made.program("python"), f'#!/bin/sh\ncase "$*" in "-B "*/"manage.py check") {does};; esac\n', 0o755)
    says = of_env(dotenv.settings, made)
    assert (says[0], says[1].endswith(told)) == (state, True), says


def test_settings_are_not_asked_where_the_site_cannot_answer(project: Project) -> None:
    write(project.env_file, ENV)
    assert of_env(dotenv.settings, project)[0] == NOTE


@pytest.mark.parametrize(("mode", "state"), [(0o600, FINE), (0o640, NOTE)])
def test_mode_of_the_env_file(project: Project, mode: int, state: str) -> None:
    write(project.env_file, ENV, mode)
    says = of_env(dotenv.mode, project)
    assert (says[0], f"`chmod 600 {project.env_file}`" in says[1]) == (state, state == NOTE)


@pytest.fixture
def repository(checkout: Path) -> None:
    """The copy as a repository of git, in which everything is committed that is not ignored."""
    write(checkout / ".gitignore", ".env\n")
    git = "git -c user.name=a -c user.email=a@example.com"
    commands = f"{git} init --quiet && {git} add . && {git} commit --quiet --message all"
    subprocess.run(["sh", "-c", commands], cwd=checkout, check=True, capture_output=True)


def seen(elsewhere: Inv, name: str) -> tuple[str, str]:
    """Return what `inv doctor` prints of one check, for machines."""
    findings = json.loads(elsewhere("doctor", "--json", INVOKE_ENGINE="no-such-engine").stdout)
    return next((finding["state"], finding["says"]) for finding in findings if finding["check"] == name)


MENDED = [
    (".env kept", "git add --force .env", "`git rm --cached .env && inv env --set SECRET_KEY`"),
    (".env kept", "git rm -f .gitignore", "add a line `.env` to .gitignore"),
    (".env kept", "rm .dockerignore", "add a line `**/.env*` at the end of .dockerignore"),
    ("entrypoint", "sed -i 's/$/\\r/' entrypoint.sh", "`rm entrypoint.sh && git checkout entrypoint.sh`"),
    ("entrypoint", "chmod -x entrypoint.sh", "`chmod +x entrypoint.sh`"),
]


@pytest.mark.parametrize(("check", "provoke", "told"), MENDED)
def test_files_for_git_and_the_image(
    repository: None, elsewhere: Inv, checkout: Path, check: str, provoke: str, told: str
) -> None:
    write(checkout / ".env", ENV, 0o600)
    assert seen(elsewhere, check)[0] == FINE
    subprocess.run(["sh", "-e", "-c", provoke], cwd=checkout, check=True, capture_output=True)
    state, says = seen(elsewhere, check)
    assert (state, told in says) == (NOTE, True), says


IGNORED = [
    ("**/.env*", ".env", True),
    (".env*", ".env.local", True),
    ("*", "config/.env", True),
    ("config", "config/.env", True),
    ("*/.env", "config/.env", True),
    ("**/.e?v", "a/b/.env", True),
    ("*.env", "config/a.env", False),
    ("*/.env", "a/b/.env", False),
    ("* !config", "config/.env", False),
    ("!.env .env", ".env", True),
    ("* !src **/.env*", "src/.env", True),
]


@pytest.mark.parametrize(("patterns", "path", "ignored"), IGNORED)
def test_dockerignore_is_read_as_docker_reads_it(patterns: str, path: str, ignored: bool) -> None:
    assert dotenv.is_ignored(Path(path), patterns.replace(" ", "\n")) is ignored


@pytest.mark.parametrize(
    ("names", "state", "told"),
    [
        pytest.param([], FINE, "belongs to root", id="none"),
        pytest.param(
            ["data/db", "src/a/b"], NOTE, "in data src belong to root: `sudo chown -R $(id -u) data src`", id="two"
        ),
        pytest.param([".nox/a"], FINE, "belongs to root", id="what tools keep"),
    ],
)
def test_files_of_root(
    project: Project, tmp_path: Path, shell: pytest.MonkeyPatch, names: list[str], state: str, told: str
) -> None:
    for name in [*names, "mine"]:
        write(tmp_path / "folder" / name, "")
    project = replace(project, root=tmp_path / "folder")
    shell.setattr(os, "getuid", lambda: 1000)
    shell.setattr(files, "belongs_to_root", lambda path: path.is_file() and path.name != "mine")
    says = found(files.owners, project)
    assert (says[0], told in says[1]) == (state, True), says


def test_files_that_a_step_cannot_write_are_wrong(project: Project, shell: pytest.MonkeyPatch) -> None:
    write(project.env_file, ENV)
    shell.setattr(os, "access", lambda path, mode: path != project.env_file)
    told = f"You may not write to {project.env_file}: `sudo chown -R $(id -u) {project.env_file}`, or work in a copy."
    assert found(files.owners, project) == (WRONG, told)


HOLD = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    """A program that listens on a port, which it prints, until its input ends.

    A process of its own: what `inv` starts here holds the sockets of this one for a moment.
    """
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=PIPE, stdout=PIPE, text=True) as process:
        yield process
        process.communicate()


@pytest.fixture
def taken(server: subprocess.Popen[str], shell: pytest.MonkeyPatch) -> int:
    """The port that the server holds."""
    assert server.stdout
    port = server.stdout.readline().strip()
    shell.setenv("INVOKE_PORT", port)
    shell.setenv("INVOKE_UP_PORT", port)
    return int(port)


def doctored(inv: Inv, **environment: str) -> dict[str, tuple[str, str]]:
    typed = inv("doctor", "--json", **environment)
    findings = {finding["check"]: (finding["state"], finding["says"]) for finding in json.loads(typed.stdout)}
    assert typed.returncode == (1 if WRONG in {state for state, _ in findings.values()} else 0)
    return findings


def test_ports_that_are_free(inv: Inv, engine: Any) -> None:
    serve, up = str(free_port()), str(free_port())
    findings = doctored(inv, INVOKE_PORT=serve, INVOKE_UP_PORT=up)
    assert findings["port"] == (FINE, f"{serve}, for serve and run, is free.")
    assert findings["port of up"] == (FINE, f"{up}, for up, is free.")


def test_ports_that_a_process_holds(inv: Inv, engine: Any, server: subprocess.Popen[str], taken: int) -> None:
    findings = doctored(inv)
    for name, choice in (("port", "--port"), ("port of up", "INVOKE_UP_PORT")):
        state, says = findings[name]
        assert state == WRONG
        assert f"(process {server.pid}): `kill {server.pid}` stops it, or choose another with {choice}." in says


def test_port_that_a_container_holds(inv: Inv, noting: Noting, taken: int, shell: pytest.MonkeyPatch) -> None:
    shell.setattr(ports, "by_process", lambda _: None)
    published = f"ps --format {{{{.Names}}}} --filter publish={taken}"
    by_label = f"{published} --filter label=djk8s"
    for ours, stop in (("", "docker stop web-1"), ("web-1", "inv stop")):
        path, _ = noting("docker", **{published: ("web-1\n", 0), by_label: (ours, 0)})
        assert (
            f"held by the container web-1: `{stop.replace('docker', str(path))}`"
            in doctored(inv, INVOKE_ENGINE=str(path))["port"][1]
        )


def test_port_on_which_up_serves_is_its_own(inv: Inv, noting: Noting, taken: int) -> None:
    path, _ = noting("docker", **{"ps --quiet": ("one\n", 0)})
    assert doctored(inv, INVOKE_ENGINE=str(path))["port of up"] == (FINE, f"{taken}, on which `inv up` serves now.")


ENGINES = [
    pytest.param("exec sleep 30", "did not answer within 0.3 s: try again, or restart it", id="hangs"),
    pytest.param("echo 'permission denied' >&2; exit 1", "`sudo usermod -aG docker $USER`", id="not for this user"),
    pytest.param("exit 1", "does not answer: start it", id="stopped"),
]


@pytest.mark.parametrize(("does", "told"), ENGINES)
def test_engine_that(inv: Inv, program: Program, shell: pytest.MonkeyPatch, does: str, told: str) -> None:
    shell.setattr(engine, "PATIENCE", 0.3)
    shell.setattr(engines, "PATIENCE", 0.3)
    findings = doctored(inv, INVOKE_ENGINE=str(program("docker", does)))
    assert (findings["engine"][0], told in findings["engine"][1]) == (WRONG, True)
    assert {findings[name] for name in report.ENGINE} == {(NOTE, "Not looked at: the engine does not answer.")}


@pytest.mark.parametrize(("version", "state"), [("24.0.7", WRONG), ("29.1.2", FINE), ("5.4.0", FINE)])
def test_version_of_the_engine(inv: Inv, program: Program, version: str, state: str) -> None:
    path = program("docker", f'[ "$1" = version ] && echo {version}')
    assert doctored(inv, INVOKE_ENGINE=str(path))["engine"][0] == state


# What an engine answers, with all in order; and each condition, by what it answers then.
ANSWERS = {
    "buildx version": ("github.com/docker/buildx v0.13.1 x", 0),
    "compose version": ("2.26.1", 0),
    "info": ("/", 0),
    "image inspect": ("sha256:0", 0),
}
CONDITIONS = [
    pytest.param("BuildKit", {}, FINE, "buildx v0.13.1.", id="buildx"),
    pytest.param("BuildKit", {"buildx version": ("", 1)}, WRONG, "install docker-buildx-plugin", id="no buildx"),
    pytest.param("Compose", {"compose version": ("", 1)}, WRONG, "install docker-compose-plugin", id="no Compose"),
    pytest.param("disk", {"info": ("", 1)}, FINE, "keeps its images elsewhere", id="disk of no answer"),
    pytest.param("base image", {}, FINE, "python:3.13-slim is here, or in what", id="base image"),
    pytest.param(
        "base image",
        {"image inspect": ("", 1), "manifest": ("", 1)},
        WRONG,
        "no registry that has it answers: `",
        id="base image nowhere",
    ),
    pytest.param("image", {"image inspect": ("", 1)}, NOTE, "not built yet: `inv build`", id="image not built"),
    pytest.param("left over", {}, FINE, "Nothing of this project is on the engine", id="nothing left over"),
    pytest.param(
        "left over",
        {"ps --all": ("a\nb\n", 0), "image ls": ("i\n", 0)},
        FINE,
        "2 containers, 1 image of this project are on the engine: `inv clean` removes",
        id="left over",
    ),
]


@pytest.mark.parametrize(("name", "answers", "state", "told"), CONDITIONS)
def test_engines(
    inv: Inv, noting: Noting, name: str, answers: dict[str, tuple[str, int]], state: str, told: str
) -> None:
    path, _ = noting("docker", **{**ANSWERS, **answers})
    says = doctored(inv, INVOKE_ENGINE=str(path))[name]
    assert (says[0], told in says[1]) == (state, True), says


def test_buildkit_that_is_turned_off(inv: Inv, noting: Noting) -> None:
    path, _ = noting("docker", **ANSWERS)
    state, says = doctored(inv, INVOKE_ENGINE=str(path), DOCKER_BUILDKIT="0")["BuildKit"]
    assert (state, "`unset DOCKER_BUILDKIT`" in says) == (WRONG, True)


@pytest.mark.parametrize(("free", "state"), [(0.4, WRONG), (1.5, FINE)])
def test_room_on_the_disk(inv: Inv, noting: Noting, shell: pytest.MonkeyPatch, free: float, state: str) -> None:
    path, _ = noting("docker", **ANSWERS)
    usage = shutil.disk_usage("/")._replace(free=int(free * 1e9))
    shell.setattr(shutil, "disk_usage", lambda _: usage)
    says = doctored(inv, INVOKE_ENGINE=str(path))["disk"]
    assert (says[0], "GB are free in /, and a build needs 1" in says[1]) == (state, state == WRONG)


def test_a_person_reads_it_in_80_columns(inv: Inv, noting: Noting, shell: pytest.MonkeyPatch, taken: int) -> None:
    path, _ = noting("docker", **ANSWERS)
    typed = inv("doctor", INVOKE_ENGINE=str(path))
    lines = typed.stdout.splitlines()
    assert [line for line in lines if len(line) > 80 and str(path) not in line and "/" not in line] == []
    assert {line[:5].strip() for line in lines} <= {"", FINE, NOTE, WRONG}
    assert typed.stderr == "2 things to mend before every step of the list works, see above.\n"
    assert typed.returncode == 1
    assert "\033" not in typed.stdout


def test_a_command_is_not_folded() -> None:
    text = report.line("image", Finding(NOTE, "word " * 12 + "`inv build --tag v1` takes the changes in."))
    assert "`inv build --tag v1`" in text
    assert "\N{NO-BREAK SPACE}" not in text
