"""A command: the line that is printed can be pasted, and what runs gets its words, its signals and its end."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pexpect
import pytest
from invoke.exceptions import Exit

from djk8s.shell import run as running
from djk8s.shell import talk
from djk8s.shell.command import Command
from projects_here import configured
from support import ROOT, one_sentence

HERE = ROOT / "src"
SRC = Path("src")
PROJECT = configured(ROOT)
# Says, as JSON, what reached it.
ECHO = "import json, os, sys; print(json.dumps([sys.argv[1:], os.getcwd(), {n: os.environ.get(n) for n in 'AB'}]))"
NASTY = ["", " ", "a  b", "'", '"', 'it\'s "quoted"', "$HOME", "${HOME}", "`id`", "$(id)", "a\nb", "\\", "*", "~", "#"]
NASTY += ["-x", "--", ";", "&&", "|", ">f", "ü☃", "!!", "\t", "a=b"]

LINES = [
    (Command(("docker", "ps")), ROOT, "docker ps"),
    (Command(("echo", "it's")), ROOT, """echo 'it'"'"'s'"""),
    (Command((ROOT / "venv/bin/python",), cwd=SRC), ROOT, "(cd src && ../venv/bin/python)"),
    (Command((ROOT / "venv/bin/python",), cwd=SRC), HERE, "../venv/bin/python"),
    (Command((ROOT / "venv/bin/python",)), HERE, "(cd .. && venv/bin/python)"),
    (Command((ROOT / "venv/bin/python",)), Path("/tmp"), f"(cd {ROOT} && venv/bin/python)"),
    (Command(("docker", "ps"), cwd=Path("/")), ROOT, "(cd / && docker ps)"),
    (Command(("docker", "ps"), cwd=Path("/")), Path("/"), "docker ps"),
    (Command((Path("/opt/a b/python"),)), ROOT, "'/opt/a b/python'"),
    (Command(("env",), shown={"A": "1", "B": "$HOME b"}), ROOT, "A=1 B='$HOME b' env"),
    (Command(("env",), hidden={"A": "hunter2"}), ROOT, "env"),
]


@pytest.mark.parametrize(("shown", "here", "line"), LINES, ids=[line for _, _, line in LINES])
def test_line(shown: Command, here: Path, line: str) -> None:
    assert shown.line(ROOT, here) == line


def echo(*words: str, **options: Any) -> Command:
    return Command((Path(sys.executable), "-c", ECHO, *words), **options)


@pytest.mark.parametrize(("here", "cwd"), [(ROOT, ROOT), (ROOT, HERE), (HERE, ROOT), (Path("/"), HERE)])
def test_line_pasted_into_a_shell_is_the_command(here: Path, cwd: Path) -> None:
    line = echo(*NASTY, cwd=cwd, shown={"A": "\n".join(NASTY), "B": ""}).line(ROOT, here)
    pasted = subprocess.run(["sh", "-c", line], cwd=here, capture_output=True, text=True, check=True)
    assert json.loads(pasted.stdout) == [NASTY, str(cwd), {"A": "\n".join(NASTY), "B": ""}]


def test_words_reach_the_program_as_they_are(capfd: pytest.CaptureFixture[str]) -> None:
    said = run(echo(*NASTY, cwd=SRC, shown={"A": "1"}, hidden={"B": "$HOME"}), read=True)
    assert json.loads(said) == [NASTY, str(HERE), {"A": "1", "B": "$HOME"}]


def test_command_is_news_on_stderr_and_its_output_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    run(Command(("echo", "hello")))
    said = capfd.readouterr()
    assert (said.out, said.err) == ("hello\n", "echo hello\n")


def test_dry_prints_and_runs_nothing(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run(dry=True, command=Command(("touch", tmp_path / "made")))
    said = capfd.readouterr()
    assert (said.out, said.err) == (f"touch {tmp_path / 'made'}\n", "")
    assert not (tmp_path / "made").exists()


def run(command: Command, *words: Any, dry: bool = False, **options: Any) -> str:
    return running.run(replace(PROJECT, dry=dry), command, *words, **options)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


CODES = [("sys.exit(0)", 0), ("sys.exit(3)", 3), ("os.kill(os.getpid(), signal.SIGKILL)", 128 + 9)]


def python(code: str) -> Command:
    return Command((sys.executable, "-c", f"import os, signal, sys, time; {code}"))


@pytest.mark.parametrize("unattended", [False, True], ids=["attended", "unattended"])
@pytest.mark.parametrize(("does", "code"), CODES, ids=[does for does, _ in CODES])
def test_exit_code_is_the_commands_own(does: str, code: int, unattended: bool) -> None:
    assert ends(python(does), unattended=unattended) == (code, "Do this." if code else "")


def ends(command: Command, **options: Any) -> tuple[int, str]:
    try:
        run(command, failed="Do this.", **options)
    except Exit as end:
        return end.code, str(end.message or "")
    return 0, ""


def test_what_an_unattended_command_says_is_passed_on_and_explains_its_failure(
    capfd: pytest.CaptureFixture[str],
) -> None:
    says = python("print('news'); sys.stderr.write('first\\nlast, without an end'); sys.exit(2)")
    with pytest.raises(Exit) as failed:
        run(says, unattended=True, failed=lambda said: f"It said {said!r}.")
    assert failed.value.message == r"It said 'first\nlast, without an end'."
    said = capfd.readouterr()
    assert said.out == "news\n"
    assert said.err.endswith("first\nlast, without an end")


def test_what_is_left_running_with_the_other_end_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "SIGNAL_PATIENCE", 0.2)
    sleeper = f"subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(60)'])"
    leaves = python(f"import subprocess; print({sleeper}.pid, flush=True); sys.exit(2)")
    listening = threading.active_count() + 1
    with pytest.raises(Exit) as failed:
        run(leaves, unattended=True, failed=lambda said: f"It said {said!r}.")
    assert failed.value.message == "It said ''."
    assert threading.active_count() == listening  # it goes on, and would end with us
    os.kill(int(capfd.readouterr().out), signal.SIGKILL)


def test_child_whose_engine_is_silent_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*, cut_off: bool = False) -> None:
        raise Exit("The engine did not answer.", 1)

    monkeypatch.setattr(running, "SIGNAL_PATIENCE", 0.1)
    deaf = python("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")
    Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Exit) as failed:
        run(deaf, clean_up=silent)
    assert failed.value.message == "The engine did not answer."
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # nothing of it is left


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


COLOURS = [
    ({}, Terminal(), True),
    ({"NO_COLOR": "1"}, Terminal(), False),
    # https://no-color.org: when present and not an empty string
    ({"TERM": "dumb"}, Terminal(), False),
    ({}, io.StringIO(), False),
]


@pytest.mark.parametrize(("environment", "stream", "takes"), COLOURS)
def test_colours_are_for_terminals_that_show_them(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], stream: io.StringIO, takes: bool
) -> None:
    for name, value in {"NO_COLOR": "", "TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    assert talk.takes_colours(stream) is takes


def test_no_such_program_is_one_sentence() -> None:
    with pytest.raises(Exit) as refused:
        run(Command(("no-such-program",)))
    assert refused.value.message == "There is no no-such-program on this machine."
    assert refused.value.code == 127


def test_program_that_may_not_run_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "program").write_text("")
    with pytest.raises(Exit) as refused:
        run(Command((tmp_path / "program",)))
    assert str(tmp_path / "program") in str(refused.value.message)
    assert refused.value.code == 126


def test_ctrl_c_is_held_back_only_from_what_waits_for_it() -> None:
    held = "print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    assert run(python(held), hold_interrupt=True, read=True) == "True\n"
    assert run(python(held), read=True) == "False\n"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


# A whole Invoke of its own, whose one task runs a child: it is sent real signals.
DRIVER = """
import sys
sys.path.insert(0, {root!r})
from invoke.collection import Collection
from invoke.program import Program
from invoke.tasks import task
from pathlib import Path
import tasks
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import run
{before}

