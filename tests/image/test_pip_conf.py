"""A company's pip.conf in uv's words, as a real shell takes them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import ROOT, one_sentence

PIP_CONF = ROOT / "image" / "pip_conf.py"
Exported = Callable[..., dict[str, str]]


def say(file: Path) -> subprocess.CompletedProcess[str]:
    """Say a file in uv's words, as the Dockerfile does."""
    return subprocess.run([sys.executable, PIP_CONF, file], capture_output=True, text=True, check=False)


@pytest.fixture
def exported(tmp_path: Path) -> Exported:
    """Return the variables that a shell has, beside its own, once it took what a pip.conf means."""

    def variables(text: str) -> dict[str, str]:
        (tmp_path / "pip.conf").write_text(text)
        said = say(tmp_path / "pip.conf")
        assert said.returncode == 0, said.stderr
        words = ["sh", "-c", 'eval "$1"; env -0', "sh", said.stdout]
        shell = subprocess.run(words, cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
        assert shell.stderr == ""
        assert [path.name for path in tmp_path.iterdir()] == ["pip.conf"]
        found = dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)
        return {name: value for name, value in found.items() if name not in {"PWD", "OLDPWD", "SHLVL", "_"}}

    return variables


OPTIONS = [
    ("index-url = https://a.example/simple", {"UV_DEFAULT_INDEX": "https://a.example/simple"}),
    ("extra-index-url = https://a.example\n  https://b.example", {"UV_INDEX": "https://a.example https://b.example"}),
    (
        "extra-index-url =\n  https://a.example\n  https://b.example",
        {"UV_INDEX": "https://a.example https://b.example"},
    ),
    ("find-links = /a /b\n  https://c.example", {"UV_FIND_LINKS": "/a,/b,https://c.example"}),
    ("trusted-host = a.example\n  b.example:8443", {"UV_INSECURE_HOST": "a.example b.example:8443"}),
    ("timeout = 60\nretries = 2", {"UV_HTTP_TIMEOUT": "60", "UV_HTTP_RETRIES": "2"}),
    ("proxy = http://proxy.example:3128", {"ALL_PROXY": "http://proxy.example:3128"}),
    ("index_url = https://a.example", {"UV_DEFAULT_INDEX": "https://a.example"}),
    ("Index-URL: https://a.example", {"UV_DEFAULT_INDEX": "https://a.example"}),
    ("index-url =", {}),
    ("", {}),
]


@pytest.mark.parametrize(("options", "variables"), OPTIONS, ids=[options for options, _ in OPTIONS])
def test_option_is_said_in_uvs_words(exported: Exported, options: str, variables: dict[str, str]) -> None:
    assert exported(f"[global]\n{options}\n") == variables


@pytest.mark.parametrize("order", [("global", "install"), ("install", "global")], ids=" before ".join)
def test_section_of_install_wins_over_global(exported: Exported, order: tuple[str, str]) -> None:
    options = {
        "global": "index-url = https://all.example\nretries = 1",
        "install": "index_url = https://install.example",
    }
    found = exported("".join(f"[{name}]\n{options[name]}\n" for name in order))
    assert found == {"UV_DEFAULT_INDEX": "https://install.example", "UV_HTTP_RETRIES": "1"}


def test_section_of_another_command_means_nothing(exported: Exported) -> None:
    assert exported("[download]\nindex-url = https://download.example\n") == {}


VALUES = [
    "https://user:pa$HOME@a.example",
    "https://user:$(touch${IFS}made)@a.example",
    "https://user:`touch${IFS}made`@a.example",
    "https://a.example;touch${IFS}made",
    "https://a.example&touch${IFS}made",
    "https://user:it's@a.example",
    "https://user:'$(touch${IFS}made)'@a.example",
    'https://user:"quoted"@a.example',
    "https://user:p%40ss%%@a.example",
    "https://user:back\\slash@a.example",
    "https://a.example/*",
    "https://user:ümlaut@a.example",
]


@pytest.mark.parametrize("value", VALUES)
def test_value_is_passed_on_byte_for_byte_and_runs_nothing(exported: Exported, value: str) -> None:
    assert exported(f"[global]\nindex-url = {value}\n") == {"UV_DEFAULT_INDEX": value}


def test_values_with_spaces_run_nothing(exported: Exported) -> None:
    found = exported("[global]\nindex-url = x; touch made\nextra-index-url = a $(touch made)\n  b' ; touch made\n")
    assert found == {"UV_DEFAULT_INDEX": "x; touch made", "UV_INDEX": "a $(touch made) b' ; touch made"}


def test_option_that_uv_has_no_word_for_is_named(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nno_index = true\nindex-url = https://user:secret@a.example\n")
    said = say(tmp_path / "pip.conf")
    assert said.returncode == 0
    assert one_sentence(said.stderr) == "pip.conf: no-index is not passed on to uv, which installs the packages."


NO_PIP_CONF = [
    b"index-url = https://a.example\n",
    b"[global]\nno-index\n",
    b"[global]\nretries = 1\nretries = 2\n",
    b"\xff\xfe",
]


@pytest.mark.parametrize("text", NO_PIP_CONF)
def test_file_that_is_no_pip_conf_is_one_sentence(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "pip.conf").write_bytes(text)
    said = say(tmp_path / "pip.conf")
    assert (said.returncode, said.stdout) == (1, "")
    assert one_sentence(said.stderr).startswith("pip.conf cannot be read: ")


def test_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    said = say(tmp_path / "pip.conf")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
