"""The environment file: written once from `.env.example`, read by python-dotenv, and given by name."""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from invoke import Context

from steps import envline
from steps.command import dry, refuse, say
from steps.project import ROOT, Project

EXAMPLE = ROOT / ".env.example"
KEY = "SECRET_KEY"
DATABASE_PASSWORD = "PGPASSWORD"
WORKERS = "WEB_CONCURRENCY"  # the one setting that gunicorn reads itself, and ends in a traceback over
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# These would change what the docker client, or a program's start, does instead of what the site sees.
STEERING = re.compile(r"PATH|HOME|(DOCKER|COMPOSE|BUILDKIT|BUILDX|LD|DYLD)_\w*")


def create(c: Context, project: Project) -> None:
    """Write the environment file with a fresh SECRET_KEY, readable by its owner alone; keep one that is there."""
    if project.env_file.exists():
        say(f"{shown(project.env_file)} is there: nothing to do.")
    else:
        ensure(c, project)


def ensure(c: Context, project: Project) -> None:
    """Write the environment file if there is none, and say so."""
    if project.env_file.exists():
        return
    if dry(c):
        say(f"# {shown(project.env_file)} would be written from {EXAMPLE.name}, with a fresh SECRET_KEY.")
        return
    write_new(project.env_file, from_example())
    say(f"{shown(project.env_file)}: written from {EXAMPLE.name}, with a fresh SECRET_KEY.")


