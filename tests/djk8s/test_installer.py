"""How pip and uv are called: the user's indexes reach both, and no other setting reaches either."""

from __future__ import annotations

import hashlib
import http.server
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from djk8s import installer, system
from support import ROOT

UV = system.program(ROOT / ".tools", "uv")
PACKAGE = "djk8s-tiny"
EMPTY = "file:///no-index"
Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of a package that no index has."""
    folder = tmp_path_factory.mktemp("wheels")
    info = "djk8s_tiny-1.dist-info"
    files = {
        "djk8s_tiny.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / "djk8s_tiny-1-py3-none-any.whl", "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(name, text)
    return folder


class Here:
    """A virtual environment with pip, a home without settings, and a requirements file."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.venv, self.home, self.pins = folder / "venv", folder / "home", folder / "pins.txt"
        self.python = system.program(self.venv, "python")
        self.environ: dict[str, str] = {}
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.venv], check=True)
        words: list[str | Path] = ["pip", "install", "--quiet", "--python", self.python]
        subprocess.run([UV, *words, "-r", ROOT / "requirements-pip.txt"], check=True)
        digest = hashlib.sha256(next(wheels.glob("*.whl")).read_bytes()).hexdigest()
        self.pins.write_text(f"{PACKAGE}==1 --hash=sha256:{digest}\n")

    def start(self) -> None:
        """Forget what the last test set and installed."""
        shutil.rmtree(self.home, ignore_errors=True)
        inherited = {
            name: value for name, value in os.environ.items() if not re.search("^(PIP|UV)_|CERT|CA_|PROXY", name)
        }
        elsewhere = {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home), "XDG_CONFIG_DIRS": str(self.home)}
        self.environ = {**inherited, **elsewhere}

    def set(self, what: str, value: str) -> None:
        """Set a variable, or write a file of settings."""
        if "/" not in what:
            self.environ[what] = value
            return
        path = self.home / what
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)

    def variables(self) -> installer.Variables:
        """Ask pip for its settings, as ./inv does."""
        asked = self.run([self.python, "-I", "-m", "pip", "config", "list"], installer.to_ask_pip(self.environ))
        return installer.variables(asked.stdout, self.environ)

    def run(self, words: list[str | Path], variables: installer.Variables) -> Ended:
        environ = {name: value for name, value in {**self.environ, **variables}.items() if value is not None}
        return subprocess.run(words, env=environ, cwd=self.venv, capture_output=True, text=True, check=False)

    def pip(self, variables: installer.Variables) -> str:
        """Install with pip; return what went wrong."""
        return self.installing([self.python, "-I", "-m", "pip", "install"], variables)

    def uv(self, variables: installer.Variables) -> str:
        """Install with uv; return what went wrong."""
        return self.installing([UV, "pip", "install", "--python", self.python, "--no-cache"], variables)

    def installing(self, words: list[str | Path], variables: installer.Variables) -> str:
        ended = self.run([*words, "--require-hashes", "-r", self.pins], variables)
        found = list(system.site_packages(self.venv)[0].glob("djk8s_tiny*"))
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return "" if found and ended.returncode == 0 else f"{ended.stdout}{ended.stderr}It is not in the environment."


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Here:
    return Here(tmp_path_factory.mktemp("place"), wheels)


@pytest.fixture
def here(place: Here) -> Here:
    place.start()
    return place


# Each of these alone breaks an installation with pip, or puts it elsewhere.
SETTINGS_OF_PIP = {
    "user": "1",
    "target": "ELSEWHERE",
    "prefix": "ELSEWHERE",
    "root": "ELSEWHERE",
    "python": sys.executable,
    "constraint": "ELSEWHERE/constraints.txt",
    "requirement": "ELSEWHERE/requirements.txt",
    "editable": "ELSEWHERE",
    "no-binary": ":all:",
    "platform": "win32",
    "dry-run": "1",
    "report": "ELSEWHERE/report.json",
}
VARIABLES_OF_UV = {
    "UV_CONSTRAINT": "ELSEWHERE/constraints.txt",
    "UV_BUILD_CONSTRAINT": "ELSEWHERE/constraints.txt",
    "UV_OVERRIDE": "ELSEWHERE/overrides.txt",
    "UV_EXCLUDE": "ELSEWHERE/exclude.txt",
    "UV_PROJECT": "ELSEWHERE",
    "UV_WORKING_DIR": "ELSEWHERE",
    "UV_RESOLUTION": "none",
    "UV_PRERELEASE": "none",
    "UV_TORCH_BACKEND": "none",
    "UV_COMPILE_BYTECODE": "none",
    "UV_NO_VERIFY_HASHES": "none",
    "UV_PREVIEW": "none",
}


