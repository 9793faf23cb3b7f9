"""What is wrong with the environment file: against `.env.example`, against the settings, and between its readers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from steps import envfile
from steps.command import refuse, say
from steps.project import ROOT, SRC, Project

READERS = {"text", "flag", "choice", "words", "port", "origins", "database"}  # of src/myproj/environment.py
# The Dockerfile and the Compose file say where they are; the other is Django's own and never changes.
NOT_FOR_PEOPLE = {"PLACE", "DJANGO_SETTINGS_MODULE"}
READ_ELSEWHERE = {"GUNICORN_CMD_ARGS", "PGPASSWORD"}  # by gunicorn, and by PostgreSQL's own library
# docker-compose.yaml sets these itself, whatever the environment file says.
COMPOSES_OWN = {"PORT", "PLACE"}
Reading = Mapping[str, str] | str | None  # what Compose makes of the file; why it cannot read it; no Compose to ask


def check(project: Project, composes: Reading) -> None:
    """Say what is wrong with the environment file, and raise `Exit` if anything is."""
    path = project.env_file
    found = [*findings(envfile.exact_text(path), envfile.shown(path)), *disagreements(path, composes)]
    for finding in found:
        say(finding)
    if found:
        refuse(f"{envfile.shown(path)} has {len(found)} thing{'s' * (len(found) > 1)} to mend, see above.")
    say(f"{envfile.shown(path)} is fine.")


def findings(text: str, source: str) -> Iterator[str]:
    """Yield a sentence for each line that is malformed, doubled or unknown, and for each setting that is missing."""
    known = {*envfile.example_names(), *names_read(), *READ_ELSEWHERE}
    values: dict[str, str] = {}
    first: dict[str, int] = {}
    for number, name, value in envfile.lines(text):
        where = f"Line {number} of {source}"
        if name is None or value is None:
            yield f"{where} is not NAME=value: write it so, a value with spaces or # in 'single quotes'."
            continue
        if name in first:
            yield f"{where} sets {name} again, after line {first[name]}; the last one counts: take one out."
        elif name not in known:
            yield f"{where} sets {name}, which no setting reads: take it out, or add it to {envfile.EXAMPLE.name}."
        first.setdefault(name, number)
        values[name] = value
    yield from missing(values, source)


def missing(values: Mapping[str, str], source: str) -> Iterator[str]:
    """Yield a sentence for each setting that `.env.example` sets and these values do not."""
    example = envfile.parse(envfile.EXAMPLE.read_text(encoding="utf-8"), envfile.EXAMPLE.name)
    for name, usual in example.items():
        if name not in values:
            yield f"{source} does not set {name}: type `inv env --set {name}{f'={usual}' if usual else ''}`."
        elif not usual and not values[name]:
            yield f"{source} sets {name} to nothing: type `inv env --set {name}`."


def names_read() -> dict[str, str]:
    """Return each variable that a file of the site reads, with that file."""
    found: dict[str, str] = {}
    for path in sorted(SRC.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if name := name_read(node):
                found.setdefault(name, str(path.relative_to(ROOT)))
    return {name: file for name, file in found.items() if name not in NOT_FOR_PEOPLE}


def name_read(node: ast.AST) -> str | None:
    """Return the variable that an expression reads: `environment.flag("DEBUG")`, `os.environ["DEBUG"]`."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
        return constant(node.slice)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return None
    of, reader = ast.unparse(node.func.value), node.func.attr
    if (of == "environment" and reader in READERS) or (of == "os.environ" and reader == "get"):
        return constant(node.args[0])
    return constant(node.args[0]) if (of, reader) == ("os", "getenv") else None


def constant(node: ast.AST) -> str | None:
    """Return the text of a literal."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def disagreements(path: Path, composes: Reading) -> list[str]:
    """Return a sentence for each line whose value Compose read otherwise, or for what it refused to read."""
    source = envfile.shown(path)
    if isinstance(composes, str):
        return [f"Compose cannot read {source}: {cause(path, composes)}"]
    if composes is None:
        return []
    ours = {line.name: line for line in envfile.lines(envfile.exact_text(path))}
    return [
        f"Line {line.number} of {source} gives {name} another value with Compose than elsewhere "
        f"({why(line.value or '')}): put it in 'single quotes', or type `inv env --set {name}=…`."
        for name, line in ours.items()
        if name and name not in COMPOSES_OWN and composes.get(name) != line.value
    ]


def cause(path: Path, said: str) -> str:
    """Return why Compose cannot read the file, in its words less what it quotes, for that may be a secret."""
    if found := re.search(r"line \d+: [a-z ]*[a-z]", said):
        return f"{found[0]}."
    dollars = [str(line.number) for line in envfile.lines(envfile.exact_text(path)) if "$" in (line.value or "")]
    if dollars:
        return f"it expands $, which is in line {' and '.join(dollars)}: put the value in 'single quotes'."
    return re.sub(r"(['\"]).*\1", "…", said)


def why(value: str) -> str:
    """Return what Compose does with a value."""
    if "$" in value:
        return "Compose expands $"
    return "Compose takes backslashes otherwise" if "\\" in value else "Compose reads its quotes otherwise"
