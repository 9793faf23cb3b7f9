"""The environment file: written once from `.env.example`, read by python-dotenv, and passed on by name."""

import base64
import io
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from djk8s.dotenv.line import with_line
from djk8s.project import Project
from djk8s.shell.talk import refuse, say

KEY = "SECRET_KEY"
DATABASE_PASSWORD = "PGPASSWORD"
METRICS_TOKEN = "METRICS_TOKEN"
PASSWORDS = {DATABASE_PASSWORD, METRICS_TOKEN, "MYSQL_PWD", "RESTIC_PASSWORD"}
WORKERS = "WEB_CONCURRENCY"  # the one setting that gunicorn reads itself, and prints a traceback for
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A site's own secrets, whose value is nobody else's business; those of other services come from there.
SECRET = re.compile(r"SECRET|SALT|SIGNING|JWT\w*KEY|FERNET|ENCRYPT\w*KEY")
NOT_OURS = re.compile(r"AWS|CLIENT_SECRET|_(FILE|ID|NAME|URL|PATH)$")
# Variables that change what the docker client, or the start of a program, does, and not what the site sees.
STEERING = re.compile(r"PATH|HOME|(DOCKER|COMPOSE|BUILDKIT|BUILDX|LD|DYLD)_\w*")


class Line(NamedTuple):
    """A line that is neither blank nor a comment; without a name if it is malformed."""

    number: int
    name: str | None
    value: str | None


class EnvFile:
    """An environment file, read and parsed at most once.

    It is the project's own, or another one that a person named. While the project's own is missing, its text is what
    `ensure` writes, so that a command can be shown or checked before anything is written.
    """

    def __init__(self, project: Project, other: str | None = None, text: str | None = None) -> None:
        self.project = project
        self.path = project.env_file if other is None else project.root / other
        self.name = project.shown(self.path)
        self.named = other is not None
        if text is not None:
            self.text, self.missing = text, False

    @cached_property
    def missing(self) -> bool:
        """True if the project's own file is not there; one that was named must be."""
        return not self.named and not self.path.exists()

    @cached_property
    def text(self) -> str:
        """The text of the file, with its own line ends; raises `Exit` if it cannot be read."""
        if self.missing:
            return with_secrets(self.example)
        return read(self.path, self.name)

    @cached_property
    def secrets(self) -> list[str]:
        """The names of the settings that get a fresh value when the file is written."""
        return secrets_in(self.example)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The lines of the file, as python-dotenv reads them."""
        return tuple(parse(self.text))

    @cached_property
    def values(self) -> dict[str, str]:
        """The variables of the file, nothing expanded; raises `Exit` for a malformed line."""
        return values(self.lines, self.example_name if self.missing else self.name)

    @cached_property
    def example(self) -> str:
        return read(self.project.env_example, self.example_name)

    @property
    def example_name(self) -> str:
        return self.project.shown(self.project.env_example)

    @cached_property
    def settings(self) -> list[str]:
        """The names of all settings: those of `.env.example`, set or commented out."""
        return re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=", self.example, re.MULTILINE)

    def for_the_site(self, shell: Mapping[str, str], flags: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the variables of the site: flags, then the file, then the shell's for names of `.env.example`."""
        known = {name: shell[name] for name in self.settings if name in shell}
        site = {**known, **self.values, **(flags or {})}
        if not site.get(WORKERS, "1").isdecimal():
            refuse(f"{WORKERS} is {site[WORKERS]!r}, and gunicorn wants a number: write one, or take it out.")
        return site


def create(project: Project) -> None:
    """Write the environment file, unless there is one."""
    env = EnvFile(project)
    if env.missing:
        ensure(env)
    else:
        say(f"{env.name} is there: nothing to do.")


def ensure(env: EnvFile) -> EnvFile:
    """Write the project's environment file if it is missing; returns the file that is there then."""
    if not env.missing:
        return env
    if env.project.dry:
        say(f"# {env.name} would be written from {env.example_name}{freshly(env)}.")
        return env
    try:
        write(env.path, env.name, env.text, lambda part, whole: whole.hardlink_to(part))
    except FileExistsError:
        return EnvFile(env.project)  # another program was faster; its file stays
    say(f"{env.name}: written from {env.example_name}{freshly(env)}.")
    return EnvFile(env.project, text=env.text)


def ensure_password(env: EnvFile, name: str = DATABASE_PASSWORD) -> EnvFile:
    """Write a fresh database password into the environment file, unless it has one."""
    return env if env.values.get(name) else set_values(env, [name])


