"""What looking at a project gives: a value and where it was read, or a question that only its people can answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class Found(Generic[Value]):
    """A value, and where it was read, such as `manage.py` or `Django`."""

    value: Value
    where: str


class Unsure(Exception):  # noqa: N818 - a question, and no error
    """Several answers are possible; `flag` is the option of `djk8s adopt` that gives one, such as `--settings`."""

    def __init__(self, flag: str, question: str, choices: tuple[str, ...]) -> None:
        super().__init__(question)
        self.flag, self.question, self.choices = flag, question, choices
