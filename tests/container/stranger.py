"""The shop: an ordinary project whose authors never saw this one, put into this project's box."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from boxed import docker
from container.boxes import NAME
from support import ROOT

SHOP = ROOT / "tests" / "projects" / "shop"
BOX = (".dockerignore", "entrypoint.sh", "requirements-uv.txt", "serving")
IMAGE = f"{NAME}-shop"
SETTINGS = ("--env", "SHOP_DATABASE=/app/data/shop.sqlite3", "--env", "STRIPE_KEY=sk_test")
# Files that must stay out of the image; each holds this text.
SECRET = secrets.token_hex(16)
STAYS_OUT = (
    ".env",
    ".env.production",
    ".git/config",
    "data/shop.sqlite3",
    "docs/notes.txt",
    "src/.env",
    "src/shop/.env.local",
    "src/catalog/tests/test_views.py",
    "src/catalog/__pycache__/old.cpython-313.pyc",
    "staticfiles/old.css",
    "tests/test_shop.py",
    "venv/pyvenv.cfg",
)


def build(folder: Path) -> str:
    """Build the shop with the project's own Dockerfile, where only the module in CMD has another name."""
    context = folder / "shop"
    shutil.copytree(SHOP, context)
    for name in BOX:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, context / name)
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile.count("myproj") == 1
    (context / "Dockerfile").write_text(dockerfile.replace("myproj", "shop"))
    for name in STAYS_OUT:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(SECRET)
    docker("build", "--quiet", "--tag", IMAGE, str(context))
    return IMAGE
