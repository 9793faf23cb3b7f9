"""The tests that Windows cannot run, and why; other systems run all."""

from __future__ import annotations

import os

import pytest

WINDOWS = os.name == "nt"  # not from djk8s, whose packages the sessions with an engine do without

# Files that need more than a step or a task does.
NEEDS_POSIX = {
    "agreement/*": "the files agree on every system or on none",
    "serving/*": "gunicorn needs fcntl",
    "site/test_serving.py": "gunicorn needs fcntl",
    "djk8s/test_any_input.py": "it has the words, paths and errors of POSIX",
    "djk8s/test_bad_input.py": "most of what it types begins with `inv serve`",
    "djk8s/shell/test_run.py": "it needs a terminal, a shell and signals; for Windows, see test_processes.py",
    "djk8s/test_dry.py": "its lines are those of a POSIX shell; test_processes.py has those of cmd.exe",
    "djk8s/cli/test_completion.py": "bash, zsh and fish are at home there",
    "djk8s/doctor/test_doctor.py": "its stand-ins for programs are shell scripts",
    "djk8s/test_installer.py": "it sets what pip and uv read on POSIX",
    "djk8s/test_locking.py": "it links the tools into a copy",
    "djk8s/test_nox.py": "it locks a folder",
    "djk8s/cli/test_program.py": "its stand-in for a Python is a shell script",
    "djk8s/host/test_venv.py": "its stand-in for an environment is of links",
    "djk8s/cli/test_wrapper.py": "its stand-in for .tools/ is made of links",
}
# Fixtures of single tests; so does `@pytest.mark.posix`.
SHELL_SCRIPTS = {"program", "noting", "engine"}

collect_ignore_glob = list(NEEDS_POSIX) if WINDOWS else []


def pytest_report_header() -> list[str]:
    """Say what is left out."""
    return [f"left out on Windows: {name}: {NEEDS_POSIX[name]}" for name in collect_ignore_glob]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a test that needs what only POSIX has."""
    if not WINDOWS:
        return
    if SHELL_SCRIPTS.intersection(getattr(item, "fixturenames", ())):
        pytest.skip("its stand-ins for programs are shell scripts")
    if mark := item.get_closest_marker("posix"):
        pytest.skip(f"it needs {mark.args[0]}, which Windows does not have")
