"""The words: README's table, the page and the tasks say the same commands, in the same order."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import tasks
from myproj import instructions
from steps import listing
from steps.program import apart
from steps.project import Project, python_version
from support import ROOT

Agree = Callable[[object, str], None]
Text = Callable[[str], str]


@pytest.fixture
def steps() -> list[str]:
    """The tasks in order, `steps` itself first."""
    project = Project("docker", "p", "i", "8000", "u", "8001", Path("/venv"), Path("/.env"))
    return ["steps", *listing.commands(project)]


def task(words: str) -> str:
    """Return the task that words begin with, which may be typed as two: `db dump`."""
    return apart(words.split(), set(tasks.ns.task_names))[0]


def rows(readme: str) -> dict[str, str]:
    """Return the row of README's table for each task, in order: the one table whose first cells are `inv …`."""
    found: dict[str, str] = {}
    for row in re.findall(r"^\| (.*) \|$", readme, re.MULTILINE):
        for words in re.findall(r"`inv ([a-z ]+)[^`]*`", row.split(" | ")[0]):
            found.setdefault(task(words), row)
    return found


def test_readme_has_every_task_in_order(agree: Agree, text: Text, steps: list[str]) -> None:
    told = list(rows(text("README.md")))
    agree(told == steps, f"README.md has {', '.join(told)}, and `inv steps` of tasks.py {', '.join(steps)}.")


def test_readme_has_every_flag_and_no_other(agree: Agree, text: Text, steps: list[str]) -> None:
    for name, row in rows(text("README.md")).items():
        told = set(re.findall(r"--[a-z-]+[a-z]", row.split(" | ")[0]))
        arguments = tasks.ns[name].get_arguments()  # one word that has to be there is typed without its flag
        options = [argument for argument in arguments if argument.kind is list or not argument.positional]
        flags = {f"--{argument.name.strip('_').replace('_', '-')}" for argument in options}
        agree(told == flags, f"README.md has `inv {name}` with {sorted(told)}, and tasks.py with {sorted(flags)}.")


def test_every_command_that_is_told_is_one(agree: Agree, text: Text, steps: list[str]) -> None:
    for file in (
        "README.md",
        "CONTRIBUTING.md",
        "src/myproj/settings.py",
        "src/myproj/instructions.py",
        ".env.example",
    ):
        told = {task(words) for words in re.findall(r"(?:`|\./|\")inv ([a-z]+(?: [a-z]+)?)\b", text(file))}
        assert told, file
        agree(
            told <= set(steps), f"{file} tells of `inv {', '.join(told - set(steps))}`, which tasks.py does not have."
        )


def test_steps_of_the_page_are_tasks(agree: Agree, steps: list[str]) -> None:
    commands = [command for step in instructions.STEPS for command in step[1:] if command.startswith("inv ")]
    assert len(commands) >= 10
    unknown = [command for command in commands if command.split()[1] not in steps]
    agree(not unknown, f"src/myproj/instructions.py shows {', '.join(unknown)}, which tasks.py does not have.")


@pytest.mark.parametrize("place", ["host", "container", "compose"])
def test_steps_of_the_page_are_in_order(agree: Agree, steps: list[str], place: str) -> None:
    commands = [command.split()[1] for _, command in instructions.for_place(place) if command.startswith("inv ")]
    if place == "host":
        ordered = sorted(commands, key=steps.index)
        agree(commands == ordered, f"src/myproj/instructions.py has {commands} on the host, and tasks.py {ordered}.")
    served = {"host": "serve", "container": "run", "compose": "up"}[place]
    agree(
        commands[-1] == served,
        f"src/myproj/instructions.py ends with {commands[-1]}, and tasks.py serves with {served}.",
    )


def test_python_of_the_page_is_the_boxs(agree: Agree) -> None:
    shown = instructions.STEPS[0].container
    image = f"FROM python:{python_version()}-slim"
    agree(shown == image, f"src/myproj/instructions.py shows {shown!r}, and the Dockerfile is {image!r}.")


def test_readme_begins_with_the_two_commands(agree: Agree, text: Text) -> None:
    typed = re.findall(r"^    (\./inv \w+) ", text("README.md"), re.MULTILINE)
    agree(
        typed[:2] == ["./inv serve", "./inv test"], f"README.md begins with {typed[:2]}, and .ci/run types ./inv test."
    )
    agree("\n./inv test\n" in text(".ci/run"), ".ci/run does not run ./inv test, README.md's own test command.")


def test_readme_says_what_each_file_is_for(agree: Agree, text: Text) -> None:
    told = re.findall(r"`([\w./*-]+)`", "\n".join(re.findall(r"^\| (`.*?) \| ", text("README.md"), re.MULTILINE)))
    missing = [name for name in told if "/" not in name and name != "inv" and not list(ROOT.glob(name))]
    agree(not missing, f"README.md tells what {', '.join(missing)} is for, which tasks.py's folder does not have.")
