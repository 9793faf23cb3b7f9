"""The environment file: written once from `.env.example`, read by python-dotenv, and given by name."""

from __future__ import annotations

import io
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from invoke import Context

from steps.command import dry, refuse, say
from steps.project import ROOT, Project

EXAMPLE = ROOT / ".env.example"
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
    # URL-safe characters mean the same to every reader; 50 bytes are more than Django's check asks for.
    key = secrets.token_urlsafe(50)
    return re.sub(r"^SECRET_KEY=.*$", f"SECRET_KEY={key}", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, whole or not at all, with mode 0600; keep one that came in between."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mkstemp gives mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            path.hardlink_to(name)
        finally:
            Path(name).unlink()
    except FileExistsError:
        pass
    except OSError as error:
        refuse(f"{shown(path)} cannot be written ({error.strerror}): see to its folder and the disk, then try again.")


def example_names() -> list[str]:
    """Return the names of all settings: those of `.env.example`, set or commented out."""
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


def read(path: Path) -> dict[str, str]:
    """Return the values of an environment file, byte for byte as python-dotenv reads them, nothing expanded.

    Raises `Exit` with the file, the line and the remedy when it cannot be read or a line means nothing.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        refuse(f"There is no {shown(path)}: `inv env` writes .env, or name another file.")
    except UnicodeDecodeError:
        refuse(f"{shown(path)} is not text in UTF-8: save it in that encoding.")
    except OSError as error:
        refuse(f"{shown(path)} cannot be read: {error.strerror}.")
    return parse(text, shown(path))


def parse(text: str, source: str) -> dict[str, str]:
    """Return the values in the text of an environment file; `source` names it in a refusal."""
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        line = f"Line {binding.original.line + leading_blank_lines(binding.original.string)} of {source}"
        if binding.error or (binding.key is not None and binding.value is None):
            refuse(f"{line} is not NAME=value: write it so, a value with spaces or # in 'single quotes'.")
        if binding.key is not None:
            check_name(binding.key, line)
            if "\0" in (binding.value or ""):
                refuse(f"{line} has a zero byte in its value, which no environment can hold: take it out.")
            values[binding.key] = binding.value or ""
    return values


def leading_blank_lines(original: str) -> int:
    """Return how many line ends precede what is written; python-dotenv counts them to the next line."""
    return original[: len(original) - len(original.lstrip())].count("\n")


def check_name(name: str, origin: str) -> None:
    """Raise `Exit` unless a variable of this name may be given to the site."""
    if not NAME.fullmatch(name):
        refuse(f"{origin} names {name!r}: a name has letters, digits and _, and no digit first.")
    if STEERING.fullmatch(name):
        refuse(f"{origin} names {name}, which would steer docker and not the site: take it out.")


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
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
