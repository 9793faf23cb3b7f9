"""The image that is checked: the one this session built, or the one that was named."""

from __future__ import annotations

import os

from support import run


def split(image: str) -> tuple[str, str]:
    """Return the name and the tag; a registry's port has a colon too, so only the last part is searched for one."""
    folder, slash, last = image.rpartition("/")
    name, _, tag = last.partition(":")
    return folder + slash + name, tag or "latest"


NAME, TAG = split(os.environ.get("SMOKE_IMAGE") or f"{os.environ['INVOKE_IMAGE']}:smoke")
IMAGE = f"{NAME}:{TAG}"
os.environ["INVOKE_IMAGE"] = NAME  # for `inv`, which these tests type


def docker(*words: str) -> str:
    """Return what the engine says to a command that has to succeed."""
    done = run("docker", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
