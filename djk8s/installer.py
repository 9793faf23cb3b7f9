"""Which settings of pip and uv our own installations follow, and advice for when one fails.

`user = true` in pip.conf, PIP_TARGET, UV_CONSTRAINT and the like would change what is installed here, or where. So we
ask pip for its settings, keep those that lead to a package index, and translate them for uv, which reads none of pip's.

./inv imports this before .tools/ exists: it may use only the standard library, and nothing else of this package.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

Variables = dict[str, "str | None"]  # to set for a child process; None removes one

# https://pip.pypa.io/en/stable/cli/pip_install/, https://docs.astral.sh/uv/reference/environment/
INDEXES = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS"}
IN_UV = {**INDEXES, "trusted-host": "UV_INSECURE_HOST", "cert": "SSL_CERT_FILE", "client-cert": "SSL_CLIENT_CERT"}
IN_UV["proxy"] = "ALL_PROXY"
OF_PIP = {*IN_UV, "no-index", "timeout", "default-timeout", "retries"}
INDEX_OF_UV = "UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS)"
OF_UV = (
    f"{INDEX_OF_UV}|UV_(INDEX_.*|INSECURE_HOST|SYSTEM_CERTS|NATIVE_TLS|HTTP_.*|REQUEST_TIMEOUT|KEYRING_PROVIDER"
    "|CREDENTIALS_DIR|OFFLINE|CONCURRENT_.*|CACHE_DIR|NO_CACHE|LINK_MODE|CONFIG_FILE|NO_CONFIG)"
)

FULL_BELOW = 1_000_000  # bytes; less than one file of a wheel may need
INDEX = "if no package index can be reached from here, name one in PIP_INDEX_URL; then type it again"
FULL = "the disk is full; make room, then type it again"
SETTINGS = "correct pip.conf, uv.toml, or the PIP_… or UV_… variable; then type it again"
# Known errors of venv, pip and uv, and the advice for each.
CAUSES = {
    "No space left on device": FULL,
    "DO NOT MATCH THE HASHES|Hash mismatch": "the index has another file than the pinned one; ask whose index that is, "
    "and type `inv lock` only if you trust it",
    "Read-only file system|Permission denied": "this folder is not writable; work in a copy, or change its owner",
    "CERTIFICATE_VERIFY_FAILED|invalid peer certificate": "name the file of the index's certificate authority in "
    "PIP_CERT; then type it again",
    "onfiguration file could not be loaded|occurred during configuration|is not a valid value for|uv.toml": SETTINGS,
    "does not satisfy Python": "what is pinned is for another Python than this: `inv venv --python 3.13` takes that",
    "filtered by `exclude-newer`": "exclude-newer in your uv.toml allows only older packages; make an exception there",
}


def to_ask_pip(environ: Mapping[str, str]) -> Variables:
    """Return the variables with which `pip config list` prints its settings, however pip is configured."""
    return {**removed(environ), "PIP_QUIET": "0", "PIP_VERBOSE": "0"}


def variables(listed: str, environ: Mapping[str, str]) -> Variables:
    """Return the variables for pip and uv, given the output of `pip config list`."""
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
    """Return the variables of pip and uv that do not lead to an index, each to be removed."""
    kept = {"PIP_CONFIG_FILE", *("PIP_" + name.upper().replace("-", "_") for name in OF_PIP)}
    ours = {name for name in environ if name.startswith(("PIP_", "UV_"))} - kept
    return {name: None for name in ours if not re.fullmatch(OF_UV, name)}


def settings(listed: str) -> dict[str, str]:
    """Return pip's settings; [install] overrides [global], and variables override both."""
    lines = re.findall(r"^(global|install|:env:)\.([\w-]+)=(['\"].*['\"])$", listed, re.MULTILINE)
    lines.sort(key=lambda line: ("global", "install", ":env:").index(line[0]))
    return {name: value for _, name, quoted in lines if (value := str(ast.literal_eval(quoted))).strip()}


def for_uv(kept: Mapping[str, str], environ: Mapping[str, str]) -> Variables:
    """Translate pip's settings for uv.

    They override uv.toml, because pip has just fetched uv from these very indexes; a variable of uv overrides them.
    """
    told: Variables = {IN_UV[name]: " ".join(value.split()) for name, value in kept.items() if name in IN_UV}
    if "find-links" in kept:
        told["UV_FIND_LINKS"] = ",".join(kept["find-links"].split())
    if kept.get("no-index", "").lower() in {"1", "true", "yes", "on", "y", "t"}:
        told |= {"UV_DEFAULT_INDEX": "file:///no-index", "UV_INDEX": None}  # an empty index: uv has only a flag
    if any(re.fullmatch(INDEX_OF_UV, name) for name in environ):
        told = {name: value for name, value in told.items() if name not in INDEXES.values()}
    told["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip, take a file from any index: its hash is checked
    caches = environ.get("XDG_CACHE_HOME") or environ.get("HOME", "") + "/.cache"
    cache = existing(Path(environ.get("UV_CACHE_DIR") or f"{caches}/uv"))
    if os.name != "nt" and not (cache.is_dir() and os.access(cache, os.W_OK)):
        told["UV_NO_CACHE"] = "1"  # pip goes on without its cache, but uv fails
    return {name: value for name, value in told.items() if not (name in environ and name.startswith("UV_"))}


def existing(folder: Path) -> Path:
    """Return a folder, or its nearest parent that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if os.access(path, os.F_OK))


def advice(said: str, folder: str | Path, otherwise: str = INDEX) -> str:
    """Return what to do when venv, pip or uv failed to fill a folder, given its output."""
    full = shutil.disk_usage(existing(Path(folder))).free < FULL_BELOW  # they do not always say so
    return next((what for words, what in CAUSES.items() if re.search(words, said)), FULL if full else otherwise)
