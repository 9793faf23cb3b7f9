"""`inv doctor`: check everything that the list needs, and say how to mend what is wrong.

A check is a function in a module of this package and a line in one of the tables here. It returns a `Finding`, or
raises the `Exit` with which a step of the list would end, which counts as wrong.
"""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from invoke import Exit

from djk8s.doctor import cluster, dotenv, engine, files, ports, python
from djk8s.doctor.finding import FINE, NOTE, WRONG, Finding, note, wrong
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.talk import refuse, takes_colours

Checks = Mapping[str, Callable[[], Finding]]

# Run only after the engine has answered: while one is silent, each of these would wait in vain.
ENGINE: dict[str, Callable[[Project], Finding]] = {
    "BuildKit": engine.buildkit,
    "Compose": engine.compose_version,
    "disk": engine.disk,
    "base image": engine.base,
    "image": engine.image_built,
    "left over": engine.left_over,
}
WIDTH = 80
NAME = 10  # characters of the longest name
NO_BREAK = "\N{NO-BREAK SPACE}"
COLOURS = {FINE: 32, NOTE: 33, WRONG: 31}


def checks(project: Project, env: EnvFile) -> Checks:
    """Return the checks that need no engine, in order."""
    return {
        "Python": partial(python.version, project),
        "venv": partial(python.environment, project),
        "packages": partial(python.installed, project),
        ".env": partial(dotenv.values, env),
        "settings": partial(dotenv.settings, env),
        ".env mode": partial(dotenv.mode, env),
        ".env kept": partial(dotenv.kept, env),
        "port": partial(ports.served, env),
        "port of up": partial(ports.up, project),
        "entrypoint": partial(files.entrypoint, project),
        "owners": partial(files.owners, project),
    }


def examine(project: Project, as_json: bool, to: str | None = None, context: str | None = None) -> None:
    """Print the result of each check; raises `Exit` with code 1 if a step of the list would fail.

    With `to`, the checks are those of a deployment there.
    """
    found = []
    for name, finding in results(project) if to is None else results_there(cluster.place(project, to, context)):
        found.append((name, finding))
        if not as_json:
            print(line(name, finding), flush=True)
    if as_json:
        print(json.dumps([{"check": name, **finding._asdict()} for name, finding in found], indent=2))
    count = sum(finding.state == WRONG for _, finding in found)
    if count:
        works = "every step of the list" if to is None else f"`inv deploy --to {to}`"
        refuse(f"{count} thing{'s' * (count > 1)} to mend before {works} works, see above.")


def results(project: Project) -> Iterator[tuple[str, Finding]]:
    """Yield the result of each check, in order; they run side by side."""
    env = EnvFile(project)
    with suppress(Exit):  # the check of .env reports it
        env.values  # noqa: B018 - read once, before several threads ask for it
    local = checks(project, env)
    with ThreadPoolExecutor(len(local) + len(ENGINE)) as pool:
        answers = pool.submit(look, partial(engine.answers, project))
        yield from zip(local, pool.map(look, local.values()), strict=True)
        yield "engine", answers.result()
        if answers.result().state == WRONG:
            yield from ((name, note("Not looked at: the engine does not answer.")) for name in ENGINE)
        else:
            yield from zip(ENGINE, pool.map(look, (partial(check, project) for check in ENGINE.values())), strict=True)


def results_there(place: cluster.Place) -> Iterator[tuple[str, Finding]]:
    """Yield the result of each check of a deployment, in order."""
    there = look(partial(cluster.answers, place))
    yield "context", there
    for name, check in cluster.checks(place).items():
        yield name, note("Not looked at: the context does not answer.") if there.state == WRONG else look(check)


def look(check: Callable[[], Finding]) -> Finding:
    """Return the result of a check; what would end a step is wrong, and so is what cannot be checked."""
    try:
        return check()
    except Exit as end:
        return wrong(end.message or f"It ends with exit code {end.code}.")
    except (OSError, subprocess.SubprocessError) as error:
        return wrong(f"It cannot be looked at: {error}.")


def line(name: str, finding: Finding) -> str:
    """Return a result as a person reads it, folded to a terminal of 80 columns."""
    head = f"{finding.state:5}  {name:{NAME}}  "
    folds = textwrap.TextWrapper(WIDTH, head, " " * len(head), break_long_words=False, break_on_hyphens=False)
    # A command stays on one line, so that it can be copied.
    says = re.sub(r"`[^`]+`", lambda command: command[0].replace(" ", NO_BREAK), finding.says)
    text = folds.fill(says).replace(NO_BREAK, " ")
    if not takes_colours(sys.stdout):
        return text
    return f"\033[{COLOURS[finding.state]}m{finding.state}\033[0m{text[len(finding.state) :]}"