@task
def go(c):
    project = Project.of(c, Path({root!r}))
    run(project, Command((sys.executable, "-c", {child!r})), **{options!r})

namespace = Collection(go)
namespace.configure(tasks.ns.configuration())
Program(namespace=namespace).run(["inv", "go"])
"""

# Notes each signal, and ends half a second after the first with its number.
NOTING = """
import signal, sys, time
came = []
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: came.append(number))
print("ready", flush=True)
end = time.monotonic() + 20
while not came and time.monotonic() < end:
    time.sleep(0.02)
time.sleep(0.3)
print("came", *came, flush=True)
sys.exit(100 + sum(came))
"""


def driver(child: str, before: str = "", **options: bool) -> list[str]:
    return [sys.executable, "-c", DRIVER.format(root=str(ROOT), child=child, before=before, options=options)]


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that a test starts, each in a group of its own; none is left."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


Started = list[subprocess.Popen[str]]


def start(started: Started, words: list[str]) -> subprocess.Popen[str]:
    """Start a process without a terminal."""
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started.append(process)
    return process


def ready(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Wait until the child says so."""
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


PASSED_ON = [
    pytest.param(signal.SIGTERM, [signal.SIGTERM], id="SIGTERM"),
    pytest.param(signal.SIGINT, [signal.SIGINT], id="SIGINT, where no terminal sends it"),
    pytest.param(signal.SIGHUP, [signal.SIGTERM], id="SIGHUP, which servers take for reload"),
]


