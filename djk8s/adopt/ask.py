"""Ask Django about a project, in its image and without a network, and find out which variables it cannot do without."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from djk8s.adopt import inside
from djk8s.adopt.guesses import guesses
from djk8s.adopt.layout import beside
from djk8s.dotenv.file import fresh, is_secret
from djk8s.dotenv.reads import Reads
from djk8s.facts import Facts
from djk8s.git import tracked
from djk8s.shell.talk import refuse

MOST = 60  # runs; each fills a variable or tries another value
PATIENCE = "180"  # seconds for one run: it may import a lot
GAVE_UP = 124  # the exit code of `timeout`
# What libraries say of a variable that is missing: django-environ and many a helper, decouple, environs.
MISSING = (
    r"Set the ['\"]?(\w+)['\"]? environment variable",
    r"^['\"]?(\w+)['\"]? not found\. Declare it as envvar",
    r"Environment variable ['\"]?(\w+)['\"]? (?:is )?(?:not set|missing|required)",
)
# What a value that does not fit raises.
UNFIT = {"ValueError", "TypeError", "ImproperlyConfigured", "EnvError", "SettingsError", "KeyError", "AssertionError"}
NO_SERVICE = {"DatabaseError", "InterfaceError", "ConnectionError", "gaierror", "TimeoutError", "RedisError"}
# What the standard library had up to a version: https://docs.python.org/3/library/removed.html
GONE = {
    "3.11": "asynchat asyncore distutils imp smtpd",
    "3.12": "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes sndhdr spwd"
    " sunau telnetlib uu xdrlib",
}
# Its own warning names that release: https://setuptools.pypa.io/en/latest/pkg_resources.html
PACKAGES = {"pkg_resources": "setuptools<81"}
ADDING = {"uv.lock": "uv add", "poetry.lock": "poetry add", "pdm.lock": "pdm add", "Pipfile.lock": "pipenv install"}
Said = dict[str, Any]
Run = Callable[[Mapping[str, str]], Said]


@dataclass(frozen=True)
class Answer:
    """What inside.py said, the variables that had to be there with values that fit, and sentences for a person."""

    says: Said
    required: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def settings(self) -> Said:
        return dict(self.says["settings"])

    @property
    def for_build(self) -> dict[str, str]:
        """The variables for a command in the Dockerfile, which no secret may be in."""
        plain = {name: "for-this-line-only" for name in self.required if is_secret(name) and not is_fernet(name)}
        fernet = {name: "A" * 43 + "=" for name in self.required if is_fernet(name)}
        return {"DEBUG": "0", **self.to_show, **fernet, **plain}  # as where the site is served

    @property
    def to_show(self) -> dict[str, str]:
        """The variables for files that git keeps, without the password of an address that a person gave."""
        return {name: re.sub(r"(://[^/@\s:]*):[^@\s]*@", r"\1:password@", text) for name, text in self.required.items()}


def is_fernet(name: str) -> bool:
    return bool(re.search("FERNET|ENCRYPT", name))


@dataclass(frozen=True)
class Known:
    """What is known before: values that a person gave, those of their example, what their files read, and the files."""

    given: Mapping[str, str] = field(default_factory=dict)
    example: Mapping[str, str] = field(default_factory=dict)
    reads: Reads = field(default_factory=Reads)
    root: Path = Path()
    src: str = "."
    production: Mapping[str, str] = field(default_factory=dict)  # what chooses that environment
    settings: str = ""  # the module that is asked

    @property
    def debug(self) -> list[str]:
        """The variables that DEBUG is read from."""
        return [name for name in self.reads.of("DEBUG") if "DEBUG" in name and name not in self.given]


def ask(engine: str, image: str, facts: Facts, known: Known) -> Answer:
    """Return what Django says of the project in an image; raises `Exit` where no variable makes its settings work."""
    return until_it_answers(partial(in_image, engine, image, facts), known, facts.packages)


def in_image(engine: str, image: str, facts: Facts, variables: Mapping[str, str]) -> Said:
    """Run inside.py once; raises `Exit` if there is no answer at all."""
    folder = "/app" if facts.src == "." else f"/app/{facts.src}"
    given = {**variables, "DJANGO_SETTINGS_MODULE": facts.settings}
    names = [word for name in given for word in ("--env", name)]
    alone = ("--network", "none", "--hostname", "localhost")  # a name that is found without a network
    box = ("run", "--rm", *alone, "--interactive", "--workdir", folder, *names, "--entrypoint", "timeout")
    script = (resources.files("djk8s.adopt") / "inside.py").read_text(encoding="utf-8")
    try:
        ran = subprocess.run(
            (engine, *box, image, PATIENCE, "python", "-"),  # in the container, which would run on without us
            input=script,
            env={**os.environ, **given},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        refuse(f"{engine} cannot be run: {error.strerror}.")
    if ran.returncode == GAVE_UP:
        refuse(f"Its settings were not read within {PATIENCE} s: something in {facts.settings} waits for a service.")
    return parsed(ran.stdout, ran.stderr)


def parsed(printed: str, errors: str) -> Said:
    """Return the answer in what was printed; raises `Exit` with the last line of the errors where there is none."""
    lines = [line for line in printed.splitlines() if line.startswith(inside.MARK)]
    if not lines:
        last = (errors.strip().splitlines() or ["it printed nothing"])[-1]
        refuse(f"Python in its image gave no answer: {last}")
    said: Said = json.loads(lines[-1].removeprefix(inside.MARK))
    ends = [text.splitlines()[-1] for one in (printed.partition(inside.MARK)[0], errors) if (text := one.strip())]
    for failure in said["failures"]:
        if failure["type"] == "SystemExit" and re.fullmatch(r"\d+|None", failure["text"]) and ends:
            failure["text"] = "; ".join(ends)  # a number is no reason, and what was printed before it may be
    return said


def until_it_answers(run: Run, known: Known, packages: str = "requirements.txt") -> Answer:
    """Run again, with one more variable or another value, until nothing is missing; raises `Exit` if in vain."""
    left: dict[str, Iterator[str]] = {}  # the values that are still to be tried
    required: dict[str, str] = {}
    key: dict[str, str] = {}
    off = {"DEBUG": "0", **known.production}
    # As it is served. Some take only "False" for it (MDN's tutorial), or only what is empty (bool(os.getenv("DEBUG"))).
    values = iter(("0", "False", "") if known.debug else ())
    for _ in range(MOST):
        said = run({**key, **off, **required, **known.given})
        if any(learnt(failure, required, left, known) for failure in said["failures"]):
            continue
        if not key and any("SECRET_KEY" in failure["text"] for failure in said["failures"]):
            key = {"SECRET_KEY": fresh("SECRET_KEY")}  # as .env has one; they read it in a way of their own
            continue
        lacking = {name for failure in said["failures"] for name in missing(failure, known.reads)} & {*known.debug}
        if said.get("settings", {}).get("DEBUG") or lacking - off.keys():
            if (value := next(values, None)) is not None:
                off |= dict.fromkeys(known.debug, value)
                continue
            off = {"DEBUG": "0", **known.production}
        notes = tuple(note(failure, packages, known) for failure in said["failures"])
        own = {name: value for name, value in off.items() if (name, value) != ("DEBUG", "0")}
        # What a person gave is for the build and .env too.
        return Answer(said, {**own, **required, **known.given}, notes)
    return refuse(
        f"After {MOST} tries its settings still want more than {', '.join(required)}: give variables with --env."
    )


def learnt(failure: Said, required: dict[str, str], left: dict[str, Iterator[str]], known: Known) -> bool:
    """Fill the variables that a failure is about, or try another value for one; returns False if it is about none."""
    fixed = {*required, *known.given, *known.debug, *known.production}
    # A value that does not fit and was not filled in is a default, as None.
    new = [name for name in (*missing(failure, known.reads), *failure["wrong"]) if name not in fixed]
    for name in new:
        left[name] = iter(guesses(name, known.example.get(name, "")))
        required[name] = next(left[name])
    if new:
        return True
    name = unfit(failure, required)
    value = next(left[name], None) if name else None
    if name and value is None:
        refuse(
            f"{name} has to be there, and no value that was tried fits ({told(failure)}): give one with --env {name}=…."
        )
    if name and value is not None:
        required[name] = value
    return bool(name)


def missing(failure: Said, reads: Reads) -> list[str]:
    """Return the variables that a failure says are missing."""
    text = failure["text"]
    if failure["missing"]:
        return list(failure["missing"])
    if failure["from_environ"]:
        return [text.strip("'\"")]
    for pattern in MISSING:
        if found := re.search(pattern, text):
            return [found[1]]
    if found := re.search(r"\b([A-Z][A-Z_]+) setting must not be empty", text):
        return [name for name in reads.of(found[1]) if is_secret(name)] or [found[1]]  # serving/overlay.py takes that
    in_settings = failure["step"] == "settings"
    may_name = in_settings or UNFIT & set(failure["bases"]) or failure["type"] == "SystemExit"  # a helper of their own
    if may_name and (named := [name for name in re.findall(r"\b[A-Z][A-Z0-9_]+\b", text) if name in reads.names]):
        return named
    return empty(failure["frames"][-1], reads) if in_settings and failure["frames"] else []


def empty(frame: Said, reads: Reads) -> list[str]:
    """Return the variables that the code of a frame reads, without a default that could serve."""
    lines = range(frame["line"], frame["end"] + 1)
    there = (one for one in reads.found if one.line in lines and frame["file"].endswith(f"/{one.file}"))
    return [one.name for one in there if one.default in {None, "None", "''"}]


def unfit(failure: Said, required: Mapping[str, str]) -> str:
    """Return the variable whose value a failure is about; "" if it is about none."""
    if not UNFIT & set(failure["bases"]) or not required:
        return ""
    if wrong := [name for name in failure["wrong"] if name in required]:
        return str(wrong[0])
    if field := re.search(r'field "(\w+)" from source', failure["text"]):  # pydantic-settings
        ends = [name for name in required if name.upper().endswith(field[1].upper())]
        return ends[0] if ends else ""
    code = failure["frames"][-1]["code"] if failure["frames"] else ""
    named = [name for name in required if re.search(rf"\b{name}\b", f"{failure['text']} {code}")]
    held = [name for name, value in required.items() if value and value in failure["text"]]
    of_values = {"ValueError", "EnvError", "ImproperlyConfigured"} & set(failure["bases"])
    # The settings are read in order, so that what comes right after a variable was filled is mostly about that one.
    last = [[*required][-1]] if of_values and failure["step"] == "settings" else []
    return next(iter([*named, *held, *last]), "")


def note(failure: Said, packages: str, known: Known) -> str:
    """Return a sentence about what failed and stops nothing; raises `Exit` where the site could not be served."""
    bases, step = set(failure["bases"]), failure["step"]
    if NO_SERVICE & bases and step != "settings":
        return f"It asks for a service while it starts, which was not there ({told(failure)})."
    if step in {"asgi", "celery"}:
        return f"Its {step} could not be read ({told(failure)})."
    if path := untracked(failure, known):
        refuse(
            f"git does not track {path}, so the image does not have it ({place(failure)}): read what it holds from "
            'variables, as os.environ["SECRET_KEY"], and commit that.'
        )
    if found := re.search(r"No module named '([\w.]+)'", failure["text"]):
        for last, gone in GONE.items():
            if found[1].partition(".")[0] in gone.split():
                refuse(
                    f"It imports {found[1]} ({place(failure)}), which Python {last} was the last to have: name it "
                    f"with --python {last}, or {adding('a package that replaces it', packages)}."
                )
        package = PACKAGES.get(found[1].partition(".")[0], "its package")
        refuse(f"It imports {found[1]}, which is not installed ({place(failure)}): {adding(package, packages)}.")
    if found := re.search(r"Error loading (psycopg|MySQLdb)", failure["text"]):
        package = {"psycopg": "psycopg[binary]", "MySQLdb": "mysqlclient"}[found[1]]
        refuse(f"No driver of its database can be loaded: {adding(package, packages)}.")
    imports = re.match(r"(?:from|import) ([\w.]+)", failure["frames"][-1]["code"]) if failure["frames"] else None
    too_old = imports[1] if step == "settings" and imports and is_package(imports[1], known) else ""
    if not failure["frames"] and re.match("cannot import name|module '[^']+' has no attribute", failure["text"]):
        too_old = failure["package"]
    if too_old:
        refuse(
            f"{too_old} cannot be imported ({told(failure)}): pin a newer version of it and of what it needs in "
            f"{packages}, or name an older Python with --python."
        )
    there = beside(known.root, known.src, known.settings)
    others = f"name other settings than {known.settings} with --settings{', as ' if there else ''}{' or '.join(there)}"
    remedy = f"mend that first, or {others}"
    if step == "settings":
        remedy = f"mend that first, give a variable that it is about with --env NAME=value, or {others}"
    name = re.search(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b", failure["text"])
    if step == "settings" and "ImproperlyConfigured" in bases and name:
        remedy = f"give the variable that {name[0]} is read from with --env, for example --env {name[0]}=value"
    if NO_SERVICE & bases:
        remedy = "it asks for a service as soon as its settings are read, and must not before it is asked for a page"
    return refuse(f"Its {step} cannot be loaded: {told(failure)}; {remedy}.")


def adding(package: str, packages: str) -> str:
    """Return how to add a package, in words: what is locked is written by a command."""
    command = ADDING.get(PurePosixPath(packages).name)
    if not command:
        return f"add {package} to {packages}, and commit that"
    name = f" {shlex.quote(package)}`" if " " not in package else f"` {package}"
    return f"`{command}{name}, and commit that"


def untracked(failure: Said, known: Known) -> str:
    """Return the file of the project that a failure misses, if it is there and git does not track it; else ""."""
    if found := re.search(r"No module named '([\w.]+)'", failure["text"]):
        name = f"{found[1].replace('.', '/')}.py"
    elif found := re.search(r"No such file or directory: '(?:/app/)?([^']+)'", failure["text"]):
        name = found[1]
    else:
        return ""
    if name.endswith(".log"):  # which is written, and not read
        return ""
    paths = [PurePosixPath(folder, name).as_posix() for folder in (".", known.src)]
    files = {*tracked(known.root)}
    return next((path for path in paths if path not in files and (known.root / path).is_file()), "")


def is_package(module: str, known: Known) -> bool:
    """Return whether a module is neither of the project nor of Python itself."""
    first = module.partition(".")[0]
    own = any(f"/{path}".endswith((f"/{first}.py", f"/{first}/__init__.py")) for path in tracked(known.root))
    return not own and first not in sys.stdlib_module_names


def told(failure: Said) -> str:
    """Return an error as one line, with where it was raised."""
    text = " ".join(f"{failure['type']}: {failure['text']}".split())
    return f"{text[:300]}{', ' + place(failure) if failure['frames'] else ''}"


def place(failure: Said) -> str:
    """Return the last place in the project's own files, such as shop/settings.py:12."""
    if not failure["frames"]:
        return "in a package"
    last = failure["frames"][-1]
    return f"{last['file'].removeprefix('/app/')}:{last['line']}"
