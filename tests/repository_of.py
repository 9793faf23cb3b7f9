"""A git repository of a few files, as that of a small Django project."""

from __future__ import annotations

import subprocess
from pathlib import Path

MANAGE = """\
import os, sys
def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "of.the.project")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
if __name__ == "__main__":
    main()
"""
WSGI = """\
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "of.the.project")
application = get_wsgi_application()
"""


def manage(module: str) -> str:
    return MANAGE.replace("of.the.project", module)


def wsgi(module: str) -> str:
    return WSGI.replace("of.the.project", module)


def committed(folder: Path, files: dict[str, str]) -> Path:
    """Write files to a folder, and commit them."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "--quiet", "--message", "A start")
    return folder


def git(folder: Path, *words: str) -> None:
    subprocess.run(("git", "-C", folder, *words), check=True, capture_output=True)


SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "a-key-of-their-own"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.staticfiles"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
STATIC_URL = "static/"
"""
ASGI = wsgi("shop.settings").replace("wsgi", "asgi").replace("get_wsgi", "get_asgi")
FILES = {
    "manage.py": manage("shop.settings"),
    "shop/__init__.py": "",
    "shop/urls.py": "urlpatterns = []\n",
    "shop/wsgi.py": wsgi("shop.settings"),
    "shop/asgi.py": ASGI,
}
