"""Which variables Python code reads, and into which settings, as far as its text says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

NAME = re.compile(r"[A-Z][A-Z0-9_]*")
READER = re.compile(r"env|config", re.IGNORECASE)  # os.getenv, environ.get, env.bool, config, get_env_variable
NO_READER = re.compile(r"setdefault|setenv|delenv|pop|update|prefixed|read_env|load_dotenv")
# django-environ's readers that have a variable of their own.
USUAL = {"db": "DATABASE_URL", "db_url": "DATABASE_URL", "cache": "CACHE_URL", "cache_url": "CACHE_URL"}
USUAL |= {"email": "EMAIL_URL", "email_url": "EMAIL_URL", "search_url": "SEARCH_URL", "channels": "CHANNELS_URL"}
CELERY = {"broker": "CELERY_BROKER_URL", "backend": "CELERY_RESULT_BACKEND"}


@dataclass(frozen=True)
class Read:
    """A variable that is read, with the Python of its default; None where there is none."""

    name: str
    default: str | None
    file: str
    line: int


@dataclass
class Reads:
    """What several files read; `into` has the variables and the other names by the setting they are assigned to."""

    found: list[Read] = field(default_factory=list)
    into: dict[str, set[str]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return {read.name for read in self.found}

    def of(self, *settings: str) -> list[str]:
        """Return the variables that settings come from, also through another name that their lines use."""
        known, seen, queue = self.names, set[str](), list(settings)
        while queue:
            setting = queue.pop()
            if setting not in seen:
                seen.add(setting)
                queue += self.into.get(setting, ())
        direct = {name for setting in seen for name in self.into.get(setting, ())}
        return sorted(direct & known)


def scan(root: Path, paths: Iterable[str]) -> Reads:
    """Return what files below a folder read; what is not Python for the Python that runs this is left out."""
    reads = Reads()
    for path in paths:
        try:
            tree = ast.parse((root / path).read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue
        reads.found += [read for node in ast.walk(tree) for read in read_by(node, path)]
        for target, value in assigned(tree):
            names = {one.id for one in ast.walk(value) if isinstance(one, ast.Name)}
            variables = {read.name for one in ast.walk(value) for read in read_by(one, path)}
            reads.into.setdefault(target, set()).update(names | variables)
    return reads


def read_by(node: ast.AST, file: str = "") -> Iterator[Read]:
    """Yield the variables that one expression, or one class of pydantic's, reads."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and is_environ(node.value):
        if name := constant(node.slice):
            yield Read(name, None, file, node.lineno)
    elif isinstance(node, ast.Call):
        for name, default in called(node):
            yield Read(name, default, file, node.lineno)
    elif isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("BaseSettings") for base in node.bases):
        for name, default in fields(node):
            yield Read(name, default, file, node.lineno)


def called(node: ast.Call) -> Iterator[tuple[str, str | None]]:
    """Yield the variable that a call reads, with its default."""
    whole = ast.unparse(node.func)
    last = whole.rpartition(".")[2]
    words = {word.arg: word.value for word in node.keywords if word.arg}
    if last in {"Env", "FileAwareEnv"}:  # environ.Env(DEBUG=(bool, False))
        for name, value in words.items():
            if isinstance(value, ast.Tuple) and len(value.elts) > 1:
                yield name, ast.unparse(value.elts[1])
        return
    if whole == "dj_database_url.config":
        name = constant(words.get("env")) or "DATABASE_URL"
        yield name, ast.unparse(words["default"]) if "default" in words else "None"
        return
    if not READER.search(whole) or NO_READER.search(last):
        return
    first = constant(node.args[0]) if node.args else None
    name = first or (USUAL.get(last, "") if not node.args else "")
    if name:
        default = words.get("default") or next(iter(node.args[1:]), None)
        yield name, ast.unparse(default) if default else "None" if is_optional(whole) else None


def is_optional(reader: str) -> bool:
    """Return whether what reads gives None where the variable is missing."""
    return reader.endswith(("environ.get", "getenv"))


def is_environ(node: ast.AST) -> bool:
    return ast.unparse(node) in {"os.environ", "environ"}


def constant(node: ast.AST | None) -> str | None:
    """Return the name of a variable that stands there, if one does."""
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) and NAME.fullmatch(value) else None


def fields(node: ast.ClassDef) -> Iterator[tuple[str, str | None]]:
    """Yield the variables of a class of pydantic-settings, with their defaults."""
    values = [(one.arg, one.value) for one in ast.walk(node) if isinstance(one, ast.keyword)]
    values += [(ast.unparse(one.targets[0]), one.value) for one in ast.walk(node) if isinstance(one, ast.Assign)]
    prefix = next((text(value) for name, value in values if name == "env_prefix"), "")
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.target.id != "model_config":
            alias, default = "", None if one.value is None else ast.unparse(one.value)
            if isinstance(one.value, ast.Call) and ast.unparse(one.value.func).endswith("Field"):
                words = {word.arg: word.value for word in one.value.keywords}
                alias = text(words.get("validation_alias") or words.get("alias"))
                given = words.get("default") or next(iter(one.value.args), None) or words.get("default_factory")
                default = None if given is None or ast.unparse(given) == "..." else ast.unparse(given)
            yield (alias or prefix + one.target.id).upper(), default


def text(node: ast.AST | None) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def assigned(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield each name to which something is assigned or added, with what; Celery's broker counts as the setting."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from ((one.id, node.value) for one in node.targets if isinstance(one, ast.Name))
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Celery"):
            yield from ((CELERY[word.arg], word.value) for word in node.keywords if word.arg in CELERY)
