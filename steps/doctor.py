"""`inv doctor`: look at everything that the list needs, and say of each whether it is fine or how to mend it.

A check is a function in `steps/checks/` and a line in one of the tables here. It returns what it found, or raises
the `Exit` with which a step of the list would end, which is then what is wrong.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from invoke import Exit

from steps.checks import dotenv, engine, files, ports, python
from steps.checks.found import FINE, NOTE, WRONG, Found, note, wrong
from steps.command import refuse, takes_colours
from steps.project import Project

Check = Callable[[Project], Found]
Result = tuple[str, Found]

HERE: dict[str, Check] = {
    "Python": python.version,
    "venv": python.environment,
    "packages": python.installed,
    ".env": dotenv.values,
    "settings": dotenv.settings,
    ".env mode": dotenv.mode,
    ".env kept": dotenv.kept,
    "port": ports.served,
    "port of up": ports.up,
    "entrypoint": files.entrypoint,
    "owners": files.owners,
}
# Asked only once the engine has answered: of one that is silent each would wait in vain.
ENGINE: dict[str, Check] = {
    "BuildKit": engine.buildkit,
    "Compose": engine.compose_version,
    "disk": engine.disk,
    "base image": engine.base,
    "image": engine.image_age,
    "left over": engine.left_over,
}
WIDTH = 80
NO_BREAK = "\N{NO-BREAK SPACE}"
COLOURS = {FINE: 32, NOTE: 33, WRONG: 31}
NAME = max(map(len, [*HERE, *ENGINE]))


def examine(project: Project, as_json: bool) -> None:
    """Print what each check found; raises `Exit` with code 1 if a step of the list would fail."""
    found = []
    for name, finding in results(project):
        found.append((name, finding))
        if not as_json:
            print(line(name, finding), flush=True)
    if as_json:
        print(json.dumps([{"check": name, **finding._asdict()} for name, finding in found], indent=2))
    count = sum(finding.state == WRONG for _, finding in found)
    if count:
        refuse(f"{count} thing{'s' * (count > 1)} to mend before every step of the list works, see above.")


def results(project: Project) -> Iterator[Result]:
    """Yield what the checks find, all looked at side by side, in the order of the tables."""
    with ThreadPoolExecutor(len(HERE) + len(ENGINE)) as pool:
        answers = pool.submit(look, engine.answers, project)
        here = {name: pool.submit(look, check, project) for name, check in HERE.items()}
        yield from gathered(here)
        yield "engine", answers.result()
        if answers.result().state == WRONG:
            yield from ((name, note("Not looked at: the engine does not answer.")) for name in ENGINE)
        else:
            yield from gathered({name: pool.submit(look, check, project) for name, check in ENGINE.items()})


def gathered(futures: dict[str, Future[Found]]) -> Iterator[Result]:
    for name, future in futures.items():
        yield name, future.result()


def look(check: Check, project: Project) -> Found:
    """Return what a check finds; what would end a step is wrong, and so is what cannot be looked at."""
    try:
        return check(project)
    except Exit as end:
        return wrong(end.message or f"It ends with exit code {end.code}.")
    except (OSError, subprocess.SubprocessError) as error:
        return wrong(f"It cannot be looked at: {error}.")


def line(name: str, found: Found) -> str:
    """Return a finding as a person reads it, folded to a terminal of 80 columns."""
    head = f"{found.state:5}  {name:{NAME}}  "
    folds = textwrap.TextWrapper(WIDTH, head, " " * len(head), break_long_words=False, break_on_hyphens=False)
    # A command stays on one line, to be picked up whole.
    says = re.sub(r"`[^`]+`", lambda command: command[0].replace(" ", NO_BREAK), found.says)
    text = folds.fill(says).replace(NO_BREAK, " ")
    if not takes_colours(sys.stdout):
        return text
    return f"\033[{COLOURS[found.state]}m{found.state}\033[0m{text[len(found.state) :]}"
