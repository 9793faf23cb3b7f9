"""What is on one engine beside this project stays: foreign things, and a second checkout in a folder of one name."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from checkout import Checkout
from support import run

BASE = "python:3.13-slim"


@pytest.fixture(scope="module")
def project() -> str:
    return f"djk8s-apart-{secrets.token_hex(3)}"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, project: str) -> Iterator[list[Checkout]]:
    """Two checkouts of one project, in folders of one name, that both run."""
    both = [Checkout(tmp_path_factory.mktemp(name), project) for name in ("one", "two")]
    try:
        for checkout in both:
            checkout.start()
        yield both
    finally:
        for checkout in both:
            checkout.inv("clean", "--volumes")


FOREIGN = {
    "container": ("create", "--label", "djk8s.project=other", "--name"),
    "volume": ("volume", "create"),
    "network": ("network", "create", "--label", "com.docker.compose.project=other"),
    "image": ("tag", BASE),
}


@pytest.fixture(scope="module")
def foreign(project: str) -> Iterator[dict[str, str]]:
    """Things of somebody else whose names begin as this project's."""
    names = {kind: f"{project}-foreign-{kind}" for kind in FOREIGN}
    try:
        for kind, words in FOREIGN.items():
            after = [BASE] if kind == "container" else []
            made = run("docker", *words, names[kind], *after)
            assert made.returncode == 0, made.stderr
        yield names
    finally:
        run("docker", "rm", "--force", names["container"])
        for kind in ("volume", "network", "image"):
            run("docker", kind, "rm", names[kind])


def there(names: dict[str, str]) -> list[str]:
    """Return which kinds of these things are still on the engine."""
    return [kind for kind, name in names.items() if run("docker", kind, "inspect", name).returncode == 0]


def test_both_run_at_once(two: list[Checkout]) -> None:
    assert [checkout.runs() for checkout in two] == [[True, True], [True, True]]


def test_ps_lists_only_what_is_of_this_checkout(two: list[Checkout]) -> None:
    listed = [set(checkout.inv("ps").stdout.splitlines()[1:]) for checkout in two]
    assert [len(lines) for lines in listed] == [2, 2]
    assert not listed[0] & listed[1]


def test_stop_and_down_leave_the_other_running(two: list[Checkout]) -> None:
    one, other = two
    assert one.inv("down").returncode == 0
    assert one.runs() == [True, False]
    assert one.inv("stop").returncode == 0
    assert one.runs() == [False, False]
    assert other.runs() == [True, True]


def volumes_of(project: str) -> set[str]:
    """Return the volumes of both checkouts and the foreign one; other sessions make some of theirs meanwhile."""
    return set(run("docker", "volume", "ls", "--quiet", "--filter", f"name={project}").stdout.split())


def test_clean_removes_all_of_this_checkout_and_nothing_else(
    two: list[Checkout], foreign: dict[str, str], project: str
) -> None:
    one, other = two
    one.start()
    volumes = volumes_of(project)
    assert len(volumes) == 5
    kept = one.inv("clean")
    assert kept.returncode == 0, kept.stderr
    assert volumes_of(project) == volumes
    assert one.runs() == [False, False]
    cleaned = one.inv("clean", "--volumes")
    gone = volumes - volumes_of(project)
    assert len(gone) == 2
    assert all(name in kept.stderr.splitlines()[-1] for name in gone)
    assert all(name in cleaned.stderr for name in gone)
    assert "nothing to do" in one.inv("clean", "--volumes").stderr
    assert there(foreign) == list(FOREIGN)
    assert other.runs() == [True, True]
