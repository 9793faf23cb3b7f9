"""The `inv` script: what it needs, what it says where that is missing, and how it recovers; in copies."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from steps import toolbox
from support import ROOT, one_sentence, wait_until

Program = Callable[[str, str], Path]
Ended = subprocess.CompletedProcess[str]

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
    names = ("python3.9", "python3.8", "python3.6", "python2.7")
    asked = {
        name: ended([name, "-c", "import sys; print(sys.executable)"], ROOT) for name in names if shutil.which(name)
    }
    return {name: answer.stdout.strip() for name, answer in asked.items() if answer.returncode == 0}


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


def tools_of(project: Path, stamp: str) -> None:
    """Write something that looks like .tools/."""
    (project / ".tools" / "bin").mkdir(parents=True)
    (project / ".tools" / "bin" / "python").symlink_to(sys.executable)
    (project / ".tools" / "complete").write_text(stamp, encoding="utf-8")


STAMPS = [
    pytest.param("{python}\n{pins}", True, id="of these pins and this Python"),
    pytest.param("{python}\n{pins}# changed\n", False, id="of other pins"),
    pytest.param("/usr/bin/another\n{pins}", False, id="of another Python"),
    pytest.param("", False, id="empty"),
]


@pytest.mark.parametrize(("stamp", "ready"), STAMPS)
def test_tools_are_ready_only_with_the_stamp(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, stamp: str, ready: bool
) -> None:
    pins = (checkout / "requirements-tools.txt").read_text(encoding="utf-8")
    tools_of(checkout, stamp.format(python=os.path.realpath(sys.executable), pins=pins))
    copy = load(checkout / "inv", monkeypatch)
    assert copy.ready() is ready
    (checkout / ".tools" / "complete").unlink()
    assert not copy.ready()


def test_tools_without_their_python_are_not_ready(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = (checkout / "requirements-tools.txt").read_text(encoding="utf-8")
    tools_of(checkout, f"{os.path.realpath(sys.executable)}\n{pins}")
    python = checkout / ".tools" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    assert not load(checkout / "inv", monkeypatch).ready()


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
    shutil.copytree(ROOT / "steps", copy / "steps", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "src").mkdir()
    for name in ("inv", "tasks.py", "requirements.txt", "requirements-tools.txt", "requirements-pip.txt"):
        shutil.copy(ROOT / name, copy)
    for name in ("Dockerfile", ".env.example"):
        shutil.copy(ROOT / name, copy)
    return copy


def typed(copy: Path, **environment: str) -> subprocess.Popen[str]:
    """Type `./inv --version` in a group of its own, as a shell does, and do not wait for it."""
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
    """A copy that is set up, or on the way to it, while the other one is tried."""
    return clone(tmp_path_factory.mktemp("online"))


@pytest.fixture(scope="module")
def interrupted(online: Path) -> Ended:
    """What is said when Ctrl-C comes in the middle, from a terminal: to every process of the group."""
    process = typed(online)
    wait_until((online / ".tools" / "pyvenv.cfg").exists, 20)
    os.killpg(process.pid, signal.SIGINT)
    return end_of(process)


@pytest.fixture(scope="module")
def both(online: Path, interrupted: Ended) -> list[Ended]:
    """What two say that are typed at once, after that."""
    processes = [typed(online), typed(online)]
    return [end_of(process) for process in processes]


def test_interruption_is_one_sentence(interrupted: Ended) -> None:
    _, *rest = interrupted.stderr.splitlines()
    assert one_sentence("\n".join(rest)) == "./inv: interrupted; the next ./inv starts this again."
    assert interrupted.returncode == 1


def test_next_try_repairs_and_two_at_once_do_it_once(online: Path, both: list[Ended]) -> None:
    assert [one.returncode for one in both] == [0, 0], both
    assert all(one.stdout.startswith("Invoke ") for one in both)
    assert sum(one.stderr.count("the first time here") for one in both) == 1
    assert (online / ".tools" / "complete").exists()


def test_tools_are_the_pinned_ones(online: Path, both: list[Ended]) -> None:
    pins = (online / "requirements-tools.txt").read_text(encoding="utf-8")
    list_them = "import importlib.metadata as m; [print(m.version(n)) for n in ('invoke', 'nox', 'python-dotenv')]"
    versions = ended([str(online / ".tools/bin/python"), "-I", "-c", list_them], online).stdout.split()
    names = zip(("invoke", "nox", "python-dotenv"), versions, strict=True)
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
    assert "first time" not in said.stderr


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
    assert first.startswith("./inv: the first time here: installing Invoke, Nox and python-dotenv")
    assert "name one in PIP_INDEX_URL; then type it again." in one_sentence("\n".join(rest))
    assert said.returncode == 1
    assert said.stdout == ""
    assert (copy / ".tools").exists()
    assert not (copy / ".tools" / "complete").exists()  # so the next try starts clean


def test_wrapper_costs_next_to_nothing(online: Path, both: list[Ended]) -> None:
    """At most 0.15 s: the best of some tries, so that what else the machine does is left out."""
    direct = [str(online / ".tools/bin/python"), "-I", "-m", "invoke", "--search-root", str(online), "--version"]
    through = [sys.executable, str(online / "inv"), "--version"]
    tries: list[tuple[float, float]] = []
    while len(tries) < 2 or (cost(tries) >= 0.15 and len(tries) < 8):
        tries.append((seconds(direct, online), seconds(through, online)))
    assert cost(tries) < 0.15, tries


def cost(tries: list[tuple[float, float]]) -> float:
    return min(through for _, through in tries) - min(direct for direct, _ in tries)


def seconds(words: list[str], cwd: Path) -> float:
    start = time.perf_counter()
    ended(words, cwd)
    return time.perf_counter() - start


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
        toolbox.hand_over()
    assert became == [sys.executable, [sys.executable, str(ROOT / "inv"), "shell", "--", "a  b"]]


@pytest.mark.parametrize("program", IS_NOT)
def test_others_only_import_the_tasks(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(os, "execv", None)
    monkeypatch.setattr(sys, "argv", [program])
    toolbox.hand_over()
    assert sys.argv == [program]


def test_projects_own_invoke_stays_and_completion_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "execv", None)
    monkeypatch.setattr(sys, "argv", ["inv", "--complete", "--", "inv"])
    toolbox.hand_over()
    monkeypatch.setattr(sys, "argv", ["inv", "serve"])
    monkeypatch.setattr(sys, "prefix", str(toolbox.TOOLS))
    toolbox.hand_over()
    assert os.execv is None
