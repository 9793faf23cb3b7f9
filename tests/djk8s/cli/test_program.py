"""`inv` as a program: Ctrl-C in each moment before a step begins, a reader that goes away, and bytes that are not text.

In a copy of the project whose `.tools/` has a script for its Python, which starts that of the tests.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from invoke import Collection

from djk8s.cli import program
from djk8s.shell.run import INTERRUPTED
from support import ROOT, one_sentence
from terminal import tools_stamp

STARTS = f'exec {sys.executable} "$@"'
INTERRUPT = "import signal; signal.raise_signal(signal.SIGINT)\n"


@pytest.fixture
def tools(checkout: Path, shell: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a script be the Python of `.tools/`."""

    def write(script: str) -> None:
        python = checkout / ".tools" / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        (checkout / ".tools" / "complete").write_text(tools_stamp(checkout), encoding="utf-8")

    write(STARTS)
    return write


def inv(copy: Path, *words: str | bytes, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, str(copy / "inv"), *words]
    return subprocess.run(argv, cwd=copy, stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_interrupted_before_the_tools_python_starts(checkout: Path, tools: object) -> None:
    stamp = checkout / ".tools" / "complete"
    stamp.unlink()
    os.mkfifo(stamp)  # `inv` waits here
    argv = [sys.executable, str(checkout / "inv"), "steps"]
    process = subprocess.Popen(argv, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with stamp.open("w"), process:
        process.send_signal(signal.SIGINT)
        said = process.communicate()
    assert said == (b"", b"")
    assert process.returncode == 130


def test_interrupted_while_that_python_starts(checkout: Path, tools: Callable[[str], None]) -> None:
    again = f"{INTERRUPT}import os, sys; os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])"
    tools(f'exec {sys.executable} -c "{again}" "$@"')
    ended_by_the_signal(inv(checkout, "steps"))


@pytest.mark.parametrize("imported", ["tasks.py", "djk8s/project.py"])
def test_interrupted_while_it_imports(checkout: Path, tools: object, imported: str) -> None:
    change(
        checkout / imported, "from __future__ import annotations\n", f"from __future__ import annotations\n{INTERRUPT}"
    )
    ended_by_the_signal(inv(checkout, "steps"))


def ended_by_the_signal(ended: subprocess.CompletedProcess[bytes]) -> None:
    assert (ended.stdout, ended.stderr) == (b"", b"")
    assert ended.returncode == -signal.SIGINT


@pytest.mark.parametrize(
    ("file", "before"),
    [
        ("tasks.py", "    help_lines = "),
        ("djk8s/__main__.py", "    program.main("),
        ("djk8s/cli/program.py", "            Inv(namespace, root).run()\n"),
    ],
    ids=["in a task", "between import and run", "before Invoke looks"],
)
def test_interrupted_later(checkout: Path, tools: object, file: str, before: str) -> None:
    indent = before[: len(before) - len(before.lstrip())]
    change(checkout / file, before, f"{indent}{INTERRUPT}{before}")
    ended = inv(checkout, "steps")
    assert ended.stdout == b""
    assert ended.stderr.decode() in {"", f"{INTERRUPTED}\n"}
    assert ended.returncode == 130


def test_streams_that_are_closed_are_no_traceback(checkout: Path, tools: object) -> None:
    typed = shlex.join([sys.executable, str(checkout / "inv"), "steps"])
    closed = subprocess.run(["sh", "-c", f"{typed} >&- <&-"], cwd=checkout, capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, "")


def test_interrupt_that_is_ignored_stays_so(checkout: Path, tools: object) -> None:
    """As a script has it for what it starts in the background."""
    change(checkout / "tasks.py", "from invoke import", f"{INTERRUPT}from invoke import")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ended = inv(checkout, "steps")
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.returncode == 0
    assert b"inv venv" in ended.stdout


@pytest.mark.parametrize("words", ["steps", "--help"])
def test_reader_that_has_read_enough(checkout: Path, tools: object, words: str) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        ended = inv(checkout, *words.split(), stdout=theirs)
    finally:
        os.close(theirs)
    assert b"Traceback" not in ended.stderr
    assert b"BrokenPipe" not in ended.stderr
    assert ended.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_disk_that_is_full_is_one_sentence(checkout: Path, tools: object) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = inv(checkout, "steps", stdout=full.fileno())
    told = "What is printed cannot be used (No space left on device): see to its owner and to the room on its disk."
    assert one_sentence(ended.stderr.decode()) == told
    assert ended.returncode == 1


def test_bytes_that_are_no_text_come_out_as_they_went_in(checkout: Path, tools: object) -> None:
    shown = inv(checkout, "--dry", "shell", "--", "ü…".encode(), b"\xff\xfe")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.endswith("'ü…' '".encode() + b"\xff\xfe'\n")


@pytest.mark.parametrize("name", ["DJANGO_SETTINGS_MODULE", "DJANGO_CONFIGURATION", "GUNICORN_CMD_ARGS", "PYTHONPATH"])
def test_variable_of_another_project_reaches_no_command(
    checkout: Path, tools: object, shell: pytest.MonkeyPatch, name: str
) -> None:
    """The container would not see it either."""
    print_it = f"    import os; print(os.environ.get({name!r}))\n"
    change(checkout / "tasks.py", "    help_lines = ", f"{print_it}    help_lines = ")
    shell.setenv(name, "of.another.project")
    assert inv(checkout, "steps").stdout.decode().splitlines()[0] == "None"


def test_program_that_does_not_answer_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def hang(*_: object) -> None:
        raise subprocess.TimeoutExpired(["docker", "compose"], 30)

    monkeypatch.setattr(program.Inv, "run", hang)
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as end:
        program.main(Collection(), ROOT)
    assert end.value.code == 1
    assert capfd.readouterr().err == "docker did not answer within 30 s: see what keeps it, then type this again.\n"


def test_file_that_is_gone_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(program.Inv, "run", lambda _: (tmp_path / "requirements.txt").read_text())
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit):
        program.main(Collection(), ROOT)
    said = capfd.readouterr().err
    assert said == f"There is no {tmp_path}/requirements.txt: bring it back, for example with `git checkout`.\n"