def listed(**settings: object) -> str:
    """Return what `pip config list` prints of variables."""
    return "".join(f":env:.{name.replace('_', '-')}={str(value)!r}\n" for name, value in settings.items())


@pytest.mark.parametrize("name", SETTINGS_OF_PIP)
def test_setting_of_pip_changes_nothing(here: Here, wheels: Path, tmp_path: Path, name: str) -> None:
    value = SETTINGS_OF_PIP[name].replace("ELSEWHERE", str(tmp_path / "elsewhere"))
    here.set("pip/pip.conf", f"[global]\n{name} = {value}\n")
    here.set(f"PIP_{name.upper().replace('-', '_')}", value)
    known = listed(no_index=1, find_links=wheels, **{name: value})
    assert not here.pip(installer.variables(known, here.environ))


@pytest.mark.parametrize("name", VARIABLES_OF_UV)
def test_variable_of_uv_changes_nothing(here: Here, wheels: Path, tmp_path: Path, name: str) -> None:
    here.set(name, VARIABLES_OF_UV[name].replace("ELSEWHERE", str(tmp_path / "elsewhere")))
    assert not here.uv(installer.variables(listed(no_index=1, find_links=wheels), here.environ))


def test_pip_tells_its_settings_whatever_they_are(here: Here, tmp_path: Path) -> None:
    others = {**SETTINGS_OF_PIP, "quiet": "3", "verbose": "2", "require-virtualenv": "1", "log": str(tmp_path / "log")}
    lines = "".join(f"{name} = {value}\n" for name, value in others.items())
    here.set("pip/pip.conf", f'[global]\nindex-url = one\n{lines}\n[install]\nindex-url = it\'s a "two"\n')
    for name, value in others.items():
        here.set(f"PIP_{name.upper().replace('-', '_')}", value)
    here.set("PIP_FIND_LINKS", "three\nfour")
    told = here.variables()
    assert (told["PIP_INDEX_URL"], told["PIP_FIND_LINKS"]) == ('it\'s a "two"', "three\nfour")
    assert (told["UV_DEFAULT_INDEX"], told["UV_FIND_LINKS"]) == ('it\'s a "two"', "three,four")


