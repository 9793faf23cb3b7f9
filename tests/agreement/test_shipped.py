"""What a project gets is this repository's own: its files here, and in the wheel."""

from __future__ import annotations

import difflib
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from djk8s import facts, files
from djk8s.adopt import remarks, services
from djk8s.facts import Facts
from serving import cache, static
from support import ROOT
from versions import build

OURS = Facts("djk8s", "myproj.settings", "myproj.wsgi:application", csp=True, devcontainer=True, offered=("db",))
SHOP = replace(OURS, name="shop", settings="shop.settings", application="shop.wsgi:application")
ON_REQUEST = {"requirements.in"}  # `djk8s new` writes it, `djk8s adopt` does not


def test_own_files_are_what_a_project_with_a_worker_gets() -> None:
    texts = files.rendered(replace(OURS, workers={"worker": "python manage.py worker"}))
    del texts["compose/worker.yaml"]  # our worker says that it is alive
    for path, text in texts.items():
        assert text == files.read(ROOT, path), path


def test_another_project_has_other_names_and_nothing_else() -> None:
    ours, shop = files.rendered(OURS), files.rendered(SHOP)
    assert ours.keys() == shop.keys()
    for path in ours:
        differing = [
            line for line in difflib.ndiff(ours[path].splitlines(), shop[path].splitlines()) if line[0] in "+-"
        ]
        assert [line for line in differing if not re.search("djk8s|myproj|shop", line)] == [], path


def test_no_file_that_is_shipped_speaks_of_this_site() -> None:
    for path, text in files.rendered(SHOP).items():
        assert not re.search(r"\bmyproj|\bboard\b", text), path


@pytest.mark.parametrize("src", [".", "web"])
def test_no_file_that_is_shipped_knows_another_folder_of_the_site(src: str) -> None:
    for path, text in files.rendered(replace(SHOP, src=src)).items():
        assert path.startswith("serving/") or not re.search(r"/app/src\b|\./src\b", text), path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build(ROOT, tmp_path_factory.mktemp("wheel")))


def test_wheel_has_the_files_of_the_top_level(wheel: zipfile.ZipFile) -> None:
    begin = "djk8s/files/"
    shipped = {name.removeprefix(begin): wheel.read(name) for name in wheel.namelist() if name.startswith(begin)}
    top = {*files.FILES, *files.PINS, *ON_REQUEST}
    folders = (
        path
        for folder in (*files.FOLDERS, files.DEVCONTAINER)
        for path in (ROOT / folder).rglob("*")
        if is_source(path)
    )
    top |= {path.relative_to(ROOT).as_posix() for path in folders}
    assert set(shipped) == top
    assert [path for path, content in shipped.items() if content != (ROOT / path).read_bytes()] == []


def test_wheel_has_the_whole_package(wheel: zipfile.ZipFile) -> None:
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "djk8s").rglob("*") if is_source(path)}
    assert {name for name in wheel.namelist() if re.match("djk8s/(?!files/)", name)} == package


def is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def test_every_dependency_of_the_wheel_is_pinned_for_a_project() -> None:
    dependencies = facts.parsed((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    pins = "".join((ROOT / f"requirements-{name}.txt").read_text(encoding="utf-8") for name in ("tools", "uv"))
    names = [re.split(r"[ ~=<>;\[]", dependency)[0] for dependency in dependencies]
    assert [name for name in names if not re.search(rf"(?m)^{re.escape(name)}==", pins)] == []


def test_dependencies_of_the_wheel_are_what_the_tools_ask_for() -> None:
    dependencies = facts.parsed((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    asked = [(ROOT / f"requirements-{name}.in").read_text(encoding="utf-8") for name in ("tools", "uv")]
    lines = {line.partition("#")[0].strip() for text in asked for line in text.splitlines()} - {""}
    # tomli is Nox's own dependency too.
    assert lines == {dependency for dependency in dependencies if not dependency.startswith("tomli")}


def test_adopt_knows_what_serving_changes() -> None:
    """serving/ is the project's own by then, so that neither can import the other."""
    assert {*services.ADDRESSES} == {*cache.NAMES}
    assert remarks.REMOTE == static.REMOTE
