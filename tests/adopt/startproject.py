"""What `startproject` and `startapp` write, as texts: the part in which the made projects are like each other.

`project_name`, `app_name` and `settings_module` stand for a project's own.
"""

from __future__ import annotations

from support import ROOT

Files = dict[str, str]  # text by path, with `/` between the parts

SETTINGS = '''
"""Django settings for project_name."""

from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# SECURITY WARNING: keep the secret key used in production secret!
SECRET_KEY = "django-insecure-w1#7v&2m)4x^p9k$0q!j8z@5t(3n*6c+b_r-e=a%f"

# SECURITY WARNING: don't run with debug turned on in production!
DEBUG = True

ALLOWED_HOSTS = []

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "app_name",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "project_name.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

WSGI_APPLICATION = "project_name.wsgi.application"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
    }
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
'''

PROJECT = {
    "manage.py": '''
#!/usr/bin/env python
"""Django's command-line utility for administrative tasks."""
import os
import sys


def main():
    """Run administrative tasks."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings_module")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as exc:
        raise ImportError("Couldn't import Django. Did you forget to activate a virtual environment?") from exc
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
''',
    "project_name/__init__.py": "",
    "project_name/urls.py": """
from django.contrib import admin
from django.urls import path

from app_name import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.home),
]
""",
    "project_name/wsgi.py": """
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings_module")

application = get_wsgi_application()
""",
    "project_name/asgi.py": """
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings_module")

application = get_asgi_application()
""",
}

# Its one page counts its visits in the database.
APP = {
    "app_name/__init__.py": "",
    "app_name/models.py": """
from django.db import models


class Visit(models.Model):
    at = models.DateTimeField(auto_now_add=True)
""",
    "app_name/migrations/__init__.py": "",
    "app_name/migrations/0001_initial.py": """
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Visit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
    ]
""",
    "app_name/views.py": """
from django.shortcuts import render

from .models import Visit


def home(request):
    Visit.objects.create()
    return render(request, "app_name/home.html", {"visits": Visit.objects.count()})
""",
    "app_name/templates/app_name/home.html": """
{% load static %}<!doctype html>
<title>project_name</title>
<link rel="stylesheet" href="{% static 'app_name/style.css' %}">
<p>Visit {{ visits }}</p>
""",
    "app_name/static/app_name/style.css": """
p { color: teal; }
""",
}

GITIGNORE = """
__pycache__/
*.pyc
.venv/
.env
*.sqlite3
"""


def project(name: str, app: str, folder: str = ".", manage: str = "", served: str = "") -> Files:
    """Return what `startproject` and `startapp` write, with manage.py in `folder`.

    `manage` is the settings module of manage.py, and `served` that of wsgi.py and asgi.py.
    """
    files = {"project_name/settings.py": SETTINGS, **PROJECT, **APP}
    texts = {}
    for path, text in files.items():
        module = manage if path == "manage.py" else served
        texts[path] = text.replace("settings_module", module or f"{name}.settings")
    inside = {within(folder, path): text for path, text in texts.items()}
    return {**named(inside, name, app), ".gitignore": GITIGNORE.lstrip()}


def within(folder: str, path: str) -> str:
    return path if folder == "." else f"{folder}/{path}"


def named(files: Files, name: str, app: str) -> Files:
    """Return files with a project's own names, in their paths and texts."""

    def put(text: str) -> str:
        return text.replace("project_name", name).replace("app_name", app)

    return {put(path): put(text).lstrip("\n") for path, text in files.items()}


def settings(name: str, app: str, *changes: tuple[str, str]) -> str:
    """Return the settings of `startproject` with changes, each the text that it had and the text that it has."""
    text = SETTINGS.lstrip()
    for before, after in changes:
        if text.count(before) != 1:
            raise ValueError(f"{before!r} is {text.count(before)} times in the settings, and not once")
        text = text.replace(before, after)
    return named({"": text}, name, app)[""]


def accounts(folder: str) -> Files:
    """Return an app `accounts` with a user model of its own, `accounts.Customer`: that of the shop."""
    theirs = ROOT / "tests/projects/shop/src"
    files = sorted((theirs / "accounts").rglob("*.py"))
    return {within(folder, file.relative_to(theirs).as_posix()): file.read_text(encoding="utf-8") for file in files}


# Changes of settings that several projects make.
DEBUG = "DEBUG = True\n"
HOSTS = "ALLOWED_HOSTS = []\n"
KEY = next(line + "\n" for line in SETTINGS.splitlines() if line.startswith("SECRET_KEY"))
IMPORTS = "from pathlib import Path\n"
STATIC = 'STATIC_URL = "static/"\n'
DATABASE = SETTINGS[SETTINGS.index("DATABASES") : SETTINGS.index("LANGUAGE_CODE")]
LAST_APP = '    "app_name",\n'
SECURITY = '    "django.middleware.security.SecurityMiddleware",\n'
BASE = "BASE_DIR = Path(__file__).resolve().parent.parent\n"
IN_PACKAGE = (BASE, BASE.replace("parent\n", "parent.parent\n"))  # settings that are a package lie deeper
