"""The Instructions List as `inv steps` prints it: each step with the command behind it in each place."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from djk8s import dockerfile, engine, nox, ports
from djk8s.cluster import registry
from djk8s.compose import database, stack
from djk8s.container import image, site
from djk8s.host import server, venv
from djk8s.packages import locking
from djk8s.project import Project
from djk8s.shell.command import Command

WIDTH = 63  # 80 columns less the indent
MOST = 2  # lines for a step in a place
NO_BREAK = "\N{NO-BREAK SPACE}"
Places = Mapping[str, Sequence[Command | str]]


def commands(project: Project) -> dict[str, Places]:
    """Return, for each task in order, the commands behind it in each place that has any."""
    names = dict.fromkeys(["SECRET_KEY"], "")
    port = ports.parse(project.port, "port")
    published = ports.Published("127.0.0.1", port)
    latest = image.name(project, None)
    box = dockerfile.steps(project)
    manage = ("python", "manage.py", "COMMAND")
    pushed = f"{registry.repository(project, None) or f'registry.example.com/team/{project.image}'}:REVISION"
    one, dumped = "CONTAINER", ("CONTAINER", Path("FILE"))
    return {
        "venv": {
            "host": [venv.make_command(project, "python3"), venv.pip_command(project)],
            "container": box.get("venv", []),
        },
        "install": {"host": [venv.install_command(project)], "container": box.get("install", [])},
        "env": {
            "host": [f"(writes {project.shown(project.env_file)} from {project.shown(project.env_example)})"],
            "container": ["--env SECRET_KEY …, by name, from .env"],
            "compose": ["env_file: .env, in docker-compose.yaml"],
        },
        "serve": {
            "host": [server.collect_command(project, {}), server.serve_command(project, port, {})],
            "container": box.get("serve", []),
        },
        "build": {"container": [image.build_command(project)], "compose": ["build: ., in docker-compose.yaml"]},
        "run": {"container": [site.run_command(project, latest, port, published, names, False)]},
        "shell": {"container": [engine.exec_command(project, one)]},
        "ps": {"container": [site.ps_command(project)]},
        "logs": {"container": [site.logs_line(project)]},
        "stop": {"container": [site.stop_line(project), site.prune_command(project)]},
        "up": {"compose": [stack.up_command(project)]},
        "down": {"compose": [stack.down_command(project)]},
        "push": {"cluster": [registry.tag_command(project, pushed), registry.push_command(project, pushed)]},
        "deploy": {"cluster": ["docker stack deploy …, after a migration: `inv --dry deploy` shows it all"]},
        "rollback": {"cluster": ["docker stack deploy …, of the version before"]},
        "status": {"cluster": ["(asks the engine what is deployed)"]},
        "db-dump": {"compose": [database.dump_command(project, *dumped)]},
        "db-restore": {"compose": [database.read_command(project, *dumped), database.restore_command(project, one)]},
        "db-upgrade": {
            "compose": ["pg_dump of the older one, and psql of the newer: `inv --dry db upgrade` shows it all"]
        },
        "db-shell": {"compose": [engine.exec_command(project, one, database.PSQL)]},
        "backup": {"compose": ["docker compose … run … backup backup: `inv --dry backup` shows it all"]},
        "restore": {"compose": ["docker compose … run … backup restore latest"]},
        "clean": {
            "host": ["(with --venv, removes venv/)"],
            "container": [f"(removes all with the label {project.label})"],
            "compose": ["(the same, and what Compose made)"],
        },
        "doctor": {"host": ["(looks at what each step needs)"]},
        "manage": {
            "host": [server.manage_command(project, ("COMMAND",), {})],
            "container": [site.once_command(project, latest, manage, names)],
            "compose": [engine.exec_command(project, one, manage)],
        },
        "lock": {"host": list(locking.commands(project))},
        "test": {"host": [nox.test_command()]},
        "new": {"host": ["djk8s new NAME FOLDER"]},
        "adopt": {"host": ["djk8s adopt FOLDER"]},
        "lint": {"host": [nox.command("--session", "lint")]},
        "bench": {"container": [nox.bench_command()]},
    }


def lines(project: Project, places: Places) -> dict[str, list[str]]:
    """Return the whole lines of a step in each place."""
    return {
        place: [found.line(project.root) if isinstance(found, Command) else found for found in all_of_them]
        for place, all_of_them in places.items()
    }


def text(project: Project, help_lines: Mapping[str, str]) -> str:
    """Return the whole list, numbered; `help_lines` has the first line of the docstring of each task that is there."""
    parts = ["The Instructions List: each step, and the command behind it in each place.\n"]
    known = {task: places for task, places in commands(project).items() if task in help_lines}
    for number, (task, places) in enumerate(known.items(), start=1):
        parts += [f"{number:2}. inv {task}", f"      {help_lines[task]}"]
        for place, whole in lines(project, places).items():
            heads = [place, *[""] * MOST]
            parts += [f"      {head:11}{line}" for head, line in zip(heads, fitted(whole), strict=False)]
        parts.append("")
    parts.append("`inv --help TASK` shows the options of a step, `inv --dry TASK` its commands,\nwithout `…`.")
    return "\n".join(parts)


def fitted(whole: Sequence[str]) -> list[str]:
    """Return at most two lines that fit a terminal of 80 columns; `…` stands for what is left out."""
    return folded(whole[0]) if len(whole) == 1 else [shortened(line) for line in whole[:MOST]]


def folded(line: str) -> list[str]:
    """Return a line on two lines if it does not fit on one, without its middle if it is longer."""
    if len(line) <= WIDTH:
        return [line]
    first, *middle, last = wrapped(line, WIDTH - 2)
    return [f"{first} …" if middle else f"{first} \\", f"  {last}"]


def shortened(line: str) -> str:
    """Return a line without words of its middle, if it does not fit."""
    last = line.split()[-1]
    return line if len(line) <= WIDTH else f"{wrapped(line, max(1, WIDTH - len(last) - 3))[0]} … {last}"


def wrapped(line: str, width: int) -> list[str]:
    """Wrap a line at its spaces, but not at those within quotes."""
    kept = re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: quoted[0].replace(" ", NO_BREAK), line)
    parts = textwrap.wrap(kept, width, break_long_words=False, break_on_hyphens=False)
    return [part.replace(NO_BREAK, " ") for part in parts]
