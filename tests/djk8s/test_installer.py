"""Installing with pip and uv follows the user's package indexes, and no other setting of either."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from djk8s import installer
from djk8s.shell import processes
from support import ROOT

TOOLS = ROOT / ".tools"
PYTHON, UV = processes.program(TOOLS, "python"), processes.program(TOOLS, "uv")
BEST = {"UV_INDEX_STRATEGY": "unsafe-best-match"}


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A home and an environment without settings of pip and uv."""
    for name in os.environ:
        if re.match("(PIP|UV|XDG)_|SSL_CERT", name):
            monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.setenv(name, str(tmp_path))
    return monkeypatch


def run(words: list[str | Path], variables: installer.Variables) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in {**os.environ, **variables}.items() if value is not None}
    return subprocess.run(words, env=environ, capture_output=True, text=True, check=False)


def variables() -> installer.Variables:
    """Ask the real pip for its settings, as ./inv does."""
    asked = run([PYTHON, "-I", "-m", "pip", "config", "list"], installer.to_ask_pip(os.environ))
    return installer.variables(asked.stdout, os.environ)


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    """A requirements file with one package; its wheel, which no index has, is beside it."""
    info = "djk8s_tiny-1.dist-info"
    with zipfile.ZipFile(tmp_path / "djk8s_tiny-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: djk8s-tiny\nVersion: 1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256((tmp_path / "djk8s_tiny-1-py3-none-any.whl").read_bytes()).hexdigest()
    (tmp_path / "pins.txt").write_text(f"djk8s-tiny==1 --hash=sha256:{digest}\n")
    return tmp_path / "pins.txt"


# Each of these breaks an installation, or puts it elsewhere.
STRANGE_PIP = {"target": "/nowhere", "prefix": "/nowhere", "constraint": "/nowhere/a.txt", "no-binary": ":all:"}
STRANGE_PIP |= {"user": "1", "dry-run": "1", "platform": "win32", "quiet": "3", "require-virtualenv": "1"}
STRANGE_UV = {"UV_CONSTRAINT": "/nowhere/a.txt", "UV_OVERRIDE": "/nowhere/a.txt", "UV_PROJECT": "/nowhere"}
STRANGE_UV |= {"UV_RESOLUTION": "none", "UV_NO_VERIFY_HASHES": "none", "UV_TARGET": "/nowhere"}


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_only_settings_of_an_index_matter(clean: pytest.MonkeyPatch, tmp_path: Path, pins: Path, tool: str) -> None:
    strange = "".join(f"{name} = {value}\n" for name, value in STRANGE_PIP.items())
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "pip.conf").write_text(f"[global]\nno-index = yes\nfind-links = {tmp_path}\n{strange}")
    for name, value in {
        **STRANGE_UV,
        **{f"PIP_{n.upper().replace('-', '_')}": v for n, v in STRANGE_PIP.items()},
    }.items():
        clean.setenv(name, value)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = processes.program(venv, "python")
    pip: list[str | Path] = [PYTHON, "-I", "-m", "pip", "--python", python, "install"]
    words = pip if tool == "pip" else [UV, "pip", "install", "--python", python]
    ended = run([*words, "--require-hashes", "-r", pins], variables())
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert list(venv.glob("lib/python*/site-packages/djk8s_tiny*"))


TRANSLATED = [
    pytest.param("", "", {}, id="nothing"),
    pytest.param("global.index-url='a'\n:env:.index-url='b'", "", {"UV_DEFAULT_INDEX": "b"}, id="a variable wins"),
    pytest.param("install.index-url='a'\nglobal.index-url='b'", "", {"UV_DEFAULT_INDEX": "a"}, id="[install] wins"),
    pytest.param("global.index-url=' '", "", {}, id="an empty one is none"),
    pytest.param('global.index-url="it\'s"', "", {"UV_DEFAULT_INDEX": "it's"}, id="other quotes"),
    pytest.param("global.extra-index-url='a\\nb'", "", {"UV_INDEX": "a b"}, id="several indexes"),
    pytest.param("global.find-links='a b'", "", {"UV_FIND_LINKS": "a,b"}, id="several folders"),
    pytest.param("global.trusted-host='a\\nb'", "", {"UV_INSECURE_HOST": "a b"}, id="hosts"),
    pytest.param(
        "global.cert='a'\n:env:.client-cert='b'", "", {"SSL_CERT_FILE": "a", "SSL_CLIENT_CERT": "b"}, id="cert"
    ),
    pytest.param("global.proxy='a'", "", {"ALL_PROXY": "a"}, id="proxy"),
    pytest.param(
        ":env:.no-index='1'\nglobal.extra-index-url='a'",
        "",
        {"UV_DEFAULT_INDEX": "file:///no-index", "UV_INDEX": None},
        id="no index",
    ),
    pytest.param("global.index-url='a'\nglobal.cert='b'", "UV_INDEX_URL=c", {"SSL_CERT_FILE": "b"}, id="uv has one"),
    pytest.param("global.trusted-host='a'", "UV_INSECURE_HOST=b", {}, id="uv's own host wins"),
    pytest.param("", "UV_CACHE_DIR=/dev/null/uv", {"UV_NO_CACHE": "1"}, id="no cache where it cannot be written"),
]


@pytest.mark.parametrize(("listed", "environ", "told"), TRANSLATED)
def test_settings_of_pip_for_uv(
    clean: pytest.MonkeyPatch, listed: str, environ: str, told: installer.Variables
) -> None:
    own = dict([environ.split("=")] if environ else [])
    found = installer.variables(listed, {**os.environ, **own})
    assert {name: value for name, value in found.items() if not name.startswith("PIP_")} == {**BEST, **told}


SAID = [
    pytest.param("ERROR: No matching distribution found for invoke", "name one in PIP_INDEX_URL", id="no index"),
    pytest.param("OSError: [Errno 28] No space left on device", "make room", id="full"),
    pytest.param("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "ask whose index that is", id="another file"),
    pytest.param("error: Hash mismatch for `six==1.17.0`", "ask whose index that is", id="another file, for uv"),
    pytest.param("Error: [Errno 30] Read-only file system: '.tools'", "work in a copy", id="read-only"),
    pytest.param("cause: failed to create directory: Permission denied (os error 13)", "work in a copy", id="not ours"),
    pytest.param("cause: invalid peer certificate: UnknownIssuer", "in PIP_CERT", id="authority"),
    pytest.param("ERROR: Configuration file could not be loaded.", "correct pip.conf", id="no configuration"),
    pytest.param("error: Failed to parse: /home/me/.config/uv/uv.toml", "correct pip.conf, uv.toml", id="uv.toml"),
]


@pytest.mark.parametrize(("said", "told"), SAID)
def test_words_decide_the_advice(tmp_path: Path, said: str, told: str) -> None:
    assert told in installer.advice(f"Collecting six\n{said}\nmore\n", tmp_path)


def test_full_disk_is_recognized_without_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    assert "make room" in installer.advice("Error: Command 'ensurepip' failed.", tmp_path / "not" / "there")
