"""The id of a checkout: it moves with the folder, and no two folders share one."""

import shutil
from pathlib import Path

import pytest

from djk8s import checkout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def started(root: Path) -> str:
    """Return the id of a folder from which something was started."""
    identity = checkout.identify(root)
    checkout.record(root, identity)
    return identity


def test_it_is_the_same_before_and_after_it_is_recorded(folder: Path) -> None:
    assert checkout.identify(folder) == started(folder) == checkout.identify(folder)


def test_it_moves_with_the_folder(folder: Path) -> None:
    identity = started(folder)
    moved = folder.rename(folder.with_name("moved"))
    assert started(moved) == identity
    assert started(moved.rename(folder)) == identity


def test_folder_in_the_old_place_gets_another(folder: Path) -> None:
    identity = started(folder)
    moved = folder.rename(folder.with_name("moved"))
    folder.mkdir()
    assert started(folder) != identity
    assert started(moved) == identity


def test_copy_gets_another(folder: Path) -> None:
    identity = started(folder)
    copy = Path(shutil.copytree(folder, folder.with_name("copy")))
    assert started(copy) not in {identity, ""}
    assert started(copy) == started(copy)
    assert started(folder) == identity


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", '{"id": "a"}', "\xff"])
def test_record_that_is_broken_is_no_record(folder: Path, text: str) -> None:
    identity = started(folder)
    (folder / checkout.FILE).write_text(text, encoding="latin-1")
    assert checkout.identify(folder) == identity


def test_folder_that_cannot_be_written_to_has_one_all_the_same(folder: Path) -> None:
    (folder / checkout.FILE).mkdir()
    assert started(folder) == checkout.identify(folder)