class Index(http.server.SimpleHTTPRequestHandler):
    """A package index of the files in `directory`, which notes what it was asked for."""

    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path != "/simple/djk8s-tiny/":
            super().do_GET()
            return
        name = "djk8s_tiny-1-py3-none-any.whl"
        page = f'<!DOCTYPE html><html><body><a href="/{name}">{name}</a></body></html>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path, context: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder as an index; yields its address, and the list of what it is asked for."""
    asked: list[str] = []
    handler = partial(type("Noting", (Index,), {"asked": asked}), directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http{'s' if context else ''}://127.0.0.1:{server.server_address[1]}/simple", asked
        server.shutdown()


WAYS = [
    pytest.param({"pip/pip.conf": "[global]\nindex-url = INDEX\n"}, id="index-url in pip.conf"),
    pytest.param({"PIP_INDEX_URL": "INDEX"}, id="PIP_INDEX_URL"),
    pytest.param({"PIP_INDEX_URL": EMPTY, "PIP_EXTRA_INDEX_URL": f"{EMPTY} INDEX"}, id="PIP_EXTRA_INDEX_URL"),
    pytest.param({"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "INDEX/djk8s-tiny/"}, id="PIP_NO_INDEX, PIP_FIND_LINKS"),
    pytest.param({"PIP_INDEX_URL": EMPTY, "UV_DEFAULT_INDEX": "INDEX"}, id="UV_DEFAULT_INDEX, for uv alone"),
    pytest.param({"PIP_INDEX_URL": EMPTY, "uv/uv.toml": 'index-url = "INDEX"\n'}, id="uv.toml, for uv alone"),
]


@pytest.mark.parametrize("told", WAYS)
def test_index_that_the_user_named_is_asked(here: Here, wheels: Path, told: dict[str, str]) -> None:
    with serving(wheels) as (index, asked):
        for what, value in told.items():
            here.set(what, value.replace("INDEX", index))
        variables = here.variables()
        assert not here.uv(variables)
        assert "/djk8s_tiny-1-py3-none-any.whl" in asked
        if "pip/pip.conf" in told:
            asked.clear()
            assert not here.pip(variables)
            assert "/djk8s_tiny-1-py3-none-any.whl" in asked


@pytest.mark.parametrize("variable", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_authority_that_the_user_named_is_trusted(here: Here, wheels: Path, tmp_path: Path, variable: str) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    with serving(wheels, context) as (index, _):
        known = listed(index_url=index, retries=0)
        assert "PIP_CERT" in installer.advice(here.uv(installer.variables(known, here.environ)), tmp_path)
        here.set(variable, str(tmp_path / "ca.crt"))
        known += listed(cert=tmp_path / "ca.crt") if variable == "PIP_CERT" else ""
        assert not here.uv(installer.variables(known, here.environ))


IN_UV = [
    pytest.param("", "", {}, id="nothing"),
    pytest.param("global.index-url='a'\n:env:.index-url='b'", "", {"UV_DEFAULT_INDEX": "b"}, id="a variable wins"),
    pytest.param("install.index-url='a'\nglobal.index-url='b'", "", {"UV_DEFAULT_INDEX": "a"}, id="[install] wins"),
    pytest.param("global.index-url=' '", "", {}, id="an empty one is none"),
    pytest.param("global.extra-index-url='a\\nb'", "", {"UV_INDEX": "a b"}, id="several indexes"),
    pytest.param("global.find-links='a b'", "", {"UV_FIND_LINKS": "a,b"}, id="several folders"),
    pytest.param("global.index-url='a'", "UV_INDEX_URL=b", {}, id="uv has an index"),
    pytest.param("global.index-url='a'", "UV_CONFIG_FILE=/nowhere", {"UV_DEFAULT_INDEX": "a"}, id="no uv.toml"),
    pytest.param("global.proxy='a'", "", {"HTTP_PROXY": "a", "HTTPS_PROXY": "a"}, id="proxy"),
    pytest.param("global.cert='a'\nglobal.index-url='b'", "UV_INDEX=c", {"SSL_CERT_FILE": "a"}, id="only cert is left"),
    pytest.param("global.cert='a'", "SSL_CERT_FILE=b", {"SSL_CERT_FILE": "a"}, id="pip's own cert wins"),
    pytest.param("global.retries='0'", "UV_HTTP_RETRIES=1", {}, id="uv's own wins"),
    pytest.param("global.timeout='2.5'", "", {"UV_HTTP_TIMEOUT": "2"}, id="whole seconds"),
    pytest.param("global.keyring-provider='import'", "", {}, id="a keyring that uv does not have"),
    pytest.param("global.keyring-provider='subprocess'", "", {"UV_KEYRING_PROVIDER": "subprocess"}, id="keyring"),
]


@pytest.mark.parametrize(("known", "environ", "told"), IN_UV)
def test_settings_in_words_of_uv(here: Here, known: str, environ: str, told: dict[str, str]) -> None:
    if environ:
        here.set(*environ.split("="))
    variables = installer.variables(known, here.environ)
    told = {"UV_INDEX_STRATEGY": "unsafe-best-match", **told}
    assert {name: value for name, value in variables.items() if not name.startswith("PIP_")} == told


def test_uv_keeps_nothing_where_it_may_not(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        os, "access", lambda path, mode: mode != os.W_OK or here.home.parent not in [path, *path.parents]
    )
    assert installer.variables("", here.environ)["UV_NO_CACHE"] == "1"
    here.set("UV_CACHE_DIR", "/elsewhere/that/comes")
    assert "UV_NO_CACHE" not in installer.variables("", here.environ)


SAID = [
    pytest.param("ERROR: No matching distribution found for invoke", "name one in PIP_INDEX_URL", id="no index"),
    pytest.param("OSError: [Errno 28] No space left on device", "make room", id="full"),
    pytest.param("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "ask whose index that is", id="another file"),
    pytest.param("error: Hash mismatch for `six==1.17.0`", "ask whose index that is", id="another file, for uv"),
    pytest.param("Error: [Errno 30] Read-only file system: '.tools'", "work in a copy", id="read-only"),
    pytest.param("cause: failed to create directory: Permission denied (os error 13)", "work in a copy", id="not ours"),
    pytest.param("ERROR: Configuration file could not be loaded.", "correct what pip.conf", id="no configuration"),
    pytest.param("error: Failed to parse: /home/me/.config/uv/uv.toml", "correct what pip.conf, uv.toml", id="uv.toml"),
]


@pytest.mark.parametrize(("said", "told"), SAID)
def test_words_decide_the_advice(tmp_path: Path, said: str, told: str) -> None:
    assert told in installer.advice(f"Collecting six\n{said}\nmore\n", tmp_path)


def test_full_disk_is_told_where_nobody_says_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    assert "make room" in installer.advice("Error: Command 'ensurepip' failed.", tmp_path / "not" / "there")
