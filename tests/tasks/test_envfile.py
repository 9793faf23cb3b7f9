"""The environment file: written once and for its owner alone, read byte for byte, and who wins over whom."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks.security.base import SECRET_KEY_MIN_LENGTH, SECRET_KEY_MIN_UNIQUE_CHARACTERS
from dotenv import dotenv_values
from hypothesis import example, given, settings
from hypothesis import strategies as st
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit

from steps import envfile, venv
from steps.project import Project
from support import free_port

Inv = Callable[..., subprocess.CompletedProcess[str]]
Calls = Callable[..., list[dict[str, Any]]]
Noting = Callable[..., tuple[Path, Calls]]

QUICKLY = settings(max_examples=100, deadline=None, database=None)


def context(dry: bool = False) -> Context:
    return Context(Config(overrides={"run": {"dry": dry}}, lazy=True))


@pytest.fixture
def any_umask() -> Iterator[None]:
    """A shell that keeps nothing from anyone."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.posix("modes of files")
def test_new_file_is_for_its_owner_alone(project: Project, any_umask: None) -> None:
    envfile.create(context(), project)
    assert project.env_file.stat().st_mode & 0o777 == 0o600


def test_new_file_is_the_example_with_a_key(project: Project) -> None:
    envfile.create(context(), project)
    written, example = project.env_file.read_text(), envfile.EXAMPLE.read_text()
    differing = [pair for pair in zip(written.splitlines(), example.splitlines(), strict=True) if pair[0] != pair[1]]
    assert len(differing) == 1
    assert differing[0][1] == "SECRET_KEY="


def test_key_is_fresh_and_long_enough_for_django(project: Project) -> None:
    keys = {envfile.parse(envfile.from_example(), "a new file")["SECRET_KEY"] for _ in range(20)}
    assert len(keys) == 20
    for key in keys:
        assert len(key) >= SECRET_KEY_MIN_LENGTH
        assert len(set(key)) >= SECRET_KEY_MIN_UNIQUE_CHARACTERS
        assert re.fullmatch(r"[\w-]+", key, re.ASCII)  # the same to python-dotenv, Compose and a shell


@pytest.mark.posix("modes of files")
@pytest.mark.parametrize("there", ["SECRET_KEY=mine\n", "", "not even readable as one\n"])
def test_file_that_is_there_is_kept(inv: Inv, tmp_path: Path, there: str) -> None:
    file = tmp_path / ".env"
    file.write_text(there)
    file.chmod(0o640)
    typed = inv("env")
    assert "is there: nothing to do" in typed.stderr
    assert typed.returncode == 0
    assert file.read_text() == there
    assert file.stat().st_mode & 0o777 == 0o640


