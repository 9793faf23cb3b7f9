"""A second Nox in one checkout keeps its environments elsewhere while the first works."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from support import ROOT


def listed(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Let a real Nox read the noxfile of a copy."""
    shutil.copy(ROOT / "pyproject.toml", checkout)
    words = [sys.executable, "-m", "nox", "--list"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJK8S_")}
    return subprocess.run(words, cwd=checkout, env=environment, capture_output=True, text=True, check=True)


def test_second_nox_keeps_out_of_the_way_of_the_first(checkout: Path) -> None:
    (checkout / ".nox").mkdir()
    first = os.open(checkout / ".nox", os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    said = listed(checkout).stderr
    assert "Cannot use .nox (another Nox works there)" in said
    assert not Path(said.split("; using ")[1].split()[0]).exists()  # it went with the Nox that made it
    os.close(first)
    assert "Cannot use" not in listed(checkout).stderr
