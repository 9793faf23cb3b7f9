"""How ./inv and the steps call pip and uv, and what to do when these fail.

`user = true` in pip.conf, PIP_TARGET, UV_CONSTRAINT and the like are meant for the user's own installations; here they
would change what is installed, or where. So pip is asked for its settings, those that lead to an index are kept, and
uv, which reads none of pip's, gets them as variables of its own. What the user told uv itself wins.

./inv imports this before .tools/ is there: it uses the standard library alone, and nothing of this package.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

Variables = dict[str, "str | None"]  # to set for a child process; None removes one

# pip's settings that lead to an index, and uv's variables for them.
# https://pip.pypa.io/en/stable/cli/pip_install/, https://docs.astral.sh/uv/reference/environment/
IN_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "proxy": "HTTPS_PROXY",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",  # pip has two names for it
    "retries": "UV_HTTP_RETRIES",
    "keyring-provider": "UV_KEYRING_PROVIDER",
}
OF_PIP = {*IN_UV, "no-index", "cache-dir", "no-cache-dir"}
OF_UV = re.compile(
    "UV_(DEFAULT_INDEX|INDEX.*|EXTRA_INDEX_URL|FIND_LINKS|INSECURE_HOST|SYSTEM_CERTS|NATIVE_TLS|HTTP_.*|REQUEST_TIMEOUT"
    "|KEYRING_PROVIDER|CREDENTIALS_DIR|OFFLINE|CONCURRENT_.*|CACHE_DIR|NO_CACHE|LINK_MODE|CONFIG_FILE|NO_CONFIG)"
)
INDEX_OF_UV = re.compile(r"UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS)")

FULL_BELOW = 1_000_000  # bytes; less than a file of a wheel may need
INDEX = "when no package index answers here, name one in PIP_INDEX_URL; then type it again"
FULL = "the disk is full; make room, then type it again"
HASH = (
    "the index has another file than was pinned, so nothing of it was installed; ask whose index that is, and type "
    "`inv lock` only if you trust what it has now"
)
WRITE = "this folder may not be written to; work in a copy that may, or change its owner"
AUTHORITY = "name the file of the index's certificate authority in PIP_CERT; then type it again"
SETTINGS = "correct what pip.conf, uv.toml, or a variable PIP_… or UV_… says; then type it again"
# What to do, by words of venv, pip or uv.
CAUSES = {
    "No space left on device": FULL,
    "DO NOT MATCH THE HASHES": HASH,
    "Hash mismatch": HASH,
    "Read-only file system": WRITE,
    "Permission denied": WRITE,
    "CERTIFICATE_VERIFY_FAILED": AUTHORITY,
    "invalid peer certificate": AUTHORITY,
    "onfiguration file could not be loaded": SETTINGS,
    "occurred during configuration": SETTINGS,
    "is not a valid value for": SETTINGS,
    "uv.toml": SETTINGS,
    "filtered by `exclude-newer`": "exclude-newer in your uv.toml allows only older packages; make an exception there",
}


def to_ask_pip(environ: Mapping[str, str]) -> Variables:
    """Return the variables with which `pip config list` prints its settings, whatever these are."""
    return {**removed(environ), "PIP_QUIET": "0", "PIP_VERBOSE": "0"}


def variables(listed: str, environ: Mapping[str, str]) -> Variables:
    """Return the variables for pip and uv, made of what `pip config list` printed."""
    kept = {name: value for name, value in settings(listed).items() if name in OF_PIP}
    return {
        **removed(environ),
        **{"PIP_" + name.upper().replace("-", "_"): value for name, value in kept.items()},
        "PIP_CONFIG_FILE": os.devnull,  # no file at all: https://pip.pypa.io/en/stable/topics/configuration/
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        **for_uv(kept, environ),
    }


def removed(environ: Mapping[str, str]) -> Variables:
    """Return the variables of pip and uv that lead to no index, each to be removed."""
    ours = {name for name in environ if name.startswith(("PIP_", "UV_"))} - {"PIP_CONFIG_FILE"}
    return {name: None for name in ours if not OF_UV.fullmatch(name) and option(name) not in OF_PIP}


def option(variable: str) -> str:
    """Return the setting that a variable of pip is for."""
    return variable.removeprefix("PIP_").lower().replace("_", "-")


def settings(listed: str) -> dict[str, str]:
    """Return pip's settings; those of [install] win over [global], and variables over both."""
    lines = re.findall(r"^(global|install|:env:)\.([\w-]+)=(['\"].*['\"])$", listed, re.MULTILINE)
    lines.sort(key=lambda line: ("global", "install", ":env:").index(line[0]))
    return {name: value for _, name, quoted in lines if (value := str(ast.literal_eval(quoted))).strip()}


