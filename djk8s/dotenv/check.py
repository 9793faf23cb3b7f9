"""Mistakes in the environment file: against `.env.example`, against the settings, and between its readers."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from invoke import Exit

from djk8s import code
from djk8s.dotenv.file import EnvFile, parse, read, values
from djk8s.dotenv.reads import scan
from djk8s.project import Project
from djk8s.shell.talk import refuse, say

# The Dockerfile and the Compose file set PLACE; nobody changes the other.
NOT_FOR_PEOPLE = {"PLACE", "DJANGO_SETTINGS_MODULE"}
# docker-compose.yaml sets these itself, whatever the environment file says.
SET_BY_COMPOSE = {"PORT", "PLACE"}
# The variables that Compose reads in the file, or why it cannot read it; None without Compose.
ComposeReading = Mapping[str, str] | str | None


def check(env: EnvFile, composes: ComposeReading, served: Callable[[Mapping[str, str]], Iterable[str]]) -> None:
    """Print what is wrong with the environment file, and raise `Exit` if anything is.

    `served` returns what the site would say against the variables of a file that can be read.
    """
    if env.missing:
        read(env.path, env.name)  # which refuses
    mistakes, broken = [*against_settings(env), *between_readers(env, composes)], [*code.not_python(env.project)]
    try:
        mistakes += broken or served(env.for_the_site(os.environ))
    except Exit as wrong:
        mistakes = mistakes or [str(wrong.message)]  # a malformed line is among them
    for mistake in mistakes:
        say(mistake)
    if mistakes:
        refuse(f"{len(mistakes)} thing{'s' * (len(mistakes) > 1)} to mend, see above.")
    say(f"{env.name} is fine.")


def against_settings(env: EnvFile) -> Iterator[str]:
    """Yield a sentence for each malformed, repeated or unknown line, and for each missing setting."""
    known = {*env.settings, *names_read(env.project)}
    there: dict[str, str] = {}
    first: dict[str, int] = {}
    for number, name, value in env.lines:
        where = f"Line {number} of {env.name}"
        if name is None or value is None:
            yield f"{where} is not NAME=value: write it so, a value with spaces or # in 'single quotes'."
            continue
        if name in first:
            yield f"{where} sets {name} again, after line {first[name]}; the last one counts: take one out."
        elif name not in known:
            yield f"{where} sets {name}, which no setting reads: take it out, or add it to {env.example_name}."
        elif name == "ALLOWED_HOSTS" and (found := [host for host in re.split(r"[\s,]+", value) if is_no_host(host)]):
            yield f"{where} allows {found[0]}, which no host is called: write its name alone, as www.example.com."
        first.setdefault(name, number)
        there[name] = value
    for name, usual in values(parse(env.example), env.example_name).items():
        if f"{name}_FILE" in there:
            continue
        if name not in there:
            yield f"{env.name} does not set {name}: type `inv env --set {name}{f'={usual}' if usual else ''}`."
        if not usual and not there.get(name, "set"):
            yield f"{env.name} sets {name} to nothing: type `inv env --set {name}`."


def is_no_host(host: str) -> bool:
    """Return whether a host of ALLOWED_HOSTS has a scheme, a port or a path; colons in brackets are of IPv6."""
    return "/" in host or ":" in re.sub(r"^\[.*\]$", "", host)


def names_read(project: Project) -> set[str]:
    """Return the variables that the files of the site read."""
    return scan(project.root, [path.as_posix() for path in code.files(project)]).names - NOT_FOR_PEOPLE


def between_readers(env: EnvFile, composes: ComposeReading) -> list[str]:
    """Return a sentence for each line that Compose reads differently, or for a file that it cannot read."""
    if isinstance(composes, str):
        return [f"Compose cannot read {env.name}: {cause(env, composes)}"]
    if composes is None:
        return []
    last = {line.name: line for line in env.lines}
    return [
        f"Line {line.number} of {env.name} gives {name} another value with Compose than elsewhere "
        f"({difference(line.value or '')}): put it in 'single quotes', or type `inv env --set {name}=…`."
        for name, line in last.items()
        if name and name not in SET_BY_COMPOSE and composes.get(name) != line.value
    ]


def cause(env: EnvFile, said: str) -> str:
    """Return why Compose cannot read the file, in its own words without what it quotes, which may be a secret."""
    if found := re.search(r"line \d+: [a-z ]*[a-z]", said):
        return f"{found[0]}."
    dollars = [str(line.number) for line in env.lines if "$" in (line.value or "")]
    if dollars:
        return f"it expands $, which is in line {' and '.join(dollars)}: put the value in 'single quotes'."
    return re.sub(r"(['\"]).*\1", "…", said)


def difference(value: str) -> str:
    """Return how Compose reads a value."""
    if "$" in value:
        return "Compose expands $"
    return "Compose reads backslashes differently" if "\\" in value else "Compose reads its quotes differently"