def test_file_that_came_in_between_is_kept(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SECRET_KEY=theirs\n")
    envfile.write_new(file, "SECRET_KEY=ours\n")
    assert file.read_text() == "SECRET_KEY=theirs\n"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("fails", [["os.fdopen"], ["os.link", "pathlib.Path.hardlink_to"]], ids=["write", "link"])
def test_disk_that_is_full_is_one_sentence_and_leaves_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch, fails: list[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in fails:
        monkeypatch.setattr(name, full)
    with pytest.raises(Exit) as refused:
        envfile.create(context(), project)
    assert "No space left on device" in str(refused.value.message)
    assert list(project.env_file.parent.iterdir()) == []


NASTY = {
    "DOLLARS": "pa$$word$HOME${HOME}${NOWHERE:-x}",
    "SPACES": "  a  b  ",
    "HASH": "a # b",
    "BACKSLASH": r"C:\new\table",
    "DOUBLE": 'say "hi"',
    "EQUALS": "a=b=c",
    "UMLAUT": "Ünï ☃",
    "LINES": "one\ntwo\n",
    "COMMAND": "$(touch pwned)`touch pwned`",
    "EMPTY": "",
}


def written(values: dict[str, str]) -> str:
    return "".join(f"{name}='{value}'\n" for name, value in values.items())


def test_values_are_read_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(written(NASTY), encoding="utf-8")
    assert envfile.read(file) == NASTY


VALUES = st.text(st.sampled_from('aZ0 _=#$"`{}()\n\té☃'))


@QUICKLY
@given(st.dictionaries(st.from_regex(r"X[A-Z0-9_]{0,8}", fullmatch=True), VALUES, max_size=4))
def test_single_quotes_keep_anything(values: dict[str, str]) -> None:
    assert envfile.parse(written(values), "here") == values


@QUICKLY
@example("A=1\0")
@given(st.text(st.sampled_from("ABx1_='\"\\#$ \t\n\r\0{}é-")))
def test_any_text_gives_variables_or_one_sentence(text: str) -> None:
    try:
        values = envfile.parse(text, "here")
    except Exit as refused:
        assert re.match(r"Line \d+ of here ", str(refused.message))
        assert "\n" not in str(refused.message)
    else:
        assert not any("\0" in value for value in values.values())
        assert all(envfile.NAME.fullmatch(name) for name in values)


LINES = st.sampled_from(["A=1", "", "  ", "# A B", "export B='2'", "C='\n\n'", 'D="\n#"', "E=a b # c", "F="])


@QUICKLY
@given(st.lists(LINES), st.lists(LINES))
def test_the_line_that_is_named_is_the_one(before: list[str], after: list[str]) -> None:
    text = "\n".join([*before, "two words", *after])
    with pytest.raises(Exit, match=f"Line {text[: text.index('two words')].count(chr(10)) + 1} of here "):
        envfile.parse(text, "here")


def test_the_site_reads_the_file_as_inv_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`src/myproj/environment.py` reads `.env` itself for what is typed by hand in `src`."""
    from myproj import environment

    file = tmp_path / ".env"
    file.write_text(written(NASTY), encoding="utf-8")
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED", raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    environment.load(file)
    assert {name: os.environ[name] for name in NASTY} == NASTY
    assert dotenv_values(file, interpolate=False) == NASTY


FILE, FLAG, SHELL = {"DEBUG": "file"}, {"DEBUG": "flag"}, {"DEBUG": "shell"}
PRECEDENCE = [
    pytest.param(FLAG, FILE, SHELL, {"DEBUG": "flag"}, id="a flag wins over all"),
    pytest.param({}, FILE, SHELL, {"DEBUG": "file"}, id="the file wins over the shell"),
    pytest.param({}, {}, SHELL, {"DEBUG": "shell"}, id="the shell is last"),
    pytest.param(FLAG, {}, SHELL, {"DEBUG": "flag"}, id="a flag wins over the shell"),
    pytest.param({}, {"DEBUG": ""}, SHELL, {"DEBUG": ""}, id="an empty value in the file is a value"),
    pytest.param({}, {}, {"OTHER": "shell"}, {}, id="the shell's other variables are not the site's"),
    pytest.param({}, {"OTHER": "file"}, {"OTHER": "shell"}, {"OTHER": "file"}, id="the file's other variables are"),
    pytest.param({"OTHER": "flag"}, {}, {}, {"OTHER": "flag"}, id="a flag's other variables are"),
    pytest.param({}, {}, {"PORT": "1", "WEB_CONCURRENCY": "2"}, {"PORT": "1", "WEB_CONCURRENCY": "2"},
                 id="names that are commented out in the example count"),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "file", "shell", "wins"), PRECEDENCE)
def test_who_wins(
    tmp_path: Path, flags: dict[str, str], file: dict[str, str], shell: dict[str, str], wins: dict[str, str]
) -> None:
    path = tmp_path / ".env"
    path.write_text(written(file))
    assert envfile.site_values(path, flags, shell) == wins


ORDER = {"DEBUG": "0", "ALLOWED_HOST": "file.example", "OTHER": "pa$$word  ${HOME}"}
AROUND = {"DEBUG": "1", "ALLOWED_HOST": "shell.example", "ALLOWED_HOSTS": "shell.example", "NOT_OURS": "1"}


def of_the_site(call: dict[str, Any]) -> dict[str, str]:
    return {name: call["env"][name] for name in {*ORDER, *AROUND} if name in call["env"]}


def test_container_sees_flags_then_file_then_shell(inv: Inv, engine: Calls, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(written(ORDER))
    port = str(free_port())
    assert inv("run", "--port", port, "--env", "ALLOWED_HOST=flag.example", **AROUND).returncode == 0
    call = engine("run")[0]
    named = {call["argv"][at + 1] for at, word in enumerate(call["argv"]) if word == "--env"}
    assert named == {f"PORT={port}", "DEBUG", "ALLOWED_HOST", "ALLOWED_HOSTS", "OTHER"}
    seen = of_the_site(call)
    assert {name: seen[name] for name in named & set(seen)} == {
        **ORDER,
        "ALLOWED_HOST": "flag.example",
        "ALLOWED_HOSTS": "shell.example",
    }


def test_another_file_is_in_the_stead_of_env(inv: Inv, engine: Calls, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FROM_ENV=1\n")
    (tmp_path / "other.env").write_text("FROM_OTHER=1\n")
    assert inv("run", "--env-file", str(tmp_path / "other.env"), INVOKE_PORT=str(free_port())).returncode == 0
    argv = engine("run")[0]["argv"]
    assert "FROM_OTHER" in argv
    assert "FROM_ENV" not in argv


def test_another_file_makes_no_env(inv: Inv, engine: Calls, tmp_path: Path) -> None:
    (tmp_path / "other.env").write_text("FROM_OTHER=1\n")
    inv("run", "--env-file", str(tmp_path / "other.env"), INVOKE_PORT=str(free_port()))
    assert not (tmp_path / ".env").exists()


@pytest.fixture
def gunicorn(noting: Noting, project: Project, shell: pytest.MonkeyPatch) -> Calls:
    """A virtual environment that looks whole, whose programs only take notes."""
    (project.venv / "bin").mkdir(parents=True)
    _, calls = noting("venv/bin/python")
    venv.write_stamp(project, "venv", venv.venv_stamp(project, "/usr/bin/python3"))
    venv.write_stamp(project, "install", {"requirements": venv.REQUIREMENTS.read_text()})
    shell.setattr(venv, "has_its_packages", lambda _: True)
    return lambda: calls("-m", "gunicorn")


def test_host_sees_file_then_shell(inv: Inv, gunicorn: Calls, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(written(ORDER))
    port = str(free_port())
    assert inv("serve", "--port", port, **AROUND).returncode == 0
    call = gunicorn()[0]
    assert of_the_site(call) == {**AROUND, **ORDER}
    assert call["env"]["PORT"] == port
    assert call["env"]["PLACE"] == "host"
    assert call["argv"] == ["-m", "gunicorn", "myproj.wsgi:application"]
    assert call["cwd"].endswith("/src")


@pytest.mark.parametrize("words", ["serve", "run", "up", "shell"])
def test_env_is_written_where_there_is_none(
    inv: Inv, gunicorn: Calls, engine: Calls, tmp_path: Path, words: str
) -> None:
    typed = inv(words, INVOKE_PORT=str(free_port()), INVOKE_UP_PORT=str(free_port()))
    assert typed.returncode == 0, typed.stderr
    assert "written from .env.example" in typed.stderr
    assert envfile.read(tmp_path / ".env")["SECRET_KEY"] != ""
