"""The `inv` script: what it needs, what it says where that is missing, and how it recovers; in copies."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pexpect
import pytest

from djk8s.cli.program import hand_over
from support import ROOT, one_sentence, wait_until
from terminal import tools_stamp

Program = Callable[[str, str], Path]
Ended = subprocess.CompletedProcess[str]

# Settings for other installations than ours: tests/djk8s/test_installer.py has more.
STRANGE = {"PIP_USER": "1", "PIP_TARGET": "elsewhere", "PIP_CONSTRAINT": "none.txt", "UV_CONSTRAINT": "none.txt"}
STRANGE_FILE = "[global]\nuser = true\nprefix = elsewhere\nconstraint = none.txt\n"
DOING = "./inv: installing Invoke, Nox and their helpers into .tools/"
NO_INDEX = {
    "PIP_INDEX_URL": "http://127.0.0.1:9",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_RETRIES": "0",
    "PIP_CONFIG_FILE": os.devnull,
}


def wrapped(copy: Path, *words: str, cwd: Path | None = None, **environment: str) -> Ended:
    """Type `./inv …` in a copy."""
    return ended([sys.executable, str(copy / "inv"), *words], cwd or copy, **environment)


def ended(words: list[str], cwd: Path, **environment: str) -> Ended:
    surroundings = {**os.environ, **environment}
    return subprocess.run(
        words, cwd=cwd, env=surroundings, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )


def load(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the script, which has no `.py` to its name."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = importlib.machinery.SourceFileLoader("wrapper", str(path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def wrapper(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load(ROOT / "inv", monkeypatch)


def refusal(refusing: Callable[[], object]) -> str:
    with pytest.raises(SystemExit) as refused:
        refusing()
    return one_sentence(str(refused.value.code))  # Python prints it and exits with 1


def pretend(wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch, *version: int) -> None:
    """Let the script believe that another Python runs it."""
    monkeypatch.setattr(wrapper, "sys", SimpleNamespace(version_info=version, exit=sys.exit))


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 6, 15), (2, 7, 18)], ids=str)
def test_old_python_is_refused(
    wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: tuple[int, ...]
) -> None:
    pretend(wrapper, monkeypatch, *version)
    monkeypatch.setenv("PATH", str(tmp_path))
    sentence = refusal(wrapper.check_python)
    assert sentence.endswith(
        f"this is Python {version[0]}.{version[1]}, and the project needs 3.10 or newer: install a newer one."
    )


def test_old_python_names_a_newer_one_that_runs(
    wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch, program: Program
) -> None:
    pretend(wrapper, monkeypatch, 3, 9, 18)
    program("bin/python3.14", "echo 'pyenv: python3.14: command not found'; exit 127")
    folder = program("bin/python3.12", "exit 0").parent
    program("bin/python3.10", "exit 0")
    monkeypatch.setenv("PATH", str(folder))
    assert refusal(wrapper.check_python).endswith("type `python3.12 inv`.")


@pytest.mark.parametrize("version", [(3, 10, 0), (3, 14, 1), (4, 0, 0)], ids=str)
def test_newer_python_will_do(wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]) -> None:
    pretend(wrapper, monkeypatch, *version)
    assert wrapper.check_python() is None


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_no_venv_module_is_refused_with_the_package(
    wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert "no venv module: install it (Debian and Ubuntu: apt install python3-venv)" in refusal(wrapper.check_python)


def old_pythons() -> dict[str, str]:
    """Return the old Pythons that run here, mostly none: the programs themselves, not what launches them."""
    names = ["python3.9", "python3.8", "python3.6", "python2.7"]
    kept = sorted(Path(os.environ.get("PYENV_ROOT", "/nowhere")).glob("versions/*/bin/python"))
    ask = "import sys; print(sys.executable if sys.version_info < (3, 10) else '')"
    asked = [ended([name, "-c", ask], ROOT) for name in [*filter(shutil.which, names), *map(str, kept)]]
    found = sorted({answer.stdout.strip() for answer in asked if answer.returncode == 0} - {""})
    return {f"{Path(program).parent.parent.name} {Path(program).name}": program for program in found}


OLD_PYTHONS = old_pythons()


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python older than 3.10 is here; the test above pretends one")
@pytest.mark.parametrize("python", OLD_PYTHONS.values(), ids=OLD_PYTHONS.keys())
@pytest.mark.parametrize("tools", ["without .tools", "with broken .tools"])
def test_really_old_python_is_refused(checkout: Path, python: str, tools: str) -> None:
    if tools == "with broken .tools":
        (checkout / ".tools" / "bin").mkdir(parents=True)
        (checkout / ".tools" / "bin" / "python").touch()
    refused = ended([python, str(checkout / "inv"), "steps"], checkout, PATH="/nowhere")
    assert "and the project needs 3.10 or newer" in one_sentence(refused.stderr)
    assert refused.returncode == 1


def tools_of(project: Path) -> Path:
    """Make something that looks like .tools/, and return the file that says whether it is complete."""
    (project / ".tools" / "bin").mkdir(parents=True)
    (project / ".tools" / "bin" / "python").symlink_to(sys.executable)
    (project / ".tools" / "complete").write_text(tools_stamp(project), encoding="utf-8")
    return project / ".tools" / "complete"


PYTHON = os.path.realpath(sys.executable)
STAMPS = [
    pytest.param(r"\Z", "", True, id="of these pins and this Python"),
    pytest.param(r"^uv==\S+", "uv==0.1", False, id="of another uv"),
    pytest.param(r"^invoke==\S+", "invoke==0.1", False, id="of another Invoke"),
    pytest.param(rf"\A{re.escape(PYTHON)}", "/usr/bin/another", False, id="of another Python"),
    pytest.param(r"(?s).+", "", False, id="empty"),
]


@pytest.mark.parametrize(("pattern", "instead", "ready"), STAMPS)
def test_tools_are_ready_only_with_the_stamp(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, instead: str, ready: bool
) -> None:
    complete = tools_of(checkout)
    text, found = re.subn(pattern, instead, complete.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    assert found == 1
    complete.write_text(text, encoding="utf-8")
    copy = load(checkout / "inv", monkeypatch)
    assert copy.ready() is ready
    complete.unlink()
    assert not copy.ready()


def test_tools_without_their_python_are_not_ready(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools_of(checkout)
    python = checkout / ".tools" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    assert not load(checkout / "inv", monkeypatch).ready()


def test_old_python_can_read_it() -> None:
    """Python 2 takes a file for ASCII unless its first two lines say otherwise: https://peps.python.org/pep-0263/"""
    lines = (ROOT / "inv").read_text(encoding="utf-8").splitlines()
    assert any(re.match(r"#.*coding: utf-8", line) for line in lines[:2])


