"""The variables of a project: `.env.example`, from what it cannot do without, what its files read, and our own."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from djk8s.adopt.layout import deploys, is_of_tests, name_of, read
from djk8s.dotenv.check import NOT_FOR_PEOPLE
from djk8s.dotenv.file import is_secret
from djk8s.dotenv.line import PLAIN, line
from djk8s.dotenv.reads import NAME, Read, Reads, scan
from djk8s.git import tracked

EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", "env.example", "example.env", "sample.env")
NOT_THEIRS = re.compile(r"HOME|PATH|USER|PWD|SHELL|TERM|CI|HOSTNAME|PYTHON\w*|PYTEST\w*|GITHUB_\w*|TOX\w*|RUN_MAIN")
WORD = "prod|production|Production|PRODUCTION"
ENVIRONMENT = re.compile("(^|_)(ENV|ENVIRONMENT|STAGE)$")
REQUIRED = "# The settings cannot do without these. The values are placeholders: put your own."
OPTIONAL = "# What else its code reads, with the default of each, or an example."


def of(root: Path) -> Reads:
    """Return what the project's own Python reads, but for its tests."""
    return scan(root, [path for path in tracked(root) if path.endswith(".py") and not is_of_tests(path)])


def production(root: Path, reads: Reads) -> dict[str, str]:
    """Return the variables that choose an environment, each with the word for production in the files that deploy.

    Where those have none, the code that reads the variable may have it.
    """
    deploy = [read(root, path) for path in tracked(root) if deploys(path)]
    found: dict[str, str] = {}
    for one in reads.found:
        if ENVIRONMENT.search(one.name):
            said = (re.search(rf"\b{one.name}[\"']?\s*[:=]\s*[\"']?({WORD})\b", text) for text in deploy)
            word = next(filter(None, said), None) or re.search(f"[\"']({WORD})[\"']", read(root, one.file))
            if word:
                found.setdefault(one.name, word[1])
    return found


def theirs(root: Path) -> str:
    """Return the text of their example of an environment file; "" if git tracks none."""
    found = [path for path in tracked(root) if name_of(path) in EXAMPLES]
    return read(root, min(found, key=lambda path: path.count("/"))) if found else ""


def example(required: Mapping[str, str], reads: Reads, theirs: str, ours: str) -> str:
    """Return the text of `.env.example`: what is required, what is read, and the settings of serving/.

    `theirs` is their own example, whose comments and values stay, and `ours` the general part of ours.
    """
    comments, values = described(theirs)
    header, *blocks = ours.split("\n\n")
    general = {name: block for block in blocks for name in names_in(block)}
    first = [block for block in blocks if set(names_in(block)) & required.keys()]
    rest = [block for block in blocks if block not in first]

    for name in (name for name in reads.of("SECRET_KEY") if name in required and name != "SECRET_KEY"):
        rest = [
            block.replace("\nSECRET_KEY=", f"\n# {name}, which the settings read, wins.\nSECRET_KEY=") for block in rest
        ]
    needed = [with_values(block, required) for block in first]
    for name, value in required.items():
        if name not in general:
            needed.append(comments.get(name, "") + assignment(name, value))
    optional: list[str] = []
    read_here = {one.name: one for one in sorted(reads.found, key=lambda one: one.default is None)}
    known = {*required, *general, *NOT_FOR_PEOPLE}
    for name in dict.fromkeys([*values, *(one.name for one in reads.found)]):
        is_whole = any(one.startswith(f"{name}__") for one in required)  # of pydantic, whose parts are required
        if name not in known and not is_whole and not NOT_THEIRS.fullmatch(name):
            optional.append(comments.get(name, "") + commented(name, values.get(name), read_here.get(name)))
    parts = [header, *section(REQUIRED, needed), *section(OPTIONAL, optional), *rest]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def section(title: str, entries: list[str]) -> list[str]:
    """Return a section; entries without a comment stand together."""
    if not entries:
        return []
    plain, told = [one for one in entries if "\n" not in one], [one for one in entries if "\n" in one]
    return ["\n".join([title, *plain]), *told]


def assignment(name: str, value: str) -> str:
    """Return a line that sets a variable; a secret is empty, so that each .env gets a fresh one."""
    return f"{name}=" if is_secret(name) or not value else line(name, value)


def commented(name: str, value: str | None, read: Read | None) -> str:
    """Return a line that says what a variable is by default, or in their example."""
    default = plain(read.default) if read else ""
    shown = "" if is_secret(name) else value or default
    return f"# {name}={shown if PLAIN.fullmatch(shown) else repr(shown) if shown else ''}"


def plain(default: str | None) -> str:
    """Return a default of Python as it stands in an environment; "" where it is more than a value."""
    try:
        value = ast.literal_eval(default or "None")
    except (ValueError, SyntaxError):
        return ""
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "" if value is None or isinstance(value, (dict, set)) else str(value)


def described(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the comments above each name of an example, and its values, set or commented out."""
    comments: dict[str, str] = {}
    values: dict[str, str] = {}
    above: list[str] = []
    for one in text.replace("\r\n", "\n").splitlines():
        found = re.fullmatch(r"(# ?)?(?:export )?([A-Z][A-Z0-9_]*) ?= ?(.*)", one.strip())
        if found:
            name = found[2]
            comments[name] = "".join(f"{comment}\n" for comment in above)
            values[name] = found[3].split(" #")[0].strip().strip("'\"")
        above = [*above, one.strip()] if one.startswith("#") and not found else []
    return comments, values


def names_in(block: str) -> list[str]:
    return re.findall(rf"^#? ?({NAME.pattern})=", block, re.MULTILINE)


def with_values(block: str, required: Mapping[str, str]) -> str:
    """Return a block of ours in which a variable that is required is set."""
    for name in names_in(block):
        if name in required:
            setting = assignment(name, required[name])
            lines = [setting if re.match(rf"#? ?{name}=", one) else one for one in block.split("\n")]
            block = "\n".join(lines)
    return block
