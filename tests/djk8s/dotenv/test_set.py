"""`inv env --set` sets all values or none, with mode 0600, and shows none."""

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from djk8s.dotenv import file as dotenv
from nasty import NASTY, SETTING
from support import one_sentence

Inv = Callable[..., subprocess.CompletedProcess[str]]


def read(path: Path) -> dict[str, str]:
    return dotenv.values(dotenv.parse(dotenv.read(path, "here")), "here")


THERE = "# mine\nSECRET_KEY=hunter2-key  # keep\n\nexport DEBUG=0\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An environment file that everyone may read."""
    path = tmp_path / ".env"
    path.write_text(THERE)
    path.chmod(0o644)
    return path


def test_several_are_set_at_once_and_the_rest_stays(inv: Inv, file: Path) -> None:
    typed = inv("env", "--set", "DEBUG=1", "--set", "GREETING=a  # b", "--set", "SECRET_KEY=new")
    assert typed.returncode == 0, typed.stderr
    assert file.read_text() == "# mine\nSECRET_KEY=new  # keep\n\nexport DEBUG=1\nGREETING='a  # b'\n"
    assert one_sentence(typed.stderr) == f"{file}: DEBUG, GREETING, SECRET_KEY set."


def test_all_nasty_values_are_set_at_once(inv: Inv, file: Path) -> None:
    typed = inv("env", *SETTING)
    assert typed.returncode == 0, typed.stderr
    assert read(file) == {"SECRET_KEY": "hunter2-key", "DEBUG": "0", **NASTY}


@pytest.mark.parametrize("bad", ["NO_VALUE", "1A=1", "PATH=/bin", "B=$\\"])
def test_none_is_set_where_one_is_bad(inv: Inv, file: Path, bad: str) -> None:
    before = file.stat()
    typed = inv("env", "--set", "DEBUG=1", "--set", bad, "--set", "C=3")
    assert typed.returncode == 1
    one_sentence(typed.stderr)
    assert file.read_text() == THERE
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.posix("modes of files")
def test_file_is_for_its_owner_alone_afterwards(inv: Inv, file: Path) -> None:
    assert inv("env", "--set", "DEBUG=1").returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.posix("links for everyone")
def test_link_stays_one_and_what_it_leads_to_is_written(inv: Inv, file: Path) -> None:
    real = file.parent / "secrets" / "real.env"
    real.parent.mkdir()
    file.rename(real)
    file.symlink_to("secrets/real.env")
    assert inv("env", "--set", "DEBUG=1").returncode == 0
    assert file.readlink() == Path("secrets/real.env")
    assert real.read_text() == THERE.replace("DEBUG=0", "DEBUG=1")
    assert list(real.parent.iterdir()) == [real]


@pytest.mark.posix("modes of files")
def test_file_is_made_of_the_example_where_there_is_none(inv: Inv, tmp_path: Path) -> None:
    assert inv("env", "--set", "DEBUG=1").returncode == 0
    values = read(tmp_path / ".env")
    assert len(values.pop("SECRET_KEY")) >= 50
    assert values == {"DEBUG": "1", "HTTPS": "0"}
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


@pytest.mark.posix("modes of files")
def test_dry_says_it_and_changes_nothing(inv: Inv, file: Path) -> None:
    typed = inv("--dry", "env", "--set", "DEBUG=hunter2")
    assert typed.returncode == 0
    assert one_sentence(typed.stderr) == f"# DEBUG would be set in {file}."
    assert file.read_text() == THERE
    assert file.stat().st_mode & 0o777 == 0o644


WHERE_IT_FAILS = ["tempfile.mkstemp", "os.fdopen", "pathlib.Path.replace"]


@pytest.mark.parametrize("where", WHERE_IT_FAILS)
@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOSPC], ids=os.strerror)
def test_file_that_cannot_be_written_is_one_sentence_and_stays_as_it_was(
    inv: Inv, file: Path, shell: pytest.MonkeyPatch, where: str, code: int
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    before = set(file.parent.iterdir())
    shell.setattr(where, fail)
    typed = inv("env", "--set", "DEBUG=1")
    assert typed.returncode == 1
    assert f"{file} cannot be written ({os.strerror(code)})" in one_sentence(typed.stderr)
    assert file.read_text() == THERE
    assert set(file.parent.iterdir()) == before


@pytest.mark.parametrize("text", [b"A=\xff\n"])
def test_file_that_is_not_text_is_kept(inv: Inv, tmp_path: Path, text: bytes) -> None:
    (tmp_path / ".env").write_bytes(text)
    typed = inv("env", "--set", "A=1")
    assert "is not text in UTF-8" in one_sentence(typed.stderr)
    assert (tmp_path / ".env").read_bytes() == text


SHOWN = ["A=hunter2", "A=it's hunter2", "A=hunter2$\\", "1A=hunter2", "PATH=hunter2", "A B=hunter2", "A=hunter2\udcff"]


@pytest.mark.parametrize("pair", SHOWN)
@pytest.mark.parametrize("dry", [[], ["--dry"]], ids=["", "dry"])
def test_value_is_never_shown(inv: Inv, file: Path, pair: str, dry: list[str]) -> None:
    typed = inv(*dry, "env", "--set", pair)
    assert "hunter2" not in typed.stdout + typed.stderr
    one_sentence(typed.stderr)


def test_key_alone_is_a_fresh_one(inv: Inv, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nSECRET_KEY=\nDEBUG=1\n")
    keys = []
    for _ in range(2):
        typed = inv("env", "--set", "SECRET_KEY")
        assert typed.returncode == 0, typed.stderr
        keys.append(read(file)["SECRET_KEY"])
    assert file.read_text().startswith("# mine\n")
    assert "DEBUG=1" in file.read_text()
    assert min(map(len, keys)) >= 50
    assert keys[0] != keys[1]
    assert keys[1] not in typed.stdout + typed.stderr
