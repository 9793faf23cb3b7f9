"""TAB completes tasks and flags after `./inv`, in real shells, in a folder whose name a shell would take apart."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from support import ROOT
from terminal import tools_stamp

SHELLS = {  # without anybody's own configuration
    "bash": ["--norc", "--noprofile"],
    "zsh": ["--no-rcs"],
    "fish": ["--no-config", "--private", "--init-command", "function fish_prompt; echo -n 'type> '; end"],
}
PROMPT = "type> "  # a shell takes TAB from here on


@pytest.fixture(params=SHELLS)
def name(request: pytest.FixtureRequest) -> str:
    found = str(request.param)
    if not shutil.which(found) and found != "bash":
        pytest.skip(f"there is no {found} here")
    return found


@pytest.fixture
def set_up(checkout: Path, tmp_path: Path) -> Path:
    """A copy whose `.tools/` are the packages of this very Python."""
    tools = checkout / ".tools"
    (tools / "bin").mkdir(parents=True)
    (tools / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (tools / "lib").symlink_to(Path(sys.prefix) / "lib")
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", tools)
    (tools / "complete").write_text(tools_stamp(checkout), encoding="utf-8")
    shutil.copytree(ROOT / "completion", checkout / "completion")
    for link in ("link", "a b"):
        (tmp_path / link).symlink_to(checkout)
    return checkout


@pytest.fixture
def shell(name: str, set_up: Path, tmp_path: Path) -> Iterator[pexpect.spawn[str]]:
    """A shell in that copy which was told the README's line."""
    surroundings = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "PS1": PROMPT,
    }
    there = pexpect.spawn(
        name, SHELLS[name], cwd=str(set_up), env=surroundings, dimensions=(24, 200), encoding="utf-8", timeout=20
    )
    line = f"source completion/inv.{name}"
    assert f"`{line}`" in (ROOT / "README.md").read_text(encoding="utf-8")
    there.expect_exact(PROMPT)
    there.sendline(f"{line}; echo rea''dy")
    there.expect_exact("ready\r\n")
    there.expect_exact(PROMPT)
    yield there
    there.close(force=True)


# What is typed before TAB, and what is on the line after it.
COMPLETED = {
    "./inv ser": "serve",
    "./inv run --det": "--detach",
    "./inv --dry build --tag v1 run --pub": "--publish",
    """./inv run --env 'A=b c' --port=1 --tag "it's" --det""": "--detach",
    "./inv --print-comp": "--print-completion-script",
    "./inv run --env-file noxf": "noxfile.py",
    "./inv manage -- noxf": "noxfile.py",
    "./inv shell -- upw": "upwards.txt",  # what follows the dashes is not ours: a file, and not our task
    "djk8s/../inv inst": "install",
    "~/link/inv inst": "install",
    r"~/a\ b/inv inst": "install",
    "true; ./inv run --det": "--detach",
}
ERASE_LINE = "\x15"


def test_tab_completes(shell: pexpect.spawn[str], set_up: Path) -> None:
    (set_up / "upwards.txt").touch()
    for typed, completed in COMPLETED.items():
        shell.send(f"{typed}\t")
        shell.expect_exact(completed)
        shell.send(ERASE_LINE)
    shell.send("./inv env --set 'half \t-a-word")
    shell.expect_exact("-a-word")
    assert "quotation" not in str(shell.before)  # as Invoke complains


def test_tab_sets_up_nothing_and_says_nothing(shell: pexpect.spawn[str], set_up: Path) -> None:
    """Without `.tools/`, TAB completes files, as without our completion."""
    (set_up / ".tools" / "complete").unlink()
    (set_up / "upwards.txt").touch()
    shell.send("./inv upw\t")
    shell.expect_exact("upwards.txt")
    assert "./inv:" not in str(shell.before)
    assert not (set_up / ".tools" / "complete").exists()
