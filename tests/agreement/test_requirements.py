"""requirements*.in against requirements*.txt, and the pins that two of them share."""

import re
from collections import Counter
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name as normal

from support import ROOT

SMOKE = ROOT / "djk8s" / "smoke" / "requirements.in"
SOURCES = [*sorted(ROOT.glob("requirements*.in")), SMOKE]


def asked_for(source: Path) -> set[str]:
    """Return the names that an .in file asks for."""
    return {normal(name) for name in re.findall(r"^([A-Za-z][\w.-]*)", source.read_text("utf-8"), re.MULTILINE)}


def entries(source: Path) -> list[tuple[str, str, str]]:
    """Return (name, version, the rest) of each entry of its .txt file."""
    pattern = r"^([A-Za-z][\w.-]*)==([^\s;\\]+)((?:.*\\\n)*.*)$"
    found = re.findall(pattern, source.with_suffix(".txt").read_text("utf-8"), re.MULTILINE)
    return [(normal(name), version, rest) for name, version, rest in found]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(ROOT)))
def test_all_that_is_asked_for_is_pinned_once_with_a_hash(source: Path) -> None:
    found = entries(source)
    names = Counter(name for name, _, _ in found)
    lines = [
        line for line in source.with_suffix(".txt").read_text("utf-8").splitlines() if line and line[0] not in " #"
    ]
    assert len(found) == len(lines)
    assert asked_for(source) <= set(names)
    assert max(names.values()) == 1
    assert [name for name, _, rest in found if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", rest)] == []


def test_what_site_and_tools_share_is_pinned_alike() -> None:
    """Both read `.env`, so python-dotenv has to be one."""
    site, tools = ROOT / "requirements.in", ROOT / "requirements-tools.in"
    shared = asked_for(site) & asked_for(tools)
    assert "python-dotenv" in shared
    pins = [{name: version for name, version, _ in entries(source) if name in shared} for source in (site, tools)]
    assert pins[0] == pins[1]


def test_tests_of_any_site_and_our_own_run_on_one_pytest() -> None:
    pinned = [f"{name}=={version}" for name, version, _ in entries(SMOKE) if name == "pytest"]
    assert pinned == re.findall(r'"(pytest==.*)"', (ROOT / "pyproject.toml").read_text("utf-8"))
