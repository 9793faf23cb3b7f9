"""A line of the environment file: python-dotenv and Compose read it as the value, and nothing around it changes."""

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from invoke.exceptions import Exit

from djk8s.compose import stack
from djk8s.dotenv import file
from djk8s.dotenv import line as env_line
from djk8s.project import Project
from nasty import NASTY
from projects_here import configured
from support import ROOT

QUICKLY = settings(max_examples=300, deadline=None, database=None)


def read(text: str) -> dict[str, str]:
    """Return the values that the host and `inv run` see: a file is opened as python-dotenv opens it."""
    return file.values(file.parse(text), "here")


def lines(values: Mapping[str, str]) -> str:
    return "".join(env_line.line(name, value) + "\n" for name, value in values.items())


@pytest.mark.parametrize("name", NASTY)
def test_nasty_value_is_read_as_it_was_written(name: str) -> None:
    assert read(env_line.line(name, NASTY[name]) + "\n") == {name: NASTY[name]}


@pytest.mark.parametrize("value", ["1", "https://user@host:80/a", "50%", "~/x"])
def test_plain_value_has_no_quotes(value: str) -> None:
    assert env_line.line("A", value) == f"A={value}"


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
NASTY_TEXT = st.text(st.sampled_from("a Z0_=#$\\\\'\"`{}()!~*%n\n\r\té\x85\u2028"), max_size=12)


@QUICKLY
@example("\\")
@example("$\\")
@example("$\r")
@example("$\\'")
@example("$\\\\")
@given(TEXT | NASTY_TEXT)
def test_any_text_is_written_and_read_back_or_refused_in_one_sentence(value: str) -> None:
    try:
        line = env_line.line("A", value)
    except Exit as refused:
        assert re.match(r"A cannot be written so that .*\.\Z", str(refused.message))
        assert "$" in value
        assert re.search(r"\\[\\']|\\\Z|\r", value)
    else:
        assert read(line) == {"A": value}
        assert read(f"A=1\n{line}  # it's a \"comment\"\nB='2'\n") == {"A": value, "B": "2"}


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(Exit, match="A cannot be written: it is not text in UTF-8"):
        env_line.line("A", "hunter2 \udcff")


IN_PLACE = [
    pytest.param("A=old", "A=new", id="a last line without an end"),
    pytest.param("# c\nA=old\n\n# d\nB=2\n", "# c\nA=new\n\n# d\nB=2\n", id="comments around it stay"),
    pytest.param("A='o#d' # it's why\nB=2\n", "A=new  # it's why\nB=2\n", id="a comment behind quotes stays"),
    pytest.param('A="o\\"d # "# why\n', "A=new  # why\n", id="a comment right behind double quotes stays"),
    pytest.param("A= # why\n", "A=new  # why\n", id="a comment behind nothing stays"),
    pytest.param("A=it's'#hunter2\n", "A=new\n", id="what only ends like a quoted value goes"),
    pytest.param("A='one\ntwo # no\n'\nB=2\n", "A=new\nB=2\n", id="a value of several lines goes"),
    pytest.param("export\tA = old\n", "export\tA=new\n", id="export stays, and spaces around = go"),
    pytest.param("'A'=old\n", "A=new\n", id="a name in quotes is the same name"),
    pytest.param("A # why\n", "A=new  # why\n", id="a name without a value keeps its comment"),
    pytest.param("# c\r\nA=old\r\nB=2\r\n", "# c\r\nA=new\r\nB=2\r\n", id="line ends of Windows stay"),
    pytest.param("\ufeffA=old\r\n", "\ufeffA=new\r\n", id="the mark that Windows begins with stays"),
    pytest.param("A=1\nB=2\nA=3\nC=4\n", "A=1\nB=2\nA=new\nC=4\n", id="of two the last is replaced"),
    pytest.param("#A=old\nAA=1\nB=A\n", "#A=old\nAA=1\nB=A\nA=new\n", id="what only looks like it stays"),
    pytest.param("", "A=new\n", id="an empty file gets it"),
    pytest.param("B=2", "B=2\nA=new\n", id="it is appended after a last line without an end"),
    pytest.param("B=2\r\nC=3", "B=2\r\nC=3\r\nA=new\r\n", id="it is appended where Windows ended no line"),
]


