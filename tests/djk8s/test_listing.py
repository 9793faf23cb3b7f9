"""`inv steps`: the whole list, in the order of tasks.py, with one or two lines for each step and place."""

import ast
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

import tasks
from djk8s import git, listing
from djk8s.project import Project
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
        assert re.match(r"      (host|container|compose|cluster) +\S", lines[0]), step


def test_list_has_what_is_configured(inv: Inv) -> None:
    shown = inv("steps", INVOKE_ENGINE="podman", INVOKE_PORT="6545", INVOKE_IMAGE="other", INVOKE_PROJECT="mine").stdout
    assert "podman run" in shown
    assert "docker run" not in shown
    assert "PORT=6545" in shown
    assert "other:latest" in shown
    assert re.search(r"project=mine-[0-9a-f]{6}\b", shown)


@pytest.mark.posix("gunicorn")
def test_the_lines_are_those_of_dry(inv: Inv, project: Project, shell: pytest.MonkeyPatch) -> None:
    """The list has the commands that the steps run, but for the revision of an image.

    CONTAINER, COMMAND and `python3` stand for what is not known before.
    """
    shell.setattr(git, "revision", lambda _: "")
    listed = {
        name: {line for whole in listing.lines(project, places).values() for line in whole}
        for name, places in listing.commands(project).items()
    }
    for step in ("build", "ps", "logs", "stop", "down", "up", "lock"):
        printed = inv("--dry", step).stdout.splitlines()
        assert set(printed) <= listed[step], step
    serve = inv("--dry", "serve").stdout.splitlines()
    assert set(serve[1:]) <= listed["venv"] | listed["install"] | listed["serve"]


FITTED = [
    (["docker run " + "-e A " * 12 + "image"], ["docker run " + "-e A " * 10 + "\\", "  -e A -e A image"]),
    (["docker run " + "-e A " * 24 + "image"], ["docker run " + "-e A " * 10 + "…", "  -e A -e A image"]),
    (["echo " + "x " * 26 + "'a  b' last"], ["echo " + "x " * 26 + "\\", "  'a  b' last"]),
    (["one", "two", "three"], ["one", "two"]),
    (["a " * 40 + "b", "two"], ["a " * 30 + "… b", "two"]),
]


@pytest.mark.parametrize(("whole", "shown"), FITTED)
def test_place_has_two_lines_at_most(whole: list[str], shown: list[str]) -> None:
    assert listing.fitted(whole) == shown


def test_list_is_short_and_fits_a_terminal(elsewhere: Inv) -> None:
    lines = elsewhere("steps").stdout.splitlines()
    assert len(lines) > 50
    assert [line for line in lines if len(line) > 80 and sys.executable not in line] == []
    heads = [number for number, line in enumerate(lines) if re.match(r" {6}(host|container|compose|cluster) |$", line)]
    assert {after - head for head, after in itertools.pairwise(heads) if lines[head]} <= {1, 2}


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
