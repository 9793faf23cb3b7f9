"""The noxfile read by a real Nox: where sessions keep their environments, and where they come from."""

import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from djk8s import files
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


def test_project_without_the_package_beside_it_has_the_sessions_from_its_wheel(checkout: Path) -> None:
    """A Nox that is installed elsewhere knows nothing of djk8s."""
    (checkout / ".tools-wheels").mkdir()
    wheel = checkout / ".tools-wheels" / "djk8s-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for path in (checkout / "djk8s").rglob("*"):
            packed.write(path, path.relative_to(checkout))
    shutil.rmtree(checkout / "djk8s")
    noxfile = checkout / "noxfile.py"
    noxfile.write_text(noxfile.read_text(encoding="utf-8").partition(files.OWN)[0], encoding="utf-8")
    assert "* local_smoke -> Run the list" in listed(checkout).stdout
    code = f"import sys; sys.path.append({str(wheel)!r}); from djk8s import sessions; {SHOWN}"
    shown = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    assert {"pytest.ini", "requirements.txt", "test_container.py", "parity"} <= set(shown.stdout.split())


SHOWN = "print(*(path.name for path in sessions.tests_of_any_site().iterdir()))"