@pytest.mark.parametrize(("before", "after"), IN_PLACE)
def test_value_is_set(before: str, after: str) -> None:
    assert env_line.with_line(before, "A", "new") == after


@pytest.mark.parametrize("value", ["", "a # b", "it's", "two\nlines", "C:\\dir\\", 'a\r"'])
def test_comment_behind_it_becomes_no_part_of_a_value(value: str) -> None:
    text = env_line.with_line('A=old  # it\'s "why" $X\nB=2\n', "A", value)
    assert text.endswith('  # it\'s "why" $X\nB=2\n')
    assert read(text) == {"A": value, "B": "2"}


AROUND = st.lists(
    st.sampled_from(
        ["", "  ", "# A=no", "#", "B=1", "B = '2' # c", "AA=3", 'export C="4\n# 5"', "D=", "E=a#b", "F=it's", "G='\n'"]
    ),
    max_size=5,
)
OURS = st.sampled_from(["A=1", "export A='2'", 'A="3\n4"', "  A = 5", "A=", "A=a#b", "A"])
COMMENT = st.sampled_from(["", " # c", "\t#", "  # it's"])


@QUICKLY
@given(AROUND, st.lists(OURS, max_size=2), OURS, COMMENT, AROUND, st.sampled_from(["\n", "\r\n"]), NASTY_TEXT)
def test_nothing_else_of_a_file_changes(
    first: list[str], doubled: list[str], ours: str, comment: str, last: list[str], end: str, value: str
) -> None:
    before = "".join(line + end for line in [*first, *doubled])
    after = "".join(line + end for line in ["", *last])
    try:
        text = env_line.with_line(before + ours + comment + after, "A", value)
    except Exit:
        return
    assert text.startswith(before)
    assert text.endswith(comment.strip() + after)
    around = {line.name: line.value for line in file.parse(before + after) if line.name != "A"}
    assert {line.name: line.value for line in file.parse(text)} == {**around, "A": value}


def compose_is_here() -> bool:
    """Return whether there is a Compose to ask; it needs no engine for that."""
    try:
        return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


WITH_COMPOSE = pytest.mark.skipif(not compose_is_here(), reason="there is no Compose to ask")


def composes(project: Project, text: str) -> Mapping[str, str]:
    """Return what the real Compose reads in an environment file, as `inv up` asks it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, ".env")
        path.write_text(text, encoding="utf-8", newline="")
        reading = stack.reading(replace(project, env_file=path))
    assert isinstance(reading, Mapping), reading
    return {name: value for name, value in reading.items() if name not in {"PORT", "PLACE"}}


@WITH_COMPOSE
def test_compose_reads_nasty_values_as_they_were_written(project: Project) -> None:
    assert composes(project, lines(NASTY)) == NASTY


HERE = configured(ROOT)


@WITH_COMPOSE
@settings(max_examples=30, deadline=None, database=None, derandomize=True)
@example(["", "$\\", "$\\'", "$\\\\", "$\r", "$'$\\\"", "\\", "\\\\'"])
@given(st.lists(TEXT | NASTY_TEXT, min_size=20, max_size=20))
def test_compose_reads_any_value_that_is_written_and_no_comment_behind_it(many: list[str]) -> None:
    values = {}
    text = "".join(f'A{number}=old  # it\'s "why" $HOME\n' for number in range(0, len(many), 2))
    for number, value in enumerate(many):
        with contextlib.suppress(Exit):  # where nothing means it to both
            text = env_line.with_line(text, f"A{number}", value)
            values[f"A{number}"] = value
    assert len(values) >= len(many) / 3
    composed = composes(HERE, text)
    assert {name: composed.get(name) for name in values} == values
    assert composed == read(text)
