"""What is in front of the project that is up: where it is, and what has to be named and free for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from invoke import Exit

from djk8s.compose import front
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project


def url(project: Project, domain: str, *overlays: str) -> str:
    project.env_file.write_text(f"DOMAIN={domain}\n")
    return front.url(project, EnvFile(project), overlays)


def test_address_is_the_one_to_open(project: Project) -> None:
    elsewhere = replace(project, up_port="8123", up_https_port="8443")
    assert url(elsewhere, "www.example.com", "db") == "http://localhost:8123"
    assert url(elsewhere, "localhost", "db", "https") == "https://localhost:8443"
    assert url(replace(project, up_https_port="443"), "www.example.com", "https") == "https://www.example.com"


@pytest.mark.parametrize("domain", ["", "https://example.com", "example.com/", "a,b", "example.com:443", "$(id)"])
def test_what_is_no_host_name_is_refused(project: Project, domain: str) -> None:
    with pytest.raises(Exit, match=r"inv env --set DOMAIN=www\.example\.com"):
        url(project, domain, "https")


def test_two_in_front_are_refused() -> None:
    front.require_one({"https", "db"})
    with pytest.raises(Exit, match="leave one out"):
        front.require_one({"https", "proxy", "db"})
