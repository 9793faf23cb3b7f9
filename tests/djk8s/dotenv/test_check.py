"""`inv env --check` names each wrong line, and `inv up` starts nothing if Compose reads a line differently."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import free_port

Inv = Callable[..., subprocess.CompletedProcess[str]]
Calls = Callable[..., list[dict[str, Any]]]
Noting = Callable[..., tuple[Path, Calls]]

FINE = "SECRET_KEY=hunter2\nDEBUG=0\nHTTPS=0\n"


def test_file_that_env_writes_is_fine(inv: Inv, engine: Calls, tmp_path: Path) -> None:
    assert inv("env").returncode == 0
    typed = inv("env", "--check")
    assert typed.returncode == 0, typed.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("PORT=abc", "PORT 'abc' is not a port: give a number from 1 to 65535, in .env or in your shell."),
        (
            "ALLOWED_HOSTS=a.example.com,[2001:db8:0:1::5] https://b.example.com/",
            "Line 4 of .env allows https://b.example.com/, which no host is called: write its name alone, as "
            "www.example.com.",
        ),
        ("WEB_CONCURRENCY=x", "WEB_CONCURRENCY is 'x', and gunicorn wants a number: write one, or take it out."),
    ],
)
def test_value_that_a_step_would_refuse_is_told(inv: Inv, engine: Calls, tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / ".env").write_text(f"{FINE}{line}\n")
    typed = inv("env", "--check")
    lines = typed.stderr.replace(str(tmp_path / ".env"), ".env").splitlines()
    assert (typed.returncode, said in lines) == (1, True), typed.stderr


def test_set_and_check_at_once_checks_what_was_set(inv: Inv, engine: Calls, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DEBUG=0\nHTTPS=0\n")
    typed = inv("env", "--check", "--set", "SECRET_KEY=hunter2")
    assert typed.returncode == 0, typed.stderr
    assert typed.stderr.splitlines()[-1].endswith(" is fine.")


FINDINGS = [
    pytest.param("SECRET_KEY=hunter2\n",
                 ["FILE does not set DEBUG: type `inv env --set DEBUG=0`.",
                  "FILE does not set HTTPS: type `inv env --set HTTPS=0`."],
                 id="settings that are missing, with what they usually are"),
    pytest.param("SECRET_KEY=\nDEBUG=0\nHTTPS=0\n",
                 ["FILE sets SECRET_KEY to nothing: type `inv env --set SECRET_KEY`."], id="a key that is empty"),
    pytest.param("hunter2 2\nA=1\nDEBUG=0\nDEBUG=1\n",
                 ["Line 1 of FILE is not NAME=value: write it so, a value with spaces or # in 'single quotes'.",
                  "Line 2 of FILE sets A, which no setting reads: take it out, or add it to .env.example.",
                  "Line 4 of FILE sets DEBUG again, after line 3; the last one counts: take one out.",
                  "FILE does not set SECRET_KEY: type `inv env --set SECRET_KEY`.",
                  "FILE does not set HTTPS: type `inv env --set HTTPS=0`."],
                 id="everything at once, in the order of the lines"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), FINDINGS)
def test_each_finding_is_said_with_its_line(inv: Inv, tmp_path: Path, text: str, said: list[str]) -> None:
    file = tmp_path / ".env"
    file.write_text(text)
    typed = inv("env", "--check", INVOKE_ENGINE="no-such-engine")
    things = f"{len(said)} thing" + "s" * (len(said) > 1)
    end = f"{things} to mend, see above."
    lines = [line for line in typed.stderr.splitlines() if not line.startswith("The site itself is not asked")]
    assert lines == [*(sentence.replace("FILE", str(file)) for sentence in said), end]
    assert (typed.returncode, typed.stdout) == (1, "")
    assert "hunter2" not in typed.stderr
    assert file.read_text() == text


NOT_PYTHON = [b"def broken(:\n", b"NAME = 'caf\xe9'\n", b"\0"]


@pytest.mark.parametrize("code", NOT_PYTHON, ids=["a syntax error", "not UTF-8", "a zero byte"])
@pytest.mark.parametrize("words", ["env --check", "doctor"])
@pytest.mark.usefixtures("same_python")
def test_file_of_the_site_that_is_not_python_is_one_sentence(
    elsewhere: Inv, checkout: Path, code: bytes, words: str
) -> None:
    (checkout / ".env").write_text(FINE)
    (checkout / "src" / "broken.py").write_bytes(code)
    typed = elsewhere(*words.split(), INVOKE_ENGINE="no-such-engine")
    said = typed.stdout + typed.stderr
    assert " ".join(said.split()).count("src/broken.py is not Python (") == 1, said
    assert "Traceback" not in said
    assert typed.returncode == 1


def answer(**variables: str) -> tuple[str, int]:
    """Return what `compose config` answers: a Compose file, in which $ is doubled; PORT and PLACE are its own."""
    own = {"PORT": "8023", "PLACE": "compose"}
    doubled = {name: value.replace("$", "$$") for name, value in {**own, **variables}.items()}
    return json.dumps({"services": {"web": {"environment": doubled}}}), 0


@pytest.fixture
def asking(noting: Noting, shell: pytest.MonkeyPatch) -> Callable[..., Calls]:
    """Make an engine whose Compose answers so about the file; returns what tells its calls."""

    def make(config: tuple[str, int], **answers: tuple[str, int]) -> Calls:
        path, calls = noting("docker", image_inspect=("sha256:0", 0), compose_config=config, **answers)
        shell.setenv("INVOKE_ENGINE", str(path))
        shell.setenv("INVOKE_UP_PORT", str(free_port()))
        return calls

    return make


OF_THE_FILE = {"SECRET_KEY": "hunter2", "DEBUG": "0", "HTTPS": "0"}
OTHERWISE = [
    pytest.param("ALLOWED_HOST=$HOME", "/root", "Compose expands $", id="a dollar"),
    pytest.param(r"ALLOWED_HOST='a\\b'", r"a\\b", "Compose reads backslashes differently", id="backslashes"),
    pytest.param("ALLOWED_HOST= # hunter2", "# hunter2", "Compose reads its quotes differently", id="a comment"),
]


@pytest.mark.parametrize(("line", "composes", "why"), OTHERWISE)
@pytest.mark.parametrize("words", ["env --check", "up"])
def test_line_that_compose_reads_otherwise_is_named(
    inv: Inv, asking: Callable[..., Calls], tmp_path: Path, line: str, composes: str, why: str, words: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"{FINE}\n# c\n{line}\n")
    calls = asking(answer(**OF_THE_FILE, ALLOWED_HOST=composes))
    typed = inv(*words.split())
    named = [said for said in typed.stderr.splitlines() if "another value" in said]
    assert named == [
        f"Line 6 of {file} gives ALLOWED_HOST another value with Compose than elsewhere ({why}): "
        "put it in 'single quotes', or type `inv env --set ALLOWED_HOST=…`."
    ]
    assert typed.returncode == 1
    assert "hunter2" not in typed.stderr + typed.stdout
    assert [call["argv"][3] for call in calls("compose", "--project-name")] == ["config"]
    assert calls("build") == calls("run") == []


def test_same_value_is_written_otherwise_by_compose_and_is_no_finding(
    inv: Inv, asking: Callable[..., Calls], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(FINE + "ALLOWED_HOST='a$$b${C}'\nPORT=1\n")
    asking(answer(**OF_THE_FILE, ALLOWED_HOST="a$$b${C}"))
    typed = inv("env", "--check")
    assert typed.returncode == 0, typed.stderr


CANNOT = [
    pytest.param("line 4: unterminated quoted value 'hunter2", "line 4: unterminated quoted value.", id="its line"),
    pytest.param(
        'Invalid template: "${hunter2"',
        "it expands $, which is in line 4 and 6: put the value in 'single quotes'.",
        id="a template",
    ),
]


@pytest.mark.parametrize(("said", "cause"), CANNOT)
@pytest.mark.parametrize("words", ["env --check", "up"])
def test_file_that_compose_cannot_read_is_refused_without_its_values(
    inv: Inv, asking: Callable[..., Calls], tmp_path: Path, said: str, cause: str, words: str
) -> None:
    (tmp_path / ".env").write_text(FINE + "ALLOWED_HOST=${hunter2\n\nALLOWED_HOSTS=$\n")
    calls = asking((f"warning\n{said}\n", 15))
    typed = inv(*words.split())
    assert f"Compose cannot read {tmp_path / '.env'}: {cause}" in typed.stderr.splitlines()
    assert "hunter2" not in typed.stderr
    assert typed.returncode == 1
    assert [call["argv"][3] for call in calls("compose", "--project-name")] == ["config"]


@pytest.mark.parametrize("said", ["unknown flag: --project-name\n", "docker: 'compose' is not a docker command.\n"])
def test_compose_has_no_say_where_there_is_none(
    inv: Inv, asking: Callable[..., Calls], tmp_path: Path, said: str
) -> None:
    (tmp_path / ".env").write_text(FINE)
    asking((said, 125))
    typed = inv("env", "--check")
    assert typed.returncode == 0, typed.stderr


def test_setting_of_the_shell_alone_is_told_to_be_none_of_composes(
    inv: Inv, asking: Callable[..., Calls], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(FINE)
    asking(answer(**OF_THE_FILE))
    typed = inv("up", ALLOWED_HOST="hunter2.example", DEBUG="1")
    told = [line for line in typed.stderr.splitlines() if "of your shell" in line]
    assert told == [
        "ALLOWED_HOST of your shell is not for Compose, which reads the file: `inv env --set ALLOWED_HOST=…` sets it."
    ]
    assert typed.returncode == 0


def test_file_that_nothing_imports_may_be_anything_and_environments_are_not_looked_at(
    elsewhere: Inv, checkout: Path
) -> None:
    (checkout / ".env").write_text(FINE + "OURS=1\n")
    for name in ("template/app.py", "venv/lib/broken.py", ".nox/x/broken.py", "node_modules/x/broken.py"):
        (checkout / "src" / name).parent.mkdir(parents=True)
        (checkout / "src" / name).write_text("{{ app }} = 1\n")
        (checkout / "src" / name).with_name("__init__.py" if "template" not in name else "x").write_text("")
    (checkout / "src/venv/pyvenv.cfg").write_text("")
    (checkout / "src/venv/ours.py").write_text('import os\nos.environ["OURS"]\n')
    typed = elsewhere("env", "--check", INVOKE_ENGINE="no-such-engine")
    assert "is not Python" not in typed.stderr
    assert "sets OURS, which no setting reads" in typed.stderr