def from_example() -> str:
    """Return the text of a new environment file."""
    return re.sub(rf"^{KEY}=.*$", f"{KEY}={fresh_key()}", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def fresh_key() -> str:
    """Return a new secret key."""
    # URL-safe characters mean the same to every reader; 50 bytes are more than Django's check asks for.
    return secrets.token_urlsafe(50)


def ensure_password(c: Context, project: Project) -> dict[str, str]:
    """Write a fresh password of the database into the environment file, unless it has one; returns it with its name."""
    values = read(project.env_file) if project.env_file.exists() else {}
    if not values.get(DATABASE_PASSWORD):
        set_values(c, project, [DATABASE_PASSWORD])
    return {} if dry(c) else {DATABASE_PASSWORD: read(project.env_file)[DATABASE_PASSWORD]}


def set_values(c: Context, project: Project, pairs: Iterable[str]) -> None:
    """Set each `NAME=value` in the environment file, which is written first if there is none.

    SECRET_KEY and PGPASSWORD may stand alone: they are made up afresh.
    Raises `Exit`, and changes nothing, when a pair is none or a value cannot be written so that all its readers agree.
    """
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        check_name(name, "--set")
        if not equals and name in {KEY, DATABASE_PASSWORD}:
            value = fresh_key()
        elif not equals:
            refuse(f"--set {name} has no value: write --set {name}=value.")
        check_value(value, f"--set {name}")
        values[name] = value
    path = project.env_file
    text = exact_text(path) if path.exists() else from_example()
    for name, value in values.items():
        text = envline.with_line(text, name, value)
    names = ", ".join(values)
    if dry(c):
        say(f"# {names} would be set in {shown(path)}.")
        return
    # A link stays one: what it points to is written.
    write(path.resolve(), text, lambda part, whole: part.replace(whole))
    say(f"{shown(path)}: {names} set.")


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; keep one that came in between."""
    with contextlib.suppress(FileExistsError):
        write(path, text, lambda part, whole: whole.hardlink_to(part))


def write(path: Path, text: str, put: Callable[[Path, Path], object]) -> None:
    """Write a file whole or not at all, with mode 0600; `put` gives what was written its place.

    Raises `FileExistsError` where `put` does, and `Exit` when the file cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mkstemp gives mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            put(Path(name), path)
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as error:
        refuse(f"{shown(path)} cannot be written ({error.strerror}): see to its folder and the disk, then try again.")


def example_names() -> list[str]:
    """Return the names of all settings: those of `.env.example`, set or commented out."""
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


def read(path: Path) -> dict[str, str]:
    """Return the values of an environment file, byte for byte as python-dotenv reads them, nothing expanded.

    Raises `Exit` with the file, the line and the remedy when it cannot be read or a line means nothing.
    """
    return parse(exact_text(path), shown(path))


def exact_text(path: Path) -> str:
    """Return the text of an environment file, its line ends as they are; raises `Exit` when it cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        refuse(f"There is no {shown(path)}: `inv env` writes .env, or name another file.")
    except UnicodeDecodeError:
        refuse(f"{shown(path)} is not text in UTF-8: save it in that encoding.")
    except OSError as error:
        refuse(f"{shown(path)} cannot be read: {error.strerror}.")


def parse(text: str, source: str) -> dict[str, str]:
    """Return the values in the text of an environment file; `source` names it in a refusal."""
    values: dict[str, str] = {}
    for line in lines(text):
        where = f"Line {line.number} of {source}"
        if line.name is None or line.value is None:
            refuse(f"{where} is not NAME=value: write it so, a value with spaces or # in 'single quotes'.")
        check_name(line.name, where)
        check_value(line.value, where)
        values[line.name] = line.value
    return values


class Line(NamedTuple):
    """What python-dotenv makes of a line that is neither blank nor a comment; nothing, of one that is malformed."""

    number: int
    name: str | None
    value: str | None


def lines(text: str) -> Iterator[Line]:
    """Yield the lines in the text of an environment file; a value may go over several, the first counts."""
    from dotenv.parser import parse_stream

    # As python-dotenv opens a file, so that \r\n and \r end a line and are in no value.
    for binding in parse_stream(io.StringIO(text, newline=None)):
        number = binding.original.line + leading_blank_lines(binding.original.string)
        if binding.error:
            yield Line(number, None, None)
        elif binding.key is not None:
            yield Line(number, binding.key, binding.value)


def leading_blank_lines(original: str) -> int:
    """Return how many line ends precede what is written; python-dotenv counts them to the next line."""
    return original[: len(original) - len(original.lstrip())].count("\n")


def check_name(name: str, origin: str) -> None:
    """Raise `Exit` unless a variable of this name may be given to the site."""
    if not NAME.fullmatch(name):
        refuse(f"{origin} names {name!r}: a name has letters, digits and _, and no digit first.")
    if STEERING.fullmatch(name):
        refuse(f"{origin} names {name}, which would steer docker and not the site: take it out.")


def check_value(value: str, origin: str) -> None:
    """Raise `Exit` unless an environment can hold a value."""
    if "\0" in value:
        refuse(f"{origin} has a zero byte in its value, which no environment can hold: take it out.")


def from_flags(pairs: Iterable[str], shell: Mapping[str, str], flag: str) -> dict[str, str]:
    """Return the values of `NAME=value` words; a `NAME` alone takes the shell's value, as docker does.

    Raises `Exit` when a name may not be given, or stands alone and the shell has no such variable.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        check_name(name, flag)
        if not equals and name not in shell:
            refuse(f"{flag} {name} has no value, and the shell has no such variable: write {flag} {name}=value.")
        values[name] = value if equals else shell[name]
    return values


def site_values(path: Path, flags: Mapping[str, str], shell: Mapping[str, str], default: bool = True) -> dict[str, str]:
    """Return what the site is to see: flags, then the file, then the shell for the names in `.env.example`.

    Where `.env` is not there yet, it is read as `ensure` would write it; with `default` off, for a file that
    a person named, that is refused.
    """
    file = parse(from_example(), EXAMPLE.name) if default and not path.exists() else read(path)
    known = {name: shell[name] for name in example_names() if name in shell}
    values = {**known, **file, **flags}
    if not values.get(WORKERS, "1").isdecimal():
        refuse(f"{WORKERS} is {values[WORKERS]!r}, and gunicorn wants a number: write one, or take it out.")
    return values


def shown(path: Path) -> str:
    """Return a path as a person would type it from the project's folder."""
    typed = str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
    return typed if typed.isprintable() else repr(typed)  # a sentence is one line
