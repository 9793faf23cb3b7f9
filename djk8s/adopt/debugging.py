"""Which settings are made from a DEBUG that is written as True: serving/overlay.py turns that off, but comes later."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from djk8s.adopt.layout import read
from djk8s.dotenv.reads import assigned
from djk8s.facts import Facts
from djk8s.git import tracked

# What the overlay or a debugger sees to.
SEEN_TO = {"DEBUG", "INTERNAL_IPS", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "STATIC_ROOT"}


def made_from_it(root: Path, facts: Facts) -> tuple[str, list[str]]:
    """Return the file of the settings that has DEBUG = True, and what is made from it there; ("", []) for none."""
    module = PurePosixPath(facts.src, facts.settings.replace(".", "/"))
    folder = module if (root / module).is_dir() else module.parent
    for path in (path for path in tracked(root) if path.endswith(".py") and PurePosixPath(path).parent == folder):
        if re.search("dev|local|test", PurePosixPath(path).stem):
            continue
        try:
            tree = ast.parse(read(root, path))
        except (SyntaxError, ValueError):
            continue
        if any(is_debug_on(node) for node in tree.body) and (made := sorted({*made_in(tree)} - SEEN_TO)):
            return path, made
    return "", []


def is_debug_on(node: ast.stmt) -> bool:
    """Return whether a statement is DEBUG = True."""
    found = assigned(node) if isinstance(node, (ast.Assign, ast.AnnAssign)) else ()
    return any(name == "DEBUG" and isinstance(value, ast.Constant) and value.value is True for name, value in found)


def made_in(tree: ast.AST) -> Iterator[str]:
    """Yield the settings that are assigned where DEBUG says so, or to what DEBUG says."""
    chosen = [node for node in ast.walk(tree) if isinstance(node, ast.If) and names_debug(node.test)]
    found = [(name, True) for node in chosen for name, _ in assigned(node)]
    found += [(name, names_debug(value)) for name, value in assigned(tree)]
    yield from (name for name, follows in found if follows and name.isupper())


def names_debug(node: ast.AST) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "DEBUG" for one in ast.walk(node))
