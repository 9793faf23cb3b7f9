"""The site of these pages: Sphinx and MyST, and two pages that are made of the program itself."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import reference  # noqa: E402

project = "Django on Docker"
extensions = ["myst_parser"]
smartquotes = False  # which make one dash of the two of a flag
html_theme = "furo"
html_title = project
html_static_path, html_css_files = ["styles"], ["site.css"]
html_copy_source = html_show_sourcelink = html_show_copyright = False
myst_heading_anchors = 3
MARK = "<!-- made by conf.py -->"
MADE = {"commands": reference.commands, "settings": reference.settings}


def fill(_: Sphinx, page: str, source: list[str]) -> None:
    """Put what is made for a page in the place of its mark."""
    if page in MADE:
        before, after = source[0].split(MARK)  # fails on a page that has lost it
        source[0] = before + MADE[page](ROOT) + after


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", fill)
