"""`inv up --with mail`: what the site sends is on a page, and goes to nobody."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import pytest

from stack import containers, docker
from support import free_port, get, inv, wait_until


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """Bring it up, and return where the page is."""
    port = str(free_port())
    started = inv("up", "--detach", "--with", "mail", INVOKE_UP_MAIL_PORT=port)
    assert started.returncode == 0, started.stderr
    found = re.search(r"^Mail at (http://localhost:\d+)$", started.stderr, re.MULTILINE)
    assert found
    yield found[1]
    inv("down", "--volumes")


def test_mail_of_the_site_is_there(page: str) -> None:
    to = f"{secrets.token_hex(4)}@example.com"
    sent = inv("manage", "--place", "compose", "--", "sendtestemail", to)
    assert sent.returncode == 0, sent.stderr
    wait_until(lambda: to in get(f"{page}/api/email").text, 10)
    assert "MailDev" in get(page, Accept="text/html").text


def test_it_runs_without_rights_on_this_machine_alone(page: str) -> None:
    (mail,) = containers("mail")
    assert docker("exec", mail, "id", "--user") == "1000"
    assert {line.split(" -> ")[1].rpartition(":")[0] for line in docker("port", mail).splitlines()} == {"127.0.0.1"}


def test_it_goes_when_it_is_left_out(page: str) -> None:
    assert inv("up", "--detach", "--no-build").returncode == 0
    assert containers("mail") == []
