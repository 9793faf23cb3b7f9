"""The Content-Security-Policy: what CSP makes of a site's settings, and that each page is sent with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
import pytest
from django.core.exceptions import ImproperlyConfigured

from served import Server, Start, servers
from serving import csp

DJANGOS = {(5, 2): "CONTENT_SECURITY_POLICY", (6, 0): "SECURE_CSP"}
HEADER, REPORT_ONLY = "Content-Security-Policy", "Content-Security-Policy-Report-Only"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in csp.USUAL:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=DJANGOS, ids=str)
def django_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Another release of Django; the name of its setting."""
    monkeypatch.setattr(django, "VERSION", request.param)
    return DJANGOS[request.param]


def followed(**settings: Any) -> dict[str, Any]:
    site = {"MIDDLEWARE": ["its.own"], **settings}
    csp.follow(site)
    return site


def policy(site: dict[str, Any], name: str) -> Any:
    """Return a policy as a setting has it, without what django-csp is told not to add."""
    found = site[name].get("DIRECTIVES", site[name])
    return {directive: values for directive, values in found.items() if values is not None}


def test_policy_is_by_default_what_the_site_serves_itself(django_of: str) -> None:
    site = followed()
    own = {"default-src": ["'self'"], "img-src": ["'self'", "data:"], "base-uri": ["'none'"]}
    assert policy(site, django_of) == own
    assert f"{django_of}_REPORT_ONLY" not in site
    assert [name.rpartition(".")[2] for name in site["MIDDLEWARE"]][1:] == ["own"]


def test_variables_say_another_policy(django_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSP", " script-src 'self' https://cdn.example.com ; upgrade-insecure-requests; ")
    monkeypatch.setenv("CSP_REPORT_ONLY", "default-src 'none'")
    site = followed()
    wanted = {"script-src": ["'self'", "https://cdn.example.com"], "upgrade-insecure-requests": True}
    assert policy(site, django_of) == wanted
    assert policy(site, f"{django_of}_REPORT_ONLY") == {"default-src": ["'none'"]}


def test_no_policy_at_all(django_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSP", "0")
    assert followed() == {"MIDDLEWARE": ["its.own"]}


OWN = ["django.middleware.csp.ContentSecurityPolicyMiddleware", "csp.middleware.CSPMiddleware", "own.CSP"]


@pytest.mark.parametrize("name", OWN)
def test_policy_of_the_site_stays(django_of: str, name: str) -> None:
    assert followed(MIDDLEWARE=[name]) == {"MIDDLEWARE": [name]}


@pytest.mark.parametrize("text", ["1", "on", ";", "default-src 'self'; Script-Src 'self'"])
def test_what_is_no_policy_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSP", text)
    with pytest.raises(ImproperlyConfigured, match="write directives, as \"default-src 'self'\", or 0 for none"):
        followed()


def test_missing_package_is_named_if_somebody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csp, "find_spec", lambda name: None)
    monkeypatch.setattr(django, "VERSION", (5, 2))
    assert followed() == {"MIDDLEWARE": ["its.own"]}
    monkeypatch.setenv("CSP", csp.POLICY)
    with pytest.raises(ImproperlyConfigured, match="CSP needs Django 6, or django-csp among the packages"):
        followed()


def answered(server: Server, path: str) -> tuple[int, list[str], list[str]]:
    """Return the status of a page, and its two policies."""
    answer = server.get(path)
    enforced, reported = (answer.headers[name] or "" for name in (HEADER, REPORT_ONLY))
    return answer.status, directives(enforced), directives(reported)


def directives(policy: str) -> list[str]:
    return sorted(filter(None, policy.split("; ")))


PATHS = {"/worker": 200, "/none": 404, "/fails": 500}


@servers
def test_each_page_has_the_policy(start: Start, kind: str) -> None:
    server = start(SERVER=kind, FOLLOW="csp", CSP_REPORT_ONLY="script-src 'none'").ready()
    own = directives(csp.POLICY)
    assert [answered(server, path) for path in PATHS] == [
        (status, own, ["script-src 'none'"]) for status in PATHS.values()
    ]


def test_pages_of_django_itself_are_without_one_while_debugging(start: Start) -> None:
    server = start(FOLLOW="csp", DEBUG="1").ready()
    assert answered(server, "/worker")[1] == directives(csp.POLICY)
    assert [answered(server, path) for path in ("/none", "/fails")] == [(404, [], []), (500, [], [])]


def test_welcome_of_a_new_project_keeps_its_styles(start: Start, tmp_path: Path) -> None:
    (tmp_path / "nothing.py").write_text("urlpatterns = []")
    path = f"{tmp_path}:{Path(__file__).parent}"
    server = start(FOLLOW="csp", DEBUG="1", URLS="nothing", PYTHONPATH=path).ready()
    assert "The install worked successfully" in server.get("/").text
    assert answered(server, "/") == (200, [], [])
