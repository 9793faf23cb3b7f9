"""What is asked of a person."""

import pytest
from invoke import Exit

from djk8s.shell import talk


@pytest.mark.parametrize(("typed", "agrees"), [("y", True), ("Yes ", True), ("", False), ("n", False), (None, False)])
def test_only_a_yes_goes_on(monkeypatch: pytest.MonkeyPatch, typed: str | None, agrees: bool) -> None:
    def answer(question: str) -> str:
        assert question == "All of it? [y/N] "
        if typed is None:
            raise EOFError
        return typed

    monkeypatch.setattr(talk, "at_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", answer)
    if agrees:
        talk.confirm("All of it?")
    else:
        with pytest.raises(Exit, match="Nothing was changed"):
            talk.confirm("All of it?")


def test_where_nobody_is_at_a_terminal_nobody_is_asked() -> None:
    talk.confirm("All of it?")
