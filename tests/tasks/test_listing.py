"""`inv steps`: the whole list, in the order of tasks.py, with a line behind every step."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tasks
from steps import content, listing
from steps.project import Project
from support import ROOT

Inv = Callable[..., subprocess.CompletedProcess[str]]


def tasks_in_order() -> list[str]:
    """Return the names of the functions that are tasks, in the order of the file, but for `steps` itself."""
    body = ast.parse((ROOT / "tasks.py").read_text(encoding="utf-8")).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    return [function.name.replace("_", "-") for function in functions if function.name != "list_steps"]


def test_list_has_every_task_in_order_numbered(inv: Inv) -> None:
    steps = re.findall(r"^ ?(\d+)\. inv (\S+)$", inv("steps").stdout, re.MULTILINE)
    assert steps == [(str(number), name) for number, name in enumerate(tasks_in_order(), start=1)]
    assert {name for _, name in steps} | {"steps"} == set(tasks.ns.task_names)


def test_bare_inv_is_the_list(inv: Inv) -> None:
    assert inv().stdout == inv("steps").stdout != ""


def test_each_step_says_what_it_does_and_how(inv: Inv) -> None:
    _, *blocks = re.split(r"^ ?\d+\. ", inv("steps").stdout, flags=re.MULTILINE)
    for block in blocks:
        step, help_line, *lines = block.split("\n\n")[0].splitlines()
        doc = tasks.ns[step.split()[1]].__doc__ or ""
        assert help_line.strip() == doc.splitlines()[0]
        assert re.match(r"      (host|container|compose) +\S", lines[0]), step


def test_list_needs_no_engine_and_writes_nothing(inv: Inv, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert inv("steps", INVOKE_ENGINE="no-such-engine").returncode == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_list_has_what_is_configured(inv: Inv) -> None:
    shown = inv("steps", INVOKE_ENGINE="podman", INVOKE_PORT="6545", INVOKE_IMAGE="other", INVOKE_PROJECT="mine").stdout
    assert "podman run" in shown
    assert "docker run" not in shown
    assert "127.0.0.1:6545:6545" in shown
    assert "other:latest" in shown
    assert re.search(r"project=mine-[0-9a-f]{6}\b", shown)


@pytest.mark.parametrize("marker", ["inv venv", "inv install", "inv serve"])
def test_marker_of_the_dockerfile_has_instructions(marker: str) -> None:
    lines = listing.dockerfile(marker)
    assert lines
    assert all(re.match(r"[A-Z]+ \S", line) for line in lines)
    assert not any(line.endswith("\\") for line in lines)


def test_every_marker_of_the_dockerfile_is_a_step() -> None:
    markers = re.findall(r"^# inv (\w+): ", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert markers
    assert set(markers) <= set(tasks_in_order())


@pytest.mark.posix("gunicorn")
def test_the_lines_are_those_of_dry(inv: Inv, project: Project, shell: pytest.MonkeyPatch) -> None:
    """The list shows what the steps run, with CONTAINER, COMMAND and `python3` where only the moment can tell.

    It leaves out the labels of an image, which differ from moment to moment.
    """
    shell.setattr(content, "labels", dict)
    listed = {
        name: {line for lines in places.values() for line in lines}
        for name, places in listing.commands(project).items()
    }
    for step in ("build", "ps", "logs", "stop", "down", "up", "clean"):
        printed = inv("--dry", step).stdout.splitlines()
        assert set(printed) <= listed[step], step
    serve = inv("--dry", "serve").stdout.splitlines()
    assert set(serve[1:]) <= listed["venv"] | listed["install"] | listed["serve"]


LINES = ["short", "word " * 40, "docker run " + "--env ABCDEFGH " * 20 + "image", "x" * 100, "a " + "x" * 100 + " b"]


@pytest.mark.posix("a POSIX shell")
@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_folded_line_is_the_same_to_a_shell(line: str) -> None:
    folded = "\n".join(listing.folded(line))
    words = subprocess.run(["sh", "-c", f"printf '%s\\n' {folded}"], capture_output=True, text=True, check=True).stdout
    assert words.split() == line.split()


@pytest.mark.posix("a POSIX shell")
def test_line_is_folded_around_quotes_and_never_within() -> None:
    quoted = f"'{'a  ' * 40}'"
    assert listing.folded(f"echo {quoted} b") == ["echo \\", f"  {quoted} \\", "  b"]


def test_list_fits_a_terminal(elsewhere: Inv) -> None:
    lines = elsewhere("steps").stdout.splitlines()
    assert len(lines) > 50
    assert [
        line for line in lines if len(line) > 80 and not {"'", '"'} & set(line) and sys.executable not in line
    ] == []


# Invoke forgets a flag's help once it was asked, so this is asked of a Python of its own.
HELP = """
import json, tasks
names = tasks.ns.task_names
print(json.dumps({name: {flag.name: flag.help for flag in tasks.ns[name].get_arguments()} for name in names}))
"""


def test_every_task_and_every_flag_has_its_help() -> None:
    said = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    flags = json.loads(said)
    assert set(flags) == set(tasks.ns.task_names)
    assert [(name, flag) for name in flags for flag, text in flags[name].items() if not text] == []
    docs = [(tasks.ns[name].__doc__ or "").splitlines()[0] for name in flags]
    assert [doc for doc in docs if not re.fullmatch(r"[A-Z].*\.", doc)] == []