def test_completion_sets_up_nothing(checkout: Path) -> None:
    completed = wrapped(checkout, "--complete", "--", "inv", "ser")
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, "", "")
    assert not (checkout / ".tools").exists()


def test_completion_of_an_inv_from_elsewhere_sets_up_nothing(checkout: Path) -> None:
    completed = ended([sys.executable, "-m", "invoke", "--complete", "--", "inv", ""], checkout / "src")
    assert "serve" in completed.stdout.split()
    assert not (checkout / ".tools").exists()


def test_file_in_the_place_of_the_tools_is_one_sentence(checkout: Path) -> None:
    (checkout / ".tools").write_text("mine")
    refused = wrapped(checkout, "steps")
    assert "could not be installed" in one_sentence(refused.stderr.split("\n", 1)[1])
    assert refused.returncode == 1


# One copy is set up where no index answers. Meanwhile another is interrupted, and then two at once find what that left.


def clone(folder: Path) -> Path:
    """Copy what a first time needs, to a path that a shell would take apart."""
    copy = folder / "a $HOME 'copy' ü"
    shutil.copytree(ROOT / "djk8s", copy / "djk8s", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "src").mkdir()
    for name in ("inv", "tasks.py", "requirements*.txt", "Dockerfile", ".env.example"):
        for file in ROOT.glob(name):
            shutil.copy(file, copy)
    return copy


