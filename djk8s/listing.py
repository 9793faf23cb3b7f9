"""The Instructions List as `inv steps` prints it: each step with the command behind it in each place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from djk8s import dockerfile, engine, nox, ports
from djk8s.compose import database, stack
from djk8s.container import image, site
from djk8s.dotenv.file import EXAMPLE
from djk8s.host import server, venv
from djk8s.project import Project
from djk8s.shell.command import Command

WIDTH = 63  # 80 columns less the indent
MOST = 2  # lines for a step in a place
Places = Mapping[str, Sequence[Command | str]]


def commands(project: Project) -> dict[str, Places]:
    """Return, for each task in order, the commands behind it in each place that has any."""
    names = dict.fromkeys(["SECRET_KEY"], "")
    port = ports.parse(project.port, "port")
    published = ports.Published("127.0.0.1", port)
    latest = image.name(project, None)
    box = dockerfile.steps(project)
    manage = ("python", "manage.py", "COMMAND")
    return {
        "venv": {
            "host": [venv.make_command(project, "python3"), venv.pip_command(project)],
            "container": box.get("venv", []),
        },
        "install": {"host": [venv.install_command(project)], "container": box.get("install", [])},
        "env": {
            "host": [f"(writes {project.shown(project.env_file)} from {EXAMPLE})"],
            "container": ["--env SECRET_KEY …, by name, from .env"],
            "compose": ["env_file: .env, in docker-compose.yaml"],
        },
        "serve": {
            "host": [server.collect_command(project, {}), server.serve_command(project, port, {})],
            "container": box.get("serve", []),
        },
        "build": {"container": [image.build_command(project)], "compose": ["build: ., in docker-compose.yaml"]},
        "run": {"container": [site.run_command(project, latest, port, published, names, False)]},
        "shell": {"container": [engine.exec_command(project, "CONTAINER")]},
        "ps": {"container": [site.ps_command(project)]},
        "logs": {"container": [site.logs_line(project)]},
        "stop": {"container": [site.stop_line(project), site.prune_command(project)]},
        "up": {"compose": [stack.up_command(project)]},
        "down": {"compose": [stack.down_command(project)]},
        "db-dump": {"compose": [database.dump_command(project, "CONTAINER", Path("FILE"))]},
        "db-restore": {
            "compose": [
                database.read_command(project, "CONTAINER", Path("FILE")),
                database.restore_command(project, "CONTAINER"),
            ]
        },
        "db-shell": {"compose": [database.shell_command(project, "CONTAINER")]},
        "clean": {
            "host": ["(with --venv, removes venv/)"],
            "container": [f"(removes all with the label {project.label})"],
            "compose": ["(the same, and what Compose made)"],
        },
        "doctor": {"host": ["(looks at what each step needs)"]},
        "manage": {
            "host": [server.manage_command(project, ("COMMAND",), {})],
            "container": [site.once_command(project, latest, manage, names)],
            "compose": [engine.exec_command(project, "CONTAINER", manage)],
        },
        "lock": {"host": [nox.command("--session", "lock")]},
        "bench": {"container": [nox.bench_command()]},
        "test": {"host": [nox.test_command()]},
        "lint": {"host": [nox.command("--session", "lint")]},
    }


def lines(project: Project, places: Places) -> dict[str, list[str]]:
    """Return the whole lines of a step in each place."""
    return {
        place: [found.line(project.root) if isinstance(found, Command) else found for found in all_of_them]
        for place, all_of_them in places.items()
    }


def text(project: Project, help_lines: Mapping[str, str]) -> str:
    """Return the whole list, numbered; `help_lines` has the first line of each task's docstring."""
    parts = ["The Instructions List: each step, and the command behind it in each place.\n"]
    for number, (task, places) in enumerate(commands(project).items(), start=1):
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
    """Return the beginning and the end of a line, on two lines if it does not fit on one."""
    if len(line) <= WIDTH:
        return [line]
    words = split(line)
    head = fitting(words, WIDTH - 2)
    rest = words[len(head) :]
    tail = fitting(rest[::-1], WIDTH - 2)[::-1]
    return [" ".join([*head, "\\" if tail == rest else "…"]), "  " + " ".join(tail)]


def shortened(line: str) -> str:
    """Return a line without words of its middle, if it does not fit."""
    if len(line) <= WIDTH:
        return line
    *words, last = split(line)
    return " ".join([*fitting(words, WIDTH - len(f" … {last}")), "…", last])


def fitting(words: Sequence[str], width: int) -> list[str]:
    """Return the first words, one at least, as many as fit."""
    count = next((n for n in range(len(words), 1, -1) if len(" ".join(words[:n])) <= width), 1)
    return list(words[:count])


def split(line: str) -> list[str]:
    """Split a line into words; a space within quotes is part of a word."""
    return re.findall(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""", line)
