"""What the tasks, the list behind them and .env.example say, as pages in Markdown."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from invoke import Config, Context, Task
from invoke.parser import Argument

import tasks
from djk8s import listing
from djk8s.project import Project

GROUPS = ("db",)  # of tasks, whose name is the first word that is typed


def commands(root: Path) -> str:
    """Return a section for each task, in the order of the list: what it does, its flags, and what it runs."""
    defaults = {**Config.global_defaults(), **tasks.ns.configuration()}
    context = Context(Config(defaults=defaults, lazy=True))
    project = replace(Project.of(context, root), checkout="CHECKOUT")
    behind = listing.commands(project)
    sections = (section(name, tasks.ns[name], listing.lines(project, behind[name])) for name in behind)
    this_one = os.path.relpath(sys.executable, root)  # which makes these pages, and runs no task
    return "\n".join(line for lines in sections for line in lines).replace(this_one, ".tools/bin/python")


def section(name: str, task: Task[Callable[..., object]], places: dict[str, list[str]]) -> Iterator[str]:
    """Yield the lines about a task, and about what it runs in each place."""
    group, _, rest = name.partition("-")
    yield f"## inv {f'{group} {rest}' if group in GROUPS else name}\n"
    yield f"{' '.join((task.__doc__ or '').split())}\n"
    if flags := [row(one) for one in task.get_arguments()]:
        yield from ("| | |", "|---|---|", *flags, "")
    if places:
        longest = max(map(len, places))
        yield from ("```text", *(f"{place:{longest}}  {line}" for place in places for line in places[place]), "```", "")


def row(argument: Argument) -> str:
    """Return a row about a flag, or a word that is typed without one."""
    long, *short = argument.names
    words = [long.upper()] if argument.positional and argument.kind is not list else []
    words = words or [f"--{long}", *(f"-{letter}" for letter in short)]
    return f"| {', '.join(f'`{word}`' for word in words)} | {(argument.help or '').replace('|', chr(92) + '|')} |"


def settings(root: Path) -> str:
    """Return a section for each setting of .env.example, with its comment and its line there."""
    _, *blocks = (root / ".env.example").read_text(encoding="utf-8").split("\n\n")
    return "\n".join(
        line for block in blocks for comment, lines in described(block) for line in setting(comment, lines)
    )


def described(block: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each comment of a block, with the lines of the settings that follow it."""
    for part in re.findall(r"((?:# .*\n)*?)((?:(?:# )?[A-Z][A-Z0-9_]*=.*(?:\n|\Z))+)", block):
        yield " ".join(part[0].replace("# ", "").split()), part[1].replace("# ", "").splitlines()


def setting(comment: str, lines: list[str]) -> Iterator[str]:
    """Yield the lines about one setting, or those that share a comment."""
    yield f"### {', '.join(line.partition('=')[0] for line in lines)}\n\n{comment}\n"
    yield "\n".join(("```bash", *lines, "```", ""))
