"""What the tests of the container share: the shop's image, built once, and the shop behind each server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from boxed import docker
from container import stranger
from container.boxes import Box, box
from support import inv

SERVERS = ("threads", "asgi")


@pytest.fixture(scope="session", autouse=True)
def image() -> None:
    """Build this project's own image."""
    built = inv("build", "--tag", "smoke")
    assert built.returncode == 0, built.stderr


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build the shop's image, and return its name."""
    yield stranger.build(tmp_path_factory.mktemp("build"))
    docker("image", "rm", "--force", stranger.IMAGE)


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    return cast(str, request.param)


@pytest.fixture(scope="session")
def options(server: str) -> tuple[str, ...]:
    """Return the options with which a container of the shop serves."""
    return (*stranger.SETTINGS, "--env", f"SERVER={server}")


@pytest.fixture(scope="session")
def site(shop: str, options: tuple[str, ...]) -> Iterator[Box]:
    """Run the shop; tests that stop or hurt a container start their own."""
    with box(shop, *options) as one:
        yield one.ready()
