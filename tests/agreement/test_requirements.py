"""What is asked for and what is pinned: requirements*.in, requirements*.txt, and the pins they share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest
from packaging.utils import canonicalize_name as normal

from support import ROOT

Agree = Callable[[object, str], None]
Text = Callable[[str], str]

SOURCES = sorted(path.name for path in ROOT.glob("requirements*.in"))


def asked_for(source: str) -> set[str]:
    """Return the names that an .in file asks for."""
    return {normal(name) for name in re.findall(r"^([A-Za-z][\w.-]*)", source, re.MULTILINE)}


def entries(pinned: str) -> list[tuple[str, str, str]]:
    """Return (name, version, the rest) of each entry of a .txt file."""
    pattern = r"^([A-Za-z][\w.-]*)==([^\s;\\]+)((?:.*\\\n)*.*)$"
    return [(normal(name), version, rest) for name, version, rest in re.findall(pattern, pinned, re.MULTILINE)]


def pins(pinned: str) -> dict[str, str]:
    return {name: version for name, version, _ in entries(pinned)}


def test_there_are_sources() -> None:
    assert SOURCES == ["requirements-pip.in", "requirements-tools.in", "requirements-uv.in", "requirements.in"]


@pytest.mark.parametrize("source", SOURCES)
def test_all_that_is_asked_for_is_pinned(agree: Agree, text: Text, source: str) -> None:
    locked = source.replace(".in", ".txt")
    names = asked_for(text(source))
    assert names
    missing = sorted(names - set(pins(text(locked))))
    agree(not missing, f"{source} asks for {', '.join(missing)}, which {locked} does not pin: type `inv lock`.")


@pytest.mark.parametrize("source", SOURCES)
def test_every_entry_is_pinned_once_and_has_a_hash(agree: Agree, text: Text, source: str) -> None:
    locked = source.replace(".in", ".txt")
    found = entries(text(locked))
    lines = [line for line in text(locked).splitlines() if line and line[0] not in " #"]
    agree(
        len(found) == len(lines),
        f"{locked} has a line that is no NAME==VERSION: type `inv lock`, which reads {source}.",
    )
    bare = [name for name, _, rest in found if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", rest)]
    agree(not bare, f"{locked} has no hash for {', '.join(bare)}: type `inv lock`, which reads {source}.")
    twice = [name for name, count in Counter(name for name, _, _ in found).items() if count > 1]
    agree(not twice, f"{locked} pins {', '.join(twice)} more than once: type `inv lock`, which reads {source}.")


def test_what_site_and_tools_share_is_pinned_alike(agree: Agree, text: Text) -> None:
    """Both read `.env`, so python-dotenv has to mean the same by it; and one version is enough of the others."""
    site, tools = pins(text("requirements.txt")), pins(text("requirements-tools.txt"))
    shared = sorted(asked_for(text("requirements.in")) & asked_for(text("requirements-tools.in")))
    assert shared == ["python-dotenv"]
    for name in shared:
        agree(
            site[name] == tools[name],
            f"requirements.txt pins {name} {site[name]} and requirements-tools.txt {tools[name]}: type `inv lock`.",
        )
