"""Why the packages could not be installed, from what a build printed."""

from __future__ import annotations

import pytest

from djk8s.adopt import installing

NO_IMAGE = (
    "ERROR: failed to solve: {0}: failed to resolve source metadata for registry/library/{0}: failed to do request\n"
)
COMPILED = """\
#11 4.102   × Failed to build `mysqlclient==2.2.4`
#11 4.102   ├─▶ The build backend returned an error
#11 4.102       src/MySQLdb/_mysql.c:29:10: fatal error: mysql.h: No such file or directory
ERROR: failed to solve: process "/bin/sh -c uv" did not complete successfully: exit code: 1
"""
C_API = COMPILED.replace("fatal error: mysql.h: No such file or directory", "error: implicit declaration of ‘_Py’")
CONFLICT = """\
#9 1.5   × No solution found when resolving dependencies:
#9 1.5   ╰─▶ Because you require a==1 and
#9 1.5       b==2, your requirements are unsatisfiable.
"""
SAID = [
    pytest.param(NO_IMAGE.format("python:3.11-slim"), "Docker cannot get python:3.11-slim: ", id="a Python"),
    pytest.param(NO_IMAGE.format("node:22-slim"), "Docker cannot get node:22-slim: ", id="Node"),
    pytest.param("#7 3.1 E: Unable to locate package libold\n", "Debian has no package libold", id="apt"),
    pytest.param(COMPILED, "mysqlclient==2.2.4 cannot be compiled (fatal error: mysql.h: No such", id="a compiler"),
    pytest.param(C_API, "(error: implicit declaration of ‘_Py’): pin a version", id="an older Python's C"),
    pytest.param(
        COMPILED.replace("mysqlclient==2.2.4", "psycopg2==2.9.9"),
        "psycopg2==2.9.9 is too old for this Python: pin psycopg2-binary 2.9.10",
        id="an older psycopg2",
    ),
    pytest.param(CONFLICT, "(Because you require a==1 and b==2, your requirements are unsatisfiable.)", id="versions"),
    pytest.param("#9 1.0 error: Failed to fetch: `pkg/a`\n#9 1.0   Caused by: x\n", "pkg/a cannot be had", id="index"),
    pytest.param("#9 1.0 error: Something new\n", "cannot be installed: Something new", id="another of uv's"),
    pytest.param("#9 1.0 what?\n", "cannot be installed: what?", id="the last line"),
]


@pytest.mark.parametrize(("log", "says"), SAID)
def test_reason_in_one_sentence(log: str, says: str) -> None:
    sentence = installing.classified(log)
    assert says in sentence
    assert "\n" not in sentence


def test_python_that_cannot_be_had_names_the_flag() -> None:
    assert "--python 3.13" in installing.classified(NO_IMAGE.format("python:3.11-slim"))
