"""The image does not depend on how it was checked out: line ends of Windows and a strict umask do no harm."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import Checkout


def with_windows_line_ends(path: Path) -> None:
    text = path.read_bytes()
    if b"\0" not in text:
        path.write_bytes(text.replace(b"\n", b"\r\n"))


def for_its_owner_alone(path: Path) -> None:
    path.chmod(0o700 if path.is_dir() else 0o600)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout as core.autocrlf and a umask of 077 leave it, without .gitattributes and without run bits."""
    checkout = Checkout(tmp_path_factory.mktemp("odd"), f"djk8s-odd-{secrets.token_hex(3)}")
    for path in checkout.folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".tools" not in path.parts and path.name != "inv":
            with_windows_line_ends(path)
        if ".tools" not in path.parts and path.name != "inv":
            for_its_owner_alone(path)
    try:
        checkout.start()
        yield checkout
    finally:
        checkout.inv("clean", "--volumes")


def test_site_runs_from_a_checkout_with_windows_line_ends_and_a_umask_of_077(odd: Checkout) -> None:
    assert b"\r\n" in (odd.folder / "entrypoint.sh").read_bytes()
    assert (odd.folder / "src" / "myproj").stat().st_mode & 0o777 == 0o700
    assert odd.runs() == [True, True]


def test_every_file_can_be_read(odd: Checkout) -> None:
    assert odd.inv("shell", "--", "sh", "-c", "find /app ! -readable").stdout == ""
