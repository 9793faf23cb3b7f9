"""What `djk8s adopt` writes at its end, and what it refuses at its beginning."""

import re
from argparse import Namespace
from pathlib import Path

import pytest
from invoke import Exit

from djk8s.adopt import command, questions
from djk8s.adopt.found import Unsure
from djk8s.command import main
from djk8s.facts import Facts
from support import ROOT


def test_env_has_fresh_secrets_and_what_was_given(tmp_path: Path) -> None:
    assert command.write_env(tmp_path, "SECRET_KEY=\nAPI_SECRET=\nPHONE=\n", {"API_SECRET": "mine", "PHONE": "1 2"})
    text = (tmp_path / ".env").read_text()
    assert "API_SECRET=mine\n" in text
    assert "PHONE='1 2'\n" in text
    assert "SECRET_KEY=\n" not in text
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_env_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MINE=1\n")
    assert not command.write_env(tmp_path, "SECRET_KEY=\n", {})
    assert (tmp_path / ".env").read_text() == "MINE=1\n"


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exit, match="There is no folder"):
        command.run(Namespace(folder=str(tmp_path / "nowhere")))


def test_project_that_is_adopted_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".djk8s.toml").write_text("")
    command.run(Namespace(folder=str(tmp_path)))
    assert "is adopted already" in capsys.readouterr().err


def test_without_a_terminal_a_question_names_its_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "at_terminal", lambda: False)
    with pytest.raises(Exit, match=r"--settings: a\.one, a\.two"):
        questions.answered(Unsure("--settings", "Which settings is it served with?", ("a.one", "a.two")))


@pytest.mark.parametrize(("typed", "answer"), [("2", "a.two"), ("a.one", "a.one")])
def test_answer_is_a_number_or_the_word(monkeypatch: pytest.MonkeyPatch, typed: str, answer: str) -> None:
    monkeypatch.setattr(questions, "at_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: typed)
    assert questions.answered(Unsure("--settings", "Which?", ("a.one", "a.two"))) == answer


@pytest.mark.parametrize("typed", ["", "3", "0", "x"])
def test_other_answer_ends_it(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr(questions, "at_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: typed)
    with pytest.raises(Exit, match="none of them, and nothing was written"):
        questions.answered(Unsure("--settings", "Which?", ("a.one", "a.two")))


def test_flag_with_which_a_fact_is_chosen_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    rules = [file.read_text() for file in (ROOT / "djk8s/adopt").glob("*.py")]
    named = {flag for text in rules for flag in re.findall(r'(?:Found\([^)]*|Unsure\()"(--[a-z-]+)"', text)}
    assert len(named) > 5
    with pytest.raises(SystemExit):
        main(["adopt", "--help"])
    assert named <= {*re.findall("--[a-z-]+", capsys.readouterr().out)}


def test_only_files_that_are_there_are_named_as_theirs(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    beside = {"Dockerfile": "Dockerfile.djk8s", ".dockerignore": "Dockerfile.djk8s.dockerignore"}
    facts = Facts("shop", "shop.settings", "shop.wsgi:application", renamed=beside)
    said = command.what_it_writes(tmp_path, facts, {"Dockerfile.djk8s": ""})
    assert "Your own files stay: Dockerfile.djk8s beside Dockerfile." in said


@pytest.mark.parametrize(
    ("env", "on"),
    [("export DEBUG='True'\n", True), ("DEBUG=1 # here\n", True), ("DEBUG=0\nX\n", False), ("# DEBUG=1\n", False)],
)
def test_debug_in_an_env_of_theirs_is_noticed(env: str, on: bool) -> None:
    assert command.has_debug_on(env) is on