@pytest.mark.parametrize(("sent", "came"), PASSED_ON)
def test_signal_reaches_the_child(started: Started, sent: signal.Signals, came: list[signal.Signals]) -> None:
    process = ready(start(started, driver(NOTING)))
    process.send_signal(sent)
    out, err = process.communicate(timeout=15)
    assert out == f"came {' '.join(str(int(number)) for number in came)}\n"
    assert process.returncode == 100 + sum(came)
    assert "Traceback" not in err


# A signal that we sent as well would come a moment after the terminal's own, and not be lost in it.
LATE = """
import subprocess, time
send = subprocess.Popen.send_signal
subprocess.Popen.send_signal = lambda child, number: (time.sleep(0.15), send(child, number))
"""


def test_ctrl_c_at_a_terminal_reaches_the_child_once() -> None:
    command_, *words = driver(NOTING, before=LATE)
    terminal = pexpect.spawn(command_, words, encoding="utf-8", timeout=15)
    terminal.expect_exact("ready\r\n")
    terminal.sendintr()
    terminal.expect_exact("came 2\r\n")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 102


# Starts a process that would outlive it, as pip does.
FAMILY = """
import subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
print("ready", flush=True)
time.sleep(30)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGHUP])
def test_unattended_command_is_ended_quietly_with_all_it_started(started: Started, sent: signal.Signals) -> None:
    process = ready(start(started, driver(FAMILY, unattended=True)))
    process.send_signal(sent)
    out, err = process.communicate(timeout=25)  # returns once nobody holds the other end of its pipes any more
    assert process.returncode == 128 + sent
    assert out == ""
    assert one_sentence(err.splitlines()[-1]) == running.INTERRUPTED
    assert "Traceback" not in err


@pytest.mark.parametrize(("unattended", "read"), [(True, ""), (False, "typed\n")], ids=["unattended", "attended"])
def test_unattended_command_has_nobody_to_ask(unattended: bool, read: str) -> None:
    words = driver("import sys; print(repr(sys.stdin.read()))", unattended=unattended)
    ended = subprocess.run(words, input="typed\n", capture_output=True, text=True, timeout=15, check=True)
    assert ended.stdout == f"{read!r}\n"


def touching(path: Path) -> running.CleanUp:
    """Return a clean-up that writes a file, which says if the command was cut off."""
    return lambda cut_off=False: path.write_text("cut off" if cut_off else "")


def test_command_that_a_signal_did_not_end_is_put_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SIGNAL_PATIENCE", 0.2)
    down = tmp_path / "down"
    deaf = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); down = {str(down)!r}; "
    deaf += "[time.sleep(0.02) for _ in iter(lambda: os.path.exists(down), True)]; sys.exit(3)"
    Timer(0.4, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert ends(python(deaf), clean_up=touching(down))[0] == 3
    assert down.read_text() == "cut off"


def test_command_that_failed_of_itself_was_not_cut_off(tmp_path: Path) -> None:
    assert ends(python("sys.exit(3)"), clean_up=touching(tmp_path / "down"))[0] == 3
    assert (tmp_path / "down").read_text() == ""


# The machine may send a signal at any moment: here, just after the child has started.
AT_ONCE = """
import os, signal, subprocess
class Popen(subprocess.Popen):
    def __init__(self, *words, **options):
        super().__init__(*words, **options)
        os.kill(os.getpid(), signal.{name})
subprocess.Popen = Popen
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("unattended", [True, False], ids=["unattended", "attended"])
def test_signal_at_the_moment_of_the_start_leaves_nothing_running(
    started: Started, name: str, unattended: bool
) -> None:
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    words = driver(child, before=AT_ONCE.format(name=name), unattended=unattended)
    process = start(started, words)
    process.communicate(timeout=50)
    assert process.returncode != 0
