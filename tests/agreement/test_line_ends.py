"""Line ends: a checkout has those of Linux, even if git is told to write those of Windows."""

import pytest

from support import ROOT, run

SHELL = ["inv", "entrypoint.sh", "completion/inv.bash"]
COPIED = ["Dockerfile", "requirements.txt", "src/manage.py", "serving/gunicorn.conf.py"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout of git")
def test_what_a_shell_or_the_image_reads_has_line_ends_of_linux() -> None:
    told = run("git", "check-attr", "text", "eol", "--", *SHELL, *COPIED).stdout.splitlines()
    assert told == [f"{name}: {value}" for name in [*SHELL, *COPIED] for value in ("text: auto", "eol: lf")]
