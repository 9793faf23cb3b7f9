"""What the tests of agreement share: a failure is one sentence, which names both files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support import ROOT


@pytest.fixture
def agree() -> Callable[[object, str], None]:
    """Fail with a sentence, and nothing else, unless something is true."""

    def judge(true: object, sentence: str) -> None:
        if not true:
            pytest.fail(sentence, pytrace=False)

    return judge


@pytest.fixture
def text() -> Callable[[str], str]:
    """Read a file of the project."""
    return lambda name: (ROOT / name).read_text(encoding="utf-8")
