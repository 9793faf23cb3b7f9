"""The Instructions List as `inv steps` prints it: each step with the command behind it in each place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from steps import cleaning, compose, container, database, envfile, image, ports, server, system, toolbox, venv
from steps.project import ROOT, Project

WIDTH = 61  # 80 columns less the indent and the end of a folded line
Places = Mapping[str, Sequence[str]]


def commands(project: Project) -> dict[str, Places]:
    """Return, for each task in order, the lines behind it in each place that has any."""
    names = dict.fromkeys(["SECRET_KEY"], "")
    port = ports.parse(project.port, "port")
    published = ports.Published("127.0.0.1", port)
    latest = image.name(project, None)
    make = [venv.make_command(project, "python3").line(), venv.pip_command(project).line()]
    return {
        "venv": {"host": make, "container": dockerfile("inv venv")},
        "install": {"host": [venv.install_command(project).line()], "container": dockerfile("inv install")},
        "env": {
            "host": [f"(writes {envfile.shown(project.env_file)} from {envfile.EXAMPLE.name})"],
            "container": ["--env SECRET_KEY …, by name, from .env"],
            "compose": ["env_file: .env, in docker-compose.yaml"],
        },
        "serve": {
            "host": [
                server.collect_command(project, {}).line(),
                server.serve_command(project, port, {}).line(),
            ],
            "container": dockerfile("inv serve"),
        },
        "build": {"container": [image.build_command(project).line()], "compose": ["build: ., in docker-compose.yaml"]},
        "run": {"container": [container.run_command(project, latest, port, published, names, False).line()]},
        "shell": {
            "container": [
                container.enter_command(project, "CONTAINER", ()).line(),
                container.once_command(project, latest, (), names).line(),
            ]
        },
        "ps": {"container": [container.list_command(project).line()]},
        "logs": {"container": [container.logs_line(project)]},
        "stop": {"container": [container.stop_line(project), container.prune_command(project).line()]},
        "up": {"compose": [compose.up_command(project).line()]},
        "down": {"compose": [compose.down_command(project).line()]},
        "db-dump": {"compose": [database.dump_command(project, "CONTAINER", Path("FILE")).line()]},
        "db-restore": {
            "compose": [
                database.read_command(project, "CONTAINER", Path("FILE")).line(),
                database.restore_command(project, "CONTAINER").line(),
            ]
        },
        "db-shell": {"compose": [container.enter_command(project, "CONTAINER", ("psql", *database.TO_IT)).line()]},
        "clean": {
            "host": ["(with --venv, removes venv/)"],
            "container": [
                cleaning.line(project, "container", "stop"),
                *(cleaning.line(project, kind, "rm") for kind in cleaning.KINDS if kind not in cleaning.KEPT),
            ],
        },
        "doctor": {"host": ["(looks at what each step needs)"]},
        "manage": {
            "host": [server.manage_command(project, ("COMMAND",), {}).line()],
            "container": [container.once_command(project, latest, ("python", "manage.py", "COMMAND"), names).line()],
            "compose": [container.enter_command(project, "CONTAINER", ("python", "manage.py", "COMMAND")).line()],
        },
        "lock": {"host": [toolbox.lock_command().line()]},
        "bench": {"container": [toolbox.bench_command().line()]},
        "test": {"host": [toolbox.test_command().line()]},
        "lint": {"host": [toolbox.lint_command().line()]},
    }


def dockerfile(marker: str) -> list[str]:
    """Return the instructions of the Dockerfile that follow the comment `# MARKER: …`, up to a blank line.

    Without their mounts, which say what is lent to a step and not what it does.
    """
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    block = re.search(rf"^# {re.escape(marker)}: .*\n((?:.+\n)+)", text, re.MULTILINE)
    lines = block.group(1) if block else ""
    whole = re.sub(r"\\\n\s*", "", "".join(line for line in lines.splitlines(True) if not line.startswith("#")))
    return re.sub(r"--mount=\S+\s+", "", whole).splitlines()


def text(project: Project, help_lines: Mapping[str, str]) -> str:
    """Return the whole list, numbered, as plain text; `help_lines` has each task's own sentence."""
    parts = ["The Instructions List: each step, and the command behind it in each place.\n"]
    for number, (task, places) in enumerate(commands(project).items(), start=1):
        parts += [f"{number:2}. inv {task}", f"      {help_lines[task]}"]
        for place, lines in places.items():
            shown = [piece for line in lines for piece in folded(line)]
            heads = [place, *[""] * (len(shown) - 1)]
            parts += [f"      {head:11}{piece}" for head, piece in zip(heads, shown, strict=True)]
        parts.append("")
    parts.append("`inv --help TASK` shows the options of a step, `inv --dry TASK` its commands.")
    return "\n".join(parts)


def folded(line: str) -> list[str]:
    """Return a line in pieces that fit a terminal of 80 columns, and that a shell reads as the same line.

    It is folded between words only; a space within quotes is part of a word.
    """
    pieces = [""]
    for word in re.findall(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""", line):
        if pieces[-1] and len(pieces[-1]) + len(word) + 1 > WIDTH:
            pieces.append(f"  {word}")
        else:
            pieces[-1] = f"{pieces[-1]} {word}".lstrip() if len(pieces) == 1 else f"{pieces[-1]} {word}"
    return [f"{piece} {system.continuation()}" for piece in pieces[:-1]] + pieces[-1:]
