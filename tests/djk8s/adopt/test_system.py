"""Which Debian packages a project needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from invoke import Exit

from djk8s.adopt import system
from djk8s.adopt.system import COMPILER, System, needed
from djk8s.packages import requirements
from djk8s.packages.requirements import Export
from made_index import index, sdist, wheel

__all__ = ["index"]  # the fixture


def export(*names: str, kept: tuple[str, ...] = ()) -> Export:
    return Export("", kept, dict.fromkeys(names, "1"))


# The packages, those without a wheel, and what is needed for them.
CASES = {
    "nothing": (export("django"), [], System()),
    "psycopg2": (export("psycopg2"), ["psycopg2"], System((*COMPILER, "libpq-dev"), ("libpq5",))),
    "psycopg2 as a wheel": (export("psycopg2-binary"), [], System()),
    "psycopg": (export("psycopg"), [], System((), ("libpq5",))),
    "psycopg with its library": (export("psycopg", "psycopg-binary"), [], System()),
    "psycopg compiled": (
        export("psycopg", "psycopg-c"),
        ["psycopg-c"],
        System((*COMPILER, "libpq-dev"), ("libpq5",)),
    ),
    "magic": (export("python-magic"), [], System((), ("libmagic1t64",))),
    "unknown": (export("uwsgi"), ["uwsgi"], System(COMPILER)),
    "git": (export(kept=("x @ git+https://git.example/x@1",)), [], System(("git",))),
}


@pytest.mark.parametrize(("made", "compiled", "wanted"), CASES.values(), ids=CASES)
def test_needed(made: Export, compiled: list[str], wanted: System) -> None:
    assert needed(made, compiled) == wanted


def test_geodjango_needs_its_library() -> None:
    assert needed(export("django"), [], ["django.contrib.gis"]).run == ("gdal-bin",)


def test_uv_says_what_has_no_wheel(tmp_path: Path, index: Path) -> None:
    sdist(index, "mysqlclient", "2")
    sdist(index, "with-wheel", "1")
    for machine in ("x86_64", "aarch64"):
        wheel(index, "with-wheel", "1", tag=f"cp313-cp313-manylinux_2_28_{machine}")
    sdist(index, "of-another-python", "1")
    wheel(index, "of-another-python", "1", tag="cp312-cp312-manylinux_2_28_x86_64")
    sdist(index, "of-one-machine", "1")
    wheel(index, "of-one-machine", "1", tag="cp313-cp313-manylinux_2_28_x86_64")
    (tmp_path / "requirements.txt").write_text("django\nmysqlclient\nwith-wheel\nof-another-python\nof-one-machine\n")
    (tmp_path / "apt.txt").write_text("# for reports\nghostscript\n")
    made = requirements.export(tmp_path, "requirements.txt", "3.13")
    found = system.system(tmp_path, made, "3.13")
    assert found.where == "no wheel of mysqlclient, of-another-python, of-one-machine; apt.txt"
    assert found.value.build == (*COMPILER, "default-libmysqlclient-dev", "pkg-config", "ghostscript")
    assert found.value.run == ("libmariadb3", "ghostscript")


def test_a_line_of_apt_txt_that_is_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "apt.txt").write_text("https://example.org/x.deb\n")
    with pytest.raises(Exit, match=r"apt\.txt asks for 'https://example\.org/x\.deb'"):
        system.from_file(tmp_path / "apt.txt")
