"""The differences between POSIX and Windows; one value decides, so both are tested on either."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from djk8s.doctor import dotenv, files
from djk8s.doctor.finding import FINE
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell import processes
from djk8s.shell.command import Command
from djk8s.shell.run import pass_on
from support import ROOT, one_sentence

Inv = Callable[..., subprocess.CompletedProcess[str]]
Child = subprocess.Popen[bytes]


@pytest.fixture
def posix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "WINDOWS", False)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "WINDOWS", True)


def test_programs_of_a_venv(posix: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.program(Path("/a b/venv"), "python") == Path("/a b/venv/bin/python")
    monkeypatch.setattr(processes, "WINDOWS", True)
    assert processes.program(Path("venv"), "python") == Path("venv/Scripts/python.exe")


WORDS = [
    # a word, for a POSIX shell, for cmd.exe
    ("", "''", '""'),
    ("a b", "'a b'", '"a b"'),
    ("$HOME", "'$HOME'", "$HOME"),
    ("C:\\a b\\", "'C:\\a b\\'", '"C:\\a b\\\\"'),
    ("a & b", "'a & b'", '^"a ^& b^"'),
    ("%PATH%", "%PATH%", "^%PATH^%"),
    ('"', "'\"'", '\\^"'),
    ('say "hi" | more', "'say \"hi\" | more'", '^"say \\^"hi\\^" ^| more^"'),
]


@pytest.mark.parametrize(("word", "posix", "cmd"), WORDS)
def test_word_is_quoted(monkeypatch: pytest.MonkeyPatch, word: str, posix: str, cmd: str) -> None:
    for windows, quoted in ((False, posix), (True, cmd)):
        monkeypatch.setattr(processes, "WINDOWS", windows)
        assert processes.quoted(word) == quoted


LINES: list[tuple[Mapping[str, str], str | None, str, str]] = [
    ({}, None, "run 'a b'", 'run "a b"'),
    ({"A": "b c", "B": ""}, None, "A='b c' B='' run 'a b'", 'set "A=b c" && set "B=" && run "a b"'),
    ({"A": "b&c"}, None, "A='b&c' run 'a b'", 'set ^"A=b^&c^" && run "a b"'),
    ({"A": "1"}, "my src", "(cd 'my src' && A=1 run 'a b')", 'pushd "my src" && set "A=1" && run "a b" & popd'),
]


@pytest.mark.parametrize(("variables", "folder", "posix", "cmd"), LINES)
def test_line_is_joined(
    monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], folder: str | None, posix: str, cmd: str
) -> None:
    for windows, line in ((False, posix), (True, cmd)):
        monkeypatch.setattr(processes, "WINDOWS", windows)
        assert processes.line(("run", "a b"), variables, folder) == line


NASTY = ["", " ", "a  b", "'", '"', 'it\'s "quoted"', "%PATH%", "a&b", "a | b", '"&"', ">f", "^", "\\", "a b\\", "ü"]
ECHO = "import json, sys; print(json.dumps(sys.argv[1:]))"


@pytest.mark.skipif(not processes.WINDOWS, reason="only Windows has cmd.exe; what it is given is compared above")
def test_line_that_cmd_is_given_is_the_command() -> None:
    line = Command((sys.executable, "-c", ECHO, *NASTY)).line(ROOT)
    said = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S602
    assert json.loads(said) == NASTY


class Noted:
    """A child that notes how it is ended."""

    pid = 42

    def __init__(self) -> None:
        self.came: list[object] = []

    def terminate(self) -> None:
        self.came.append("terminated")

    def send_signal(self, number: int) -> None:
        self.came.append(number)


def passed_on(number: int, early: bool = False) -> list[object]:
    child = Noted()
    pass_on(number, cast(Child, child), unattended=False, descendants=False, early=early)
    return child.came


@pytest.mark.parametrize("terminal", [True, False], ids=["at a terminal", "without one"])
def test_ctrl_c_of_windows_reaches_a_child_without_us(
    windows: None, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: terminal))
    assert passed_on(signal.SIGINT) == []
    assert passed_on(signal.SIGINT, early=True) == ["terminated"]  # it has no signal of its own to be sent
    assert passed_on(signal.SIGTERM) == ["terminated"]


@pytest.mark.parametrize(("terminal", "came"), [(True, []), (False, [signal.SIGINT])], ids=["at a terminal", "without"])
def test_ctrl_c_of_posix_is_passed_on_where_there_is_no_terminal(
    posix: None, monkeypatch: pytest.MonkeyPatch, terminal: bool, came: list[object]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: terminal))
    assert passed_on(signal.SIGINT) == came
    assert passed_on(signal.SIGINT, early=True) == [signal.SIGINT]
    assert passed_on(signal.SIGTERM) == ["terminated"]


def test_group_of_windows_is_ended_with_all_it_started(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(subprocess, "run", lambda argv, **_: ran.append(argv))
    monkeypatch.delattr(os, "killpg", raising=False)
    pass_on(signal.SIGINT, cast(Child, Noted()), unattended=True, descendants=False)
    assert ran == [["taskkill", "/T", "/F", "/PID", "42"]]
    assert processes.own_group() == {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200)}


def test_windows_waits_for_what_it_cannot_become(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: list[Any] = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: handlers.append((number, handler)))
    monkeypatch.setattr(subprocess, "call", lambda argv: 7 if handlers and argv == ["python", "inv"] else 0)
    with pytest.raises(SystemExit) as ended:
        processes.become(["python", "inv"])
    assert ended.value.code == 7
    ((number, handler),) = handlers
    assert number == signal.SIGINT
    assert handler(number, None) is None  # Ctrl-C is the other's


def test_serve_on_windows_names_run_before_anything_is_made(windows: None, inv: Inv, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    refused = inv("serve")
    assert "gunicorn does not run on Windows: `inv run` serves" in one_sentence(refused.stderr)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert sorted(tmp_path.rglob("*")) == before


def test_other_steps_of_this_machine_are_there_on_windows(windows: None, inv: Inv, tmp_path: Path) -> None:
    python = processes.quoted(str(tmp_path / "venv" / "Scripts" / "python.exe"))
    lines = inv("--dry", "venv", "install", "env", "manage", "--", "check", "a b").stdout.splitlines()
    assert f"{python} --require-hashes requirements-pip.txt requirements.txt" in " ".join(lines)
    assert lines[-1] == f'pushd src && {python} manage.py check "a b" & popd'


def test_doctor_asks_windows_for_no_modes_and_owners(
    windows: None, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.env_file.touch(mode=0o666)
    monkeypatch.delattr(os, "getuid", raising=False)
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.X_OK)
    checks = dotenv.mode(EnvFile(project)), files.owners(project), files.entrypoint(project)
    assert [found.state for found in checks] == [FINE, FINE, FINE], checks
