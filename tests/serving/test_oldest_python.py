"""serving/ runs on the oldest Python that an adopted project may have, where annotations must not be evaluated."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from support import ROOT

FILES = sorted((ROOT / "serving").glob("*.py"))


def annotated(tree: ast.Module) -> list[ast.expr]:
    """Return what functions and assignments are annotated with."""
    found: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found += [node.returns, *(one.annotation for one in ast.walk(node.args) if isinstance(one, ast.arg))]
        elif isinstance(node, ast.AnnAssign):
            found.append(node.annotation)
    return [one for one in found if one]


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_unions_in_annotations_are_not_evaluated(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 9))
    unions = [one for whole in annotated(tree) for one in ast.walk(whole) if isinstance(one, ast.BinOp)]
    assert not unions or "from __future__ import annotations" in text
