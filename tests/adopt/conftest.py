"""What the adopted projects share: the tools behind their `./inv`, which the first one installs."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where a link to the first project's .tools is made, for those after it."""
    return tmp_path_factory.mktemp("tools") / ".tools"
