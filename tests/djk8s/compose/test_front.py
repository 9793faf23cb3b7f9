"""What people open of the project that is up: where it is, and what has to be named for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from invoke import Exit

from djk8s.compose import front
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project


def url(project: Project, domain: str, *overlays: str) -> str:
    project.env_file.write_text(f"DOMAIN={domain}\n")
    return front.url(project, EnvFile(project), overlays)


def test_address_is_the_one_to_open(project: Project) -> None:
    elsewhere = replace(project, up_ports={**project.up_ports, "port": "8123", "https_port": "8443"})
    assert url(elsewhere, "www.example.com", "db") == "http://localhost:8123"
    assert url(elsewhere, "localhost", "db", "https") == "https://localhost:8443"
    assert (
        url(replace(project, up_ports={**project.up_ports, "https_port": "443"}), "www.example.com", "https")
        == "https://www.example.com"
    )


@pytest.mark.parametrize("domain", ["", "https://example.com", "example.com/", "a,b", "example.com:443", "$(id)"])
def test_what_is_no_host_name_is_refused(project: Project, domain: str) -> None:
    with pytest.raises(Exit, match=r"inv env --set DOMAIN=www\.example\.com"):
        url(project, domain, "https")


def test_two_in_front_are_refused() -> None:
    front.require_one({"https", "db"})
    with pytest.raises(Exit, match="leave one out"):
        front.require_one({"https", "proxy", "db"})
    with pytest.raises(Exit, match="leave out --with watch"):
        front.require_one({"dev", "watch"})
    front.require_one({"dev", "debug"})
    with pytest.raises(Exit, match="add --with dev"):
        front.require_one({"debug"})


def test_ports_are_those_of_the_overlay_alone(project: Project) -> None:
    elsewhere = replace(project, up_ports={**project.up_ports, "http_port": "8080", "debug_port": "off"})
    assert front.ports_of(elsewhere, "https") == {"UP_HTTP_PORT": "8080", "UP_HTTPS_PORT": "443"}
    assert front.ports_of(elsewhere, "db") == {}
    with pytest.raises(Exit, match=r"up\.debug_port|INVOKE_UP_DEBUG_PORT"):
        front.ports_of(elsewhere, "debug")


def test_each_address_besides_the_sites_own_is_told(project: Project) -> None:
    elsewhere = replace(project, up_ports={**project.up_ports, "watch_port": "9123", "debug_port": "off"})
    lines = ["Metrics at http://localhost:9123/consoles/site.html", "Mail at http://localhost:1080"]
    assert front.beside(elsewhere, ("db", "watch", "mail", "https")) == lines


@pytest.mark.parametrize("packages", ["", "django==5.2\n", "# django-prometheus\n", "django-prometheus-more==1\n"])
def test_site_that_does_not_count_its_requests_is_not_watched(project: Project, tmp_path: Path, packages: str) -> None:
    (tmp_path / "requirements.txt").write_text(packages)
    with pytest.raises(Exit, match="needs django-prometheus"):
        front.require_counting(replace(project, requirements=tmp_path / "requirements.txt"))


@pytest.mark.parametrize("packages", ["django-prometheus==2.5.0 \\\n", "django==5.2\nDjango_Prometheus[x]==2\n"])
def test_site_that_counts_its_requests_is_watched(project: Project, tmp_path: Path, packages: str) -> None:
    (tmp_path / "requirements.txt").write_text(packages)
    front.require_counting(replace(project, requirements=tmp_path / "requirements.txt"))
