"""The names of settings and the default port: what the site, gunicorn, the box and the tasks say."""

import ast
import re

import pytest

from djk8s.dotenv.reads import read_by
from djk8s.project import Project
from support import ROOT


def found(file: str, pattern: str) -> list[str]:
    return re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_reader_of_settings_is_known() -> None:
    readers = found("src/myproj/environment.py", r"^def (\w+)\(name: str")
    calls = [ast.parse(f'environment.{reader}("NAME")', mode="eval").body for reader in readers]
    assert len(calls) > 5
    assert all([read.name for read in read_by(call)] == ["NAME"] for call in calls)


def test_box_says_which_place_it_is() -> None:
    assert found("src/myproj/settings.py", r'choice\("PLACE", \((.*?)\)\)') == [
        '"host", "container", "compose", "cluster"'
    ]
    assert found("Dockerfile", r"^ENV .*\bPLACE=container\b")
    assert found("docker-compose.yaml", r"\bPLACE=compose\b")
    assert found("compose/swarm.yaml", r"\bPLACE=cluster\b")


PORTS = {
    "serving/gunicorn.conf.py": r"'PORT'\) or (\d+)",
    ".env.example": r"^# PORT=(\d+)$",
    "Dockerfile": r"(?:^EXPOSE |/dev/tcp/127\.0\.0\.1/\$\{PORT:-)(\d+)",
}


@pytest.mark.parametrize("file", PORTS)
def test_default_port_is_the_tasks(defaults: Project, file: str) -> None:
    assert set(found(file, PORTS[file])) == {defaults.port}
