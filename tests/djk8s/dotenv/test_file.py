"""The environment file: written once, with mode 0600; read byte for byte; and its precedence."""

import base64
import errno
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.checks.security.base import SECRET_KEY_MIN_LENGTH, SECRET_KEY_MIN_UNIQUE_CHARACTERS
from dotenv import dotenv_values
from hypothesis import example, given, settings
from hypothesis import strategies as st
from invoke.exceptions import Exit

from djk8s.dotenv import file as dotenv
from djk8s.dotenv.file import EnvFile
from djk8s.host import venv
from djk8s.project import Project
from support import ROOT, free_port

Inv = Callable[..., subprocess.CompletedProcess[str]]
Calls = Callable[..., list[dict[str, Any]]]
Noting = Callable[..., tuple[Path, Calls]]

QUICKLY = settings(max_examples=100, deadline=None, database=None)


def parse(text: str) -> dict[str, str]:
    return dotenv.values(dotenv.parse(text), "here")


@pytest.fixture
def any_umask() -> Iterator[None]:
    """A shell that keeps nothing from anyone."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.posix("modes of files")
def test_new_file_is_for_its_owner_alone(project: Project, any_umask: None) -> None:
    dotenv.create(project)
    assert project.env_file.stat().st_mode & 0o777 == 0o600


def test_new_file_is_the_example_with_a_key(project: Project) -> None:
    dotenv.create(project)
    written, example = project.env_file.read_text(), (ROOT / ".env.example").read_text()
    differing = [pair for pair in zip(written.splitlines(), example.splitlines(), strict=True) if pair[0] != pair[1]]
    assert len(differing) == 1
    assert differing[0][1] == "SECRET_KEY="


def test_key_is_fresh_and_long_enough_for_django(project: Project) -> None:
    one, other = (EnvFile(project).values["SECRET_KEY"] for _ in range(2))
    assert one != other
    assert len(one) >= SECRET_KEY_MIN_LENGTH
    assert len(set(one)) >= SECRET_KEY_MIN_UNIQUE_CHARACTERS
    assert re.fullmatch(r"[\w-]+", one, re.ASCII)  # the same to python-dotenv, Compose and a shell


@pytest.mark.posix("modes of files")
def test_file_that_is_there_is_kept(inv: Inv, tmp_path: Path) -> None:
    file, there = tmp_path / ".env", "not even readable as one\n"
    file.write_text(there)
    file.chmod(0o640)
    typed = inv("env")
    assert "is there: nothing to do" in typed.stderr
    assert typed.returncode == 0
    assert file.read_text() == there
    assert file.stat().st_mode & 0o777 == 0o640


def test_file_that_came_in_between_is_kept_and_read(project: Project) -> None:
    env = EnvFile(project)
    assert env.missing
    project.env_file.write_text("SECRET_KEY=theirs\n")
    assert dotenv.ensure(env).values == {"SECRET_KEY": "theirs"}
    assert project.env_file.read_text() == "SECRET_KEY=theirs\n"
    assert list(project.env_file.parent.iterdir()) == [project.env_file]


@pytest.mark.parametrize("words", ["run", "up", "serve", "env --check", "env --set A=1 --check", "doctor"])
def test_file_is_read_once_and_parsed_once(
    inv: Inv, engine: Calls, gunicorn: Calls, shell: pytest.MonkeyPatch, tmp_path: Path, words: str
) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=x\nDEBUG=0\nHTTPS=0\n")
    reads, parses = [], []
    real_read, real_parse = dotenv.read, dotenv.parse

    def noting_read(path: Path, name: str) -> str:
        reads.append(path)
        return real_read(path, name)

    def noting_parse(text: str) -> Iterator[dotenv.Line]:
        parses.append(text)
        return real_parse(text)

    shell.setattr(dotenv, "read", noting_read)
    shell.setattr(dotenv, "parse", noting_parse)
    inv(*words.split(), INVOKE_PORT=str(free_port()), INVOKE_UP_PORT=str(free_port()))
    assert reads.count(tmp_path / ".env") == 1
    assert len(parses) == 1


@pytest.mark.parametrize("fails", [["os.fdopen"], ["os.link", "pathlib.Path.hardlink_to"]], ids=["write", "link"])
def test_disk_that_is_full_is_one_sentence_and_leaves_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch, fails: list[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in fails:
        monkeypatch.setattr(name, full)
    with pytest.raises(Exit) as refused:
        dotenv.create(project)
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


VALUES = st.text(st.sampled_from('aZ0 _=#$"`{}()\n\té☃'))


@QUICKLY
@given(st.dictionaries(st.from_regex(r"X[A-Z0-9_]{0,8}", fullmatch=True), VALUES, max_size=4))
def test_single_quotes_keep_anything(values: dict[str, str]) -> None:
    assert parse(written(values)) == values


@QUICKLY
@example("A=1\0")
@given(st.text(st.sampled_from("ABx1_='\"\\#$ \t\n\r\0{}é-")))
def test_any_text_gives_variables_or_one_sentence(text: str) -> None:
    try:
        values = parse(text)
    except Exit as refused:
        assert re.match(r"Line \d+ of here ", str(refused.message))
        assert "\n" not in str(refused.message)
    else:
        assert not any("\0" in value for value in values.values())
        assert all(dotenv.NAME.fullmatch(name) for name in values)


LINES = st.sampled_from(["A=1", "", "  ", "# A B", "export B='2'", "C='\n\n'", 'D="\n#"', "E=a b # c", "F="])


@QUICKLY
@given(st.lists(LINES), st.lists(LINES))
def test_the_line_that_is_named_is_the_one(before: list[str], after: list[str]) -> None:
    text = "\n".join([*before, "two words", *after])
    with pytest.raises(Exit, match=f"Line {text[: text.index('two words')].count(chr(10)) + 1} of here "):
        parse(text)


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

    pytest.param({}, {"DEBUG": ""}, SHELL, {"DEBUG": ""}, id="an empty value in the file is a value"),
    pytest.param({}, {}, {"OTHER": "shell"}, {}, id="the shell's other variables are not the site's"),
    pytest.param({}, {"OTHER": "file"}, {"OTHER": "shell"}, {"OTHER": "file"}, id="the file's other variables are"),

    pytest.param({}, {}, {"PORT": "1", "WEB_CONCURRENCY": "2"}, {"PORT": "1", "WEB_CONCURRENCY": "2"},
                 id="names that are commented out in the example count"),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "file", "shell", "wins"), PRECEDENCE)
def test_who_wins(
    project: Project, flags: dict[str, str], file: dict[str, str], shell: dict[str, str], wins: dict[str, str]
) -> None:
    project.env_file.write_text(written(file))
    assert EnvFile(project).for_the_site(shell, flags) == wins


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


@pytest.fixture
def gunicorn(noting: Noting, project: Project, shell: pytest.MonkeyPatch) -> Calls:
    """A virtual environment that looks whole, whose programs only take notes."""
    (project.venv / "bin").mkdir(parents=True)
    _, calls = noting("venv/bin/python")
    made = venv.venv_stamp(project, "/usr/bin/python3")
    venv.write_stamp(project, {**made, "requirements": project.requirements.read_text()})
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
    assert call["argv"][:3] == ["-m", "gunicorn", "--config"]
    assert call["cwd"].endswith("/src")


@pytest.mark.parametrize("words", ["serve", "run", "up", "shell"])
def test_env_is_written_where_there_is_none(
    inv: Inv, gunicorn: Calls, engine: Calls, tmp_path: Path, words: str
) -> None:
    typed = inv(words, INVOKE_PORT=str(free_port()), INVOKE_UP_PORT=str(free_port()))
    assert typed.returncode == 0, typed.stderr
    assert "written from .env.example" in typed.stderr
    assert parse((tmp_path / ".env").read_text())["SECRET_KEY"] != ""


def test_each_secret_that_the_example_leaves_empty_gets_a_value_of_its_own(project: Project, tmp_path: Path) -> None:
    example = tmp_path / "example"
    empty = "ORCHARD_SECRET=\nJWT_SIGNING_KEY=\nPASSWORD_SALT=  \nFIELD_ENCRYPTION_KEY=\n"
    theirs = "AWS_SECRET_ACCESS_KEY=\nGOOGLE_CLIENT_SECRET=\nSECRET_KEY_FILE=\nAPI_SECRET=given\n# A_SECRET=\n"
    example.write_text(f"SECRET_KEY=changeme\n{empty}{theirs}")
    env = EnvFile(replace(project, env_example=example))
    assert env.secrets == ["SECRET_KEY", "ORCHARD_SECRET", "JWT_SIGNING_KEY", "PASSWORD_SALT", "FIELD_ENCRYPTION_KEY"]
    assert env.text.endswith(theirs)
    fresh = [env.values[name] for name in env.secrets]
    assert len(set(fresh)) == 5
    assert all(len(value) >= 44 for value in fresh)
    assert len(base64.urlsafe_b64decode(env.values["FIELD_ENCRYPTION_KEY"])) == 32  # as Fernet wants it


def test_what_was_written_is_said(project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = tmp_path / "example"
    for text, said in (("A_SALT=\nB_SALT=\n", ", with a fresh A_SALT and B_SALT."), ("DEBUG=0\n", f"{example}.")):
        example.write_text(text)
        dotenv.create(replace(project, env_example=example))
        assert capsys.readouterr().err.rstrip().endswith(said)
        project.env_file.unlink()
