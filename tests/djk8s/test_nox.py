"""The noxfile read by a real Nox: where sessions keep their environments, and for which Pythons `lock` resolves."""

import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
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


NEEDS_3_12 = "Metadata-Version: 2.1\nName: djk8s-newer\nVersion: 6\nRequires-Python: >=3.12\n"  # like Django 6


def test_lock_resolves_for_the_pythons_of_pyproject(checkout: Path) -> None:
    with zipfile.ZipFile(checkout / "djk8s_newer-6-py3-none-any.whl", "w") as wheel:
        wheel.writestr("djk8s_newer-6.dist-info/METADATA", NEEDS_3_12)
        wheel.writestr("djk8s_newer-6.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("djk8s_newer-6.dist-info/RECORD", "")
    for file in checkout.glob("requirements*"):
        file.unlink()
    (checkout / "requirements.in").write_text("djk8s-newer\n")
    (checkout / "pyproject.toml").write_text('[project]\nname = "site"\nrequires-python = ">=3.12"\n')
    words = [str(ROOT / ".tools" / "bin" / "python"), "-m", "nox", "--session", "lock"]
    indexes = {"UV_DEFAULT_INDEX": "file:///no-index", "UV_FIND_LINKS": str(checkout)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJK8S_", "UV_"))}
    locked = subprocess.run(
        words, cwd=checkout, env={**environment, **indexes}, capture_output=True, text=True, check=False
    )
    assert locked.returncode == 0, locked.stderr
    assert "djk8s-newer==6" in (checkout / "requirements.txt").read_text()