def set_values(env: EnvFile, pairs: Iterable[str]) -> EnvFile:
    """Set each `NAME=value` in the environment file, or none; a secret or a password alone gets a fresh value."""
    given = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        check_name(name, "--set")
        if not equals and (name in PASSWORDS or is_secret(name)):
            value = fresh(name)
        elif not equals:
            refuse(f"--set {name} has no value: write --set {name}=value.")
        check_value(value, f"--set {name}")
        given[name] = value
    text = env.text
    for name, value in given.items():
        text = with_line(text, name, value)
    names = ", ".join(given)
    if env.project.dry:
        say(f"# {names} would be set in {env.name}.")
        return env
    # A link stays a link: the file that it points to is written.
    write(env.path.resolve(), env.name, text, lambda part, whole: part.replace(whole))
    say(f"{env.name}: {names} set.")
    return EnvFile(env.project, text=text)


def is_secret(name: str) -> bool:
    """Return whether a variable holds a secret that the site makes up itself, as SECRET_KEY."""
    return bool(SECRET.search(name)) and not NOT_OURS.search(name)


def secrets_in(example: str) -> list[str]:
    """Return the secrets that `.env.example` leaves empty, and SECRET_KEY whatever it says there."""
    lines = re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", example, re.MULTILINE)
    return [name for name, value in lines if name == KEY or (is_secret(name) and not value.strip())]


def with_secrets(example: str) -> str:
    """Return the text of `.env.example` with a fresh value for each of its secrets."""
    for name in secrets_in(example):
        example = re.sub(rf"^{name}=.*$", f"{name}={fresh(name)}", example, flags=re.MULTILINE)
    return example


def freshly(env: EnvFile) -> str:
    """Return the end of a sentence about a file that was written: which values are its own."""
    *names, last = env.secrets or [""]
    return f", with a fresh {', '.join(names)}{' and ' * bool(names)}{last}" if last else ""


def fresh(name: str) -> str:
    """Return a new value for a secret: URL-safe characters mean the same to every reader."""
    if re.search("FERNET|ENCRYPT", name):  # 32 bytes exactly: https://cryptography.io/en/latest/fernet/
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(50)  # more than Django's check asks for


def write(path: Path, name: str, text: str, put: Callable[[Path, Path], object]) -> None:
    """Write a file completely or not at all, with mode 0600; `put` moves the written file to its place."""
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mkstemp gives mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            put(Path(part), path)
        finally:
            Path(part).unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as error:
        refuse(f"{name} cannot be written ({error.strerror}): see to its folder and the disk, then try again.")


def read(path: Path, name: str) -> str:
    """Return the text of a file, with its own line ends; raises `Exit` if it cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        remedy = (
            "bring it back, for example with `git checkout`"
            if "example" in name
            else "`inv env` writes .env, or name another file"
        )
        refuse(f"There is no {name}: {remedy}.")
    except UnicodeDecodeError:
        refuse(f"{name} is not text in UTF-8: save it in that encoding.")
    except OSError as error:
        refuse(f"{name} cannot be read: {error.strerror}.")


def parse(text: str) -> Iterator[Line]:
    """Yield the lines in the text of an environment file; a value may span several, the first one counts."""
    from dotenv.parser import parse_stream

    # As python-dotenv opens a file, so that \r\n and \r end a line and are in no value.
    for binding in parse_stream(io.StringIO(text, newline=None)):
        original = binding.original.string
        # python-dotenv counts the blank lines before a line as part of it.
        number = binding.original.line + original[: len(original) - len(original.lstrip())].count("\n")
        if binding.error:
            yield Line(number, None, None)
        elif binding.key is not None:
            yield Line(number, binding.key, binding.value)


def values(lines: Iterable[Line], source: str) -> dict[str, str]:
    """Return the variables in lines of the file `source`; raises `Exit` with the remedy for a wrong line."""
    found: dict[str, str] = {}
    for line in lines:
        where = f"Line {line.number} of {source}"
        if line.name is None or line.value is None:
            refuse(f"{where} is not NAME=value: write it so, a value with spaces or # in 'single quotes'.")
        check_name(line.name, where)
        check_value(line.value, where)
        found[line.name] = line.value
    return found


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
    """Return the variables of `NAME=value` words; a `NAME` alone takes the shell's value, as docker does."""
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        check_name(name, flag)
        if not equals and name not in shell:
            refuse(f"{flag} {name} has no value, and the shell has no such variable: write {flag} {name}=value.")
        given[name] = value if equals else shell[name]
    return given