def for_uv(kept: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return pip's settings in the words of uv."""
    told = {IN_UV[name]: " ".join(value.split()) for name, value in kept.items() if name in IN_UV}
    told["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip, take a file from any index: its hash is checked
    if "UV_FIND_LINKS" in told:
        told["UV_FIND_LINKS"] = told["UV_FIND_LINKS"].replace(" ", ",")
    if "HTTPS_PROXY" in told:
        told["HTTP_PROXY"] = told["HTTPS_PROXY"]
    if "UV_HTTP_TIMEOUT" in told:
        told["UV_HTTP_TIMEOUT"] = told["UV_HTTP_TIMEOUT"].partition(".")[0]  # whole seconds
    if told.get("UV_KEYRING_PROVIDER") != "subprocess":  # the only one of pip's that uv has
        told.pop("UV_KEYRING_PROVIDER", None)
    if kept.get("no-index", "").lower() in {"1", "true", "yes", "on", "y", "t"}:
        told["UV_DEFAULT_INDEX"] = "file:///no-index"  # uv has only a flag for it; this index is empty
    if bundle := environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE"):  # pip heeds them too
        told.setdefault("SSL_CERT_FILE", bundle)
    if uv_has_an_index(environ):
        told = {name: value for name, value in told.items() if not INDEX_OF_UV.fullmatch(name)}
    if not uv_may_keep(environ):  # pip then does without, and uv ends
        told["UV_NO_CACHE"] = "1"
    return {name: value for name, value in told.items() if not (name in environ and OF_UV.fullmatch(name))}


def uv_has_an_index(environ: Mapping[str, str]) -> bool:
    """Return whether the user named one in uv's own variables or files."""
    # https://docs.astral.sh/uv/concepts/configuration-files/
    folders = [environ.get("APPDATA"), environ.get("PROGRAMDATA")]
    if os.name != "nt":
        folders = [xdg(environ, "CONFIG"), *environ.get("XDG_CONFIG_DIRS", "").split(":"), "/etc"]
    files = [Path(folder, "uv", "uv.toml") for folder in folders if folder]
    if "UV_CONFIG_FILE" in environ:
        files = [Path(environ["UV_CONFIG_FILE"])]
    readable = [file for file in files if os.access(file, os.R_OK) and file.is_file()]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in readable]
    named = any(re.search(r"^\s*(\[*index|extra-index-url|find-links)", text, re.MULTILINE) for text in texts)
    return named or any(INDEX_OF_UV.fullmatch(name) for name in environ)


def uv_may_keep(environ: Mapping[str, str]) -> bool:
    """Return whether uv may write to the folder in which it keeps what it fetched."""
    folder = Path(environ.get("UV_CACHE_DIR") or f"{xdg(environ, 'CACHE')}/uv")
    return os.name == "nt" or os.access(existing(folder), os.W_OK)


def xdg(environ: Mapping[str, str], what: str) -> str:
    """Return the user's folder of a kind: https://specifications.freedesktop.org/basedir-spec/latest/"""
    return environ.get(f"XDG_{what}_HOME") or f"{environ.get('HOME', '')}/.{what.lower()}"


def existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.absolute().parents) if os.access(path, os.F_OK))


def advice(said: str, folder: str | Path, otherwise: str = INDEX) -> str:
    """Return what to do about what venv, pip or uv said when it failed to fill a folder."""
    full = shutil.disk_usage(existing(Path(folder))).free < FULL_BELOW  # they do not always say so
    return next((what for words, what in CAUSES.items() if words in said), FULL if full else otherwise)
