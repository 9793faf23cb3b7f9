"""The shop: an ordinary project whose authors never saw this one, with the files that djk8s gives it."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from boxed import docker
from container.boxes import NAME
from djk8s import files
from djk8s.facts import Facts
from support import ROOT

SHOP = ROOT / "tests" / "projects" / "shop"
FACTS = Facts(name="shop", settings="shop.settings.production", application="shop.wsgi:application")
IMAGE = f"{NAME}-shop"
SETTINGS = ("--env", "SHOP_DATABASE=/app/data/shop.sqlite3", "--env", "STRIPE_KEY=sk_test")
# Files that must stay out of the image; each holds this text.
SECRET = secrets.token_hex(16)
STAYS_OUT = (
    ".env",
    ".env.production",
    "config/production.env",
    ".git/config",
    "data/shop.sqlite3",
    "src/.env",
    "src/shop/.env.local",
    "src/catalog/__pycache__/old.cpython-313.pyc",
    "staticfiles/old.css",
    "venv/pyvenv.cfg",
    "myenv/lib/python3.13/site-packages/django/__init__.py",
    "myenv/pyvenv.cfg",
)


def build(folder: Path) -> str:
    """Build the shop with the files that djk8s gives it, and with secrets that have to stay out."""
    context = folder / "shop"
    shutil.copytree(SHOP, context)
    for name, text in files.rendered(FACTS).items():
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(text)
    for name in STAYS_OUT:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(SECRET)
    docker("build", "--quiet", "--tag", IMAGE, str(context))
    return IMAGE