def typed(copy: Path, **environment: str) -> subprocess.Popen[str]:
    """Type `./inv --version` in a process group of its own, as a shell does, and do not wait for it."""
    return subprocess.Popen(
        [sys.executable, str(copy / "inv"), "--version"],
        cwd=copy,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end_of(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.Popen[str]]:
    """A copy, and an `./inv` in it that reaches no index."""
    copy = clone(tmp_path_factory.mktemp("offline"))
    return copy, typed(copy, **NO_INDEX)


@pytest.fixture(scope="module")
def online(tmp_path_factory: pytest.TempPathFactory, offline: object) -> Path:
    """A copy in which .tools/ is set up for real, once: the tests of this module that need it share it."""
    copy = clone(tmp_path_factory.mktemp("online"))
    (copy / "pip.conf").write_text(STRANGE_FILE)
    return copy


@pytest.fixture(scope="module")
def interrupted(online: Path) -> Ended:
    """The end of one that Ctrl-C interrupts, from a terminal: the signal reaches every process of the group."""
    process = typed(online)
    wait_until((online / ".tools" / "pyvenv.cfg").exists, 20)
    os.killpg(process.pid, signal.SIGINT)
    return end_of(process)


@pytest.fixture(scope="module")
def both(online: Path, interrupted: Ended) -> list[Ended]:
    """The ends of two that are typed at once after that, by somebody with strange settings of pip and uv."""
    strange = {**STRANGE, "PIP_CONFIG_FILE": str(online / "pip.conf")}
    processes = [typed(online, **strange), typed(online, **strange)]
    return [end_of(process) for process in processes]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a terminal of 80 columns shows of a first time; no index answers, so that it ends soon."""
    copy = clone(tmp_path_factory.mktemp("watched"))
    surroundings = {name: value for name, value in {**os.environ, **NO_INDEX}.items() if name != "CI"}
    terminal = pexpect.spawn(
        sys.executable,
        [str(copy / "inv"), "--version"],
        cwd=str(copy),
        env={**surroundings, "TERM": "xterm"},
        dimensions=(24, 80),
        encoding="utf-8",
        timeout=120,
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 1
    return str(terminal.before)


def test_terminal_shows_for_how_long_it_takes_in_one_line(watched: str) -> None:
    line, *others = watched.split("\r\n")
    first, *moments = line.split("\r")
    assert first == ""
    shown = [re.fullmatch(rf"{re.escape(DOING)} … (\d+) s", moment) for moment in moments]
    seconds = [int(moment[1]) for moment in shown if moment]
    assert len(seconds) == len(moments) >= 2
    assert seconds == sorted(seconds)
    assert seconds[0] == 0
    assert len(f"{DOING} … 999 s") <= 80
    assert "name one in PIP_INDEX_URL" in "".join(others)
    assert not re.search(r"[\x00-\x1f]", "".join(others))  # no colour, and nothing moves the cursor


TERMINAL = {"TERM": "xterm", "CI": ""}
WATCHED = [(TERMINAL, True, True), (TERMINAL, False, False)]
WATCHED += [({**TERMINAL, "TERM": "dumb"}, True, False), ({**TERMINAL, "CI": "true"}, True, False)]


@pytest.mark.parametrize(("environment", "terminal", "rewritable"), WATCHED)
def test_line_is_written_anew_only_on_a_terminal_that_is_watched(
    wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], terminal: bool, rewritable: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: terminal))
    assert wrapper.rewritable() is rewritable


def test_interruption_is_one_sentence(interrupted: Ended) -> None:
    _, *rest = interrupted.stderr.splitlines()
    assert one_sentence("\n".join(rest)) == "./inv: interrupted; the next ./inv starts this again."
    assert interrupted.returncode == 130


def test_next_try_repairs_and_two_at_once_do_it_once(online: Path, both: list[Ended]) -> None:
    assert [one.returncode for one in both] == [0, 0], both
    assert all(one.stdout.startswith("Invoke ") for one in both)
    said = [line for one in both for line in one.stderr.splitlines()]
    assert sum(line.startswith(f"{DOING} …") for line in said) == 1
    assert said.count("./inv: another ./inv is setting up .tools/; waiting for it …") == 1
    assert len([line for line in said if line.startswith("./inv: done in ")]) == 1
    assert (online / ".tools" / "complete").exists()


def test_tools_are_the_pinned_ones(online: Path, both: list[Ended]) -> None:
    pins = tools_stamp(online)
    list_them = "import importlib.metadata as m; [print(m.version(n)) for n in ('invoke', 'nox', 'uv')]"
    versions = ended([str(online / ".tools/bin/python"), "-I", "-c", list_them], online).stdout.split()
    names = zip(("invoke", "nox", "uv"), versions, strict=True)
    assert all(f"\n{name}=={version} " in pins for name, version in names)


@pytest.mark.parametrize("folder", [".", "src"])
def test_every_word_is_handed_over(online: Path, both: list[Ended], folder: str) -> None:
    words = ["--dry", "manage", "--", "a  b", "$HOME", "", "--port", "'"]
    other = online / "other"  # a PYTHONPATH that is meant for something else
    other.mkdir(exist_ok=True)
    (other / "invoke.py").write_text("raise SystemExit('not the pinned one')")
    said = wrapped(online, *words, cwd=online / folder, INVOKE_VENV="/nowhere/venv", PYTHONPATH=str(other))
    assert said.returncode == 0, said.stderr
    assert said.stdout.rstrip(")\n").endswith(""" manage.py 'a  b' '$HOME' '' --port ''"'"''""")
    assert "installing" not in said.stderr


@pytest.mark.parametrize("folder", [".", "src"])
def test_inv_from_elsewhere_becomes_the_projects_own(online: Path, both: list[Ended], folder: str) -> None:
    said = ended([sys.executable, "-m", "invoke", "--dry", "lint"], online / folder)
    assert said.returncode == 0, said.stderr
    assert ".tools/bin/python -m nox --session lint" in said.stdout


def test_exit_code_and_refusal_are_passed_on(online: Path, both: list[Ended]) -> None:
    refused = wrapped(online, "serve", "--port", "abc")
    assert "'abc' is not a port" in one_sentence(refused.stderr)
    assert refused.returncode == 1


def test_index_out_of_reach_is_one_sentence_with_the_remedy(offline: tuple[Path, subprocess.Popen[str]]) -> None:
    copy, process = offline
    said = end_of(process)
    first, *rest = said.stderr.splitlines()
    assert first == f"{DOING} …"
    assert "name one in PIP_INDEX_URL; then type it again." in one_sentence("\n".join(rest))
    assert said.returncode == 1
    assert said.stdout == ""
    assert (copy / ".tools").exists()
    assert not (copy / ".tools" / "complete").exists()  # so the next try starts clean


HEAVY = {"subprocess", "threading", "fcntl", "venv", "ensurepip", "shutil", "tempfile", "pathlib", "re", "invoke"}


def test_ready_wrapper_imports_nothing_heavy(online: Path, both: list[Ended]) -> None:
    words = [sys.executable, "-X", "importtime"]
    at_start = imported(ended([*words, "-c", ""], online))
    before_it_hands_over = imported(ended([*words, str(online / "inv"), "--version"], online))
    assert "os" in before_it_hands_over
    assert not HEAVY & (before_it_hands_over - at_start)


def imported(run: Ended) -> set[str]:
    """Return the modules that -X importtime tells of."""
    assert run.returncode == 0, run.stderr
    return {line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if line.startswith("import time:")}


class HandOverError(Exception):
    """Instead of becoming another program."""


IS_INVOKE = ["/usr/bin/inv", "/usr/bin/invoke", "inv", "C/inv.exe", "/lib/site-packages/invoke/__main__.py"]
IS_NOT = ["/usr/bin/pytest", "/lib/site-packages/pytest/__main__.py", "-c", "/usr/bin/nox", "", "__main__.py"]


@pytest.mark.parametrize("program", IS_INVOKE)
def test_invoke_from_elsewhere_hands_over(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    became: list[object] = []

    def execv(*words: object) -> None:
        became.extend(words)
        raise HandOverError

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setattr(sys, "argv", [program, "shell", "--", "a  b"])
    with pytest.raises(HandOverError):
        hand_over(ROOT)
    assert became == [sys.executable, [sys.executable, str(ROOT / "inv"), "shell", "--", "a  b"]]


@pytest.mark.parametrize("program", IS_NOT)
def test_others_only_import_the_tasks(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(os, "execv", None)
    monkeypatch.setattr(sys, "argv", [program])
    hand_over(ROOT)
    assert sys.argv == [program]


def test_projects_own_invoke_stays_and_completion_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "execv", None)
    monkeypatch.setattr(sys, "argv", ["inv", "--complete", "--", "inv"])
    hand_over(ROOT)
    monkeypatch.setattr(sys, "argv", ["inv", "serve"])
    monkeypatch.setattr(sys, "prefix", str(ROOT / ".tools"))
    hand_over(ROOT)
    assert os.execv is None
