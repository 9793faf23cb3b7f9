"""What of the tests cannot be on Windows, and why; elsewhere none is left out."""

from __future__ import annotations

import os

import pytest

WINDOWS = os.name == "nt"  # not from steps/, whose packages the sessions with an engine do without

# Files that need more than a step or a task does.
NEEDS_POSIX = {
    "agreement/*": "the files agree on every system or on none",
    "image/*": "what helps to build the image runs in it, on Linux",
    "site/test_gunicorn.py": "gunicorn needs fcntl",
    "site/test_hot_path.py": "gunicorn needs fcntl",
    "site/test_serving.py": "gunicorn needs fcntl",
    "tasks/test_any_input.py": "it has the words, paths and errors of POSIX",
    "tasks/test_bad_input.py": "most of what it types begins with `inv serve`",
    "tasks/test_command.py": "it has a terminal, a shell and signals; test_system.py has what Windows does instead",
    "tasks/test_commands.py": "its lines are those of a POSIX shell; test_system.py has those of cmd.exe",
    "tasks/test_completion.py": "bash, zsh and fish are at home there",
    "tasks/test_doctor.py": "its stand-ins for programs are shell scripts",
    "tasks/test_installer.py": "its settings of pip and uv are where POSIX keeps them",
    "tasks/test_nox.py": "it locks a folder",
    "tasks/test_program.py": "its stand-in for a Python is a shell script",
    "tasks/test_venv.py": "its stand-in for an environment is of links",
    "tasks/test_wrapper.py": "its stand-in for .tools/ is of links; whoever types `python inv test` has the real ones",
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
