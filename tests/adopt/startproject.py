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


Change = tuple[str, str]  # a text that is in the settings of `startproject`, and what is there instead


def project(
    name: str,
    app: str,
    *changes: Change,
    folder: str = ".",
    base: str = "settings.py",
    manage: str = "settings",
    served: str = "settings",
    more: Files | None = None,
) -> Files:
    """Return what `startproject` and `startapp` write, with manage.py in `folder`, changes of the settings, and more.

    `base` is the file of the settings, and `manage` and `served` are the modules in manage.py and in wsgi.py and
    asgi.py, all within the project's package. `more` are files in `folder`, which win.
    """
    files = {**PROJECT, **APP, **(more or {}), f"project_name/{base}": settings(base, *changes)}
    if "/" in base:
        files["project_name/settings/__init__.py"] = ""
    written = {}
    for path, text in files.items():
        module = f"project_name.{manage if path == 'manage.py' else served}"
        written[within(folder, path)] = text.lstrip("\n").replace("settings_module", module)
    written[".gitignore"] = GITIGNORE.lstrip()
    return {named(path, name, app): named(text, name, app) for path, text in written.items()}


def settings(base: str, *changes: Change) -> str:
    """Return the settings of `startproject` with changes; a text that is not there once is a mistake of ours."""
    text = SETTINGS
    deeper = [(BASE, BASE.replace("parent\n", "parent.parent\n"))] if "/" in base else []
    for before, after in [*deeper, *changes]:
        if text.count(before) != 1:
            raise ValueError(f"{before!r} is {text.count(before)} times in the settings, and not once")
        text = text.replace(before, after)
    return text


def within(folder: str, path: str) -> str:
    return path if folder == "." else f"{folder}/{path}"


def named(text: str, name: str, app: str) -> str:
    return text.replace("project_name", name).replace("app_name", app)


def accounts(folder: str) -> Files:
    """Return an app `accounts` with a user model of its own, `accounts.Customer`: that of the shop."""
    theirs = ROOT / "tests/projects/shop/src"
    files = sorted((theirs / "accounts").rglob("*.py"))
    return {within(folder, file.relative_to(theirs).as_posix()): file.read_text(encoding="utf-8") for file in files}


# Parts of the settings that projects change.
DEBUG = "DEBUG = True\n"
HOSTS = "ALLOWED_HOSTS = []\n"
KEY = next(line + "\n" for line in SETTINGS.splitlines() if line.startswith("SECRET_KEY"))
IMPORTS = "from pathlib import Path\n"
STATIC = 'STATIC_URL = "static/"\n'
DATABASE = SETTINGS[SETTINGS.index("DATABASES") : SETTINGS.index("LANGUAGE_CODE")]
LAST_APP = '    "app_name",\n'
SECURITY = '    "django.middleware.security.SecurityMiddleware",\n'
BASE = "BASE_DIR = Path(__file__).resolve().parent.parent\n"
