"""The copy of a project that images are built of."""

import subprocess
from pathlib import Path

import pytest

from djk8s import files, writing
from djk8s.adopt.trial import Trial
from djk8s.facts import Facts

BESIDE = {"Dockerfile": "Dockerfile.djk8s", ".dockerignore": "Dockerfile.djk8s.dockerignore"}


@pytest.mark.parametrize("renamed", [{}, BESIDE], ids=["alone", "beside theirs"])
def test_image_is_built_by_our_files_whatever_theirs_are_called(tmp_path: Path, renamed: dict[str, str]) -> None:
    root, folder = tmp_path / "root", tmp_path / "copy"
    root.mkdir()
    (root / "mine.py").touch()
    (root / "untracked.py").touch()
    for name in renamed:
        (root / name).write_text("theirs\n")
    for words in (["init", "--quiet"], ["add", "mine.py", *renamed]):
        subprocess.run(["git", *words], cwd=root, check=True)
    facts = Facts("shop", "shop.settings", "shop.wsgi:application", renamed=renamed)
    trial = Trial(root, folder)
    assert {path.name for path in folder.iterdir()} == {"mine.py", *renamed}
    writing.put(folder, files.rendered(facts))
    dockerfile = trial.recipe(facts, whole=True)
    ignored = dockerfile.with_name(f"{dockerfile.name}.dockerignore").read_text()
    assert "theirs" not in dockerfile.read_text() + ignored
    assert "\nvenv\n" in ignored.replace("**/", "")
    assert "collectstatic" in dockerfile.read_text()
    assert "collectstatic" not in trial.recipe(facts, whole=False).read_text()
