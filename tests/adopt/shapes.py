"""Small Django projects of every shape, as their authors would have them who never heard of this one.

Each has a page with a stylesheet of its own that counts its visits in the database, and the admin. The versions of
packages are the same where they can be, so that one cache serves all.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from adopt.startproject import (
    BASE,
    DATABASE,
    DEBUG,
    HOSTS,
    IMPORTS,
    KEY,
    LAST_APP,
    SECURITY,
    STATIC,
    Files,
    accounts,
    project,
)

LOCKS = Path(__file__).parent / "locks"
DJANGO = "Django==5.2.19\n"


@dataclass(frozen=True)
class Page:
    """What a path answers, with status 200."""

    path: str
    text: str


@dataclass(frozen=True)
class Shape:
    """A project, the answers that adopting it needs, and what must hold when it runs in its container."""

    files: Callable[[], Files]
    flags: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()  # besides its home page and the admin
    websocket: str = ""  # a path that echoes
    upload: str = ""  # a path that takes a file called `file`, and answers where it is
    logged: str = ""  # after its home page was asked for
    in_image: tuple[str, ...] = ()  # files, below /app
    written: tuple[str, ...] = ()  # files that it gets besides those of every project
    facts: dict[str, object] = field(default_factory=dict)  # what .djk8s.toml must say of it
    database: str = ""  # the server that it is tried with: postgres or mysql
    alone: dict[str, str] = field(default_factory=dict)  # the variables that it needs without us
    installs: bool = True  # on a machine without a compiler and libraries


def make(name: str, folder: Path) -> Shape:
    """Write a project to an empty folder, a git repository with one commit, and return its shape."""
    shape = SHAPES[name]
    for path, text in shape.files().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        if text.startswith("#!"):
            file.chmod(0o755)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "--quiet", "--message", "A start")
    return shape


def git(folder: Path, *words: str) -> str:
    """Run git in a folder and return its output."""
    return subprocess.run(("git", "-C", folder, *words), check=True, capture_output=True, text=True).stdout


def locked(tool: str) -> Files:
    """Return the file in which packages are asked for, and the lock that a tool made of it."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted((LOCKS / tool).iterdir())}


def secret_from(name: str) -> tuple[str, str]:
    return KEY, f'SECRET_KEY = os.environ["{name}"]\n'


def with_app(*apps: str) -> tuple[str, str]:
    return LAST_APP, LAST_APP + "".join(f'    "{app}",\n' for app in apps)


WITH_OS = (IMPORTS, f"import os\n{IMPORTS}")
DEBUG_OFF = (DEBUG, "DEBUG = False\n")
STATIC_ROOT = (STATIC, f'{STATIC}STATIC_ROOT = BASE_DIR / "staticfiles"\n')


def bakery() -> Files:
    """As `startproject` left it: DEBUG on in the only settings, no hosts, no STATIC_ROOT; requirements.txt."""
    return {**project("bakery", "loaves"), "requirements.txt": DJANGO}


def library() -> Files:
    """manage.py in src/, uv.lock, a package of settings, django-environ, a user model of its own."""
    return {
        **project(
            "library",
            "loans",
            (IMPORTS, f"{IMPORTS}\nimport environ\n\nenv = environ.Env()\n"),
            (KEY, 'SECRET_KEY = env("SECRET_KEY")\n'),
            DEBUG_OFF,
            (HOSTS, 'ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])\n'),
            with_app("accounts"),
            (DATABASE, 'DATABASES = {"default": env.db(default=f"sqlite:///{BASE_DIR}/db.sqlite3")}\n\n'),
            (STATIC, f'{STATIC}STATIC_ROOT = BASE_DIR / "public" / "static"\nAUTH_USER_MODEL = "accounts.Customer"\n'),
            folder="src",
            base="settings/base.py",
            manage="settings.local",
            served="settings.production",
            more={
                "project_name/settings/local.py": """
from .base import *

DEBUG = True
INSTALLED_APPS += ["debug_toolbar"]
""",
                "project_name/settings/production.py": """
from .base import *

SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31536000
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
""",
            },
        ),
        **accounts("src"),
        **locked("uv"),
        ".env.example": "SECRET_KEY=\nALLOWED_HOSTS=library.example\nDATABASE_URL=sqlite:////srv/library.sqlite3\n",
    }


def clinic() -> Files:
    """manage.py in backend/, poetry.lock, decouple with a variable that must be there, signals, a Procfile."""
    return {
        **project(
            "clinic",
            "visits",
            (IMPORTS, f"{IMPORTS}\nfrom decouple import Csv, config\n"),
            (KEY, 'SECRET_KEY = config("SECRET_KEY")\n'),
            DEBUG_OFF,
            (HOSTS, 'ALLOWED_HOSTS = config("ALLOWED_HOSTS", default="", cast=Csv())\n'),
            (LAST_APP, '    "visits.apps.VisitsConfig",\n'),
            (STATIC, f'{STATIC}STATIC_ROOT = BASE_DIR / "staticfiles"\nCLINIC_PHONE = config("CLINIC_PHONE")\n'),
            folder="backend",
            base="settings/base.py",
            manage="settings.dev",
            served="settings.dev",
            more={
                "project_name/settings/dev.py": "from .base import *\n\nDEBUG = True\n",
                "project_name/settings/deployed.py": "from .base import *\n\nSECURE_SSL_REDIRECT = True\n",
                "app_name/apps.py": """
from django.apps import AppConfig


class VisitsConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "visits"

    def ready(self):
        from . import signals
""",
                "app_name/signals.py": """
import logging

from django.db.models.signals import post_save
from django.dispatch import receiver

from .models import Visit


@receiver(post_save, sender=Visit)
def welcome(instance, **kwargs):
    logging.getLogger("clinic").warning("patient %s came in", instance.pk)
""",
            },
        ),
        **locked("poetry"),
        "Procfile": """\
release: DJANGO_SETTINGS_MODULE=clinic.settings.deployed python backend/manage.py migrate
web: DJANGO_SETTINGS_MODULE=clinic.settings.deployed gunicorn --chdir backend clinic.wsgi
""",
        ".python-version": "3.13\n",
    }


# A second model with a file, and a page to send one to.
UPLOADS = {
    "app_name/models.py": """
from django.db import models


class Visit(models.Model):
    at = models.DateTimeField(auto_now_add=True)


class Upload(models.Model):
    file = models.FileField(upload_to="uploads")
""",
    "app_name/migrations/0002_upload.py": """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("app_name", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("file", models.FileField(upload_to="uploads")),
            ],
        ),
    ]
""",
    "app_name/views.py": """
import logging

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from .models import Upload, Visit


def home(request):
    Visit.objects.create()
    logging.getLogger("app_name").info("somebody looks at the app_name")
    return render(request, "app_name/home.html", {"visits": Visit.objects.count()})


@csrf_exempt
def upload(request):
    made = Upload.objects.create(file=request.FILES["file"])
    return HttpResponse(made.file.url)
""",
    "project_name/urls.py": """
from django.conf import settings
from django.contrib import admin
from django.urls import path, re_path
from django.views.static import serve

from app_name import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.home),
    path("upload/", views.upload),
    re_path("^media/(?P<path>.*)$", serve, {"document_root": settings.MEDIA_ROOT}),
]
""",
}
MEDIA = 'MEDIA_URL = "media/"\nMEDIA_ROOT = BASE_DIR / "media"\n'


def orchard() -> Files:
    """Pipfile.lock, python-dotenv in the settings, a key with its own name, a log file beside the code, uploads."""
    return {
        **project(
            "orchard",
            "trees",
            (IMPORTS, f"import os\n{IMPORTS}\nfrom dotenv import load_dotenv\n"),
            (BASE, f'{BASE}\nload_dotenv(BASE_DIR / ".env")\n'),
            secret_from("ORCHARD_SECRET"),
            (DEBUG, 'DEBUG = os.environ.get("ORCHARD_DEBUG") == "yes"\n'),
            (
                STATIC,
                f"""{STATIC}{MEDIA}
LOGGING = {{
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {{
        "file": {{"class": "logging.FileHandler", "filename": BASE_DIR / "logs" / "orchard.log"}},
    }},
    "loggers": {{"trees": {{"handlers": ["file"], "level": "INFO"}}}},
}}
""",
            ),
            more=UPLOADS,
        ),
        **locked("pipenv"),
        "logs/.gitkeep": "",
    }


WHITENOISE = (SECURITY, f'{SECURITY}    "whitenoise.middleware.WhiteNoiseMiddleware",\n')
MANIFEST = """
STATIC_ROOT = BASE_DIR / "served"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
"""


def parish() -> Files:
    """Django 6, pdm.lock, WhiteNoise as they set it up, with hashes in the names of static files."""
    return {
        **project(
            "parish",
            "bells",
            WITH_OS,
            (KEY, 'SECRET_KEY = os.environ.get("SECRET_KEY", "not-so-secret")\n'),
            DEBUG_OFF,
            (HOSTS, 'ALLOWED_HOSTS = [".parish.example"]\n'),
            WHITENOISE,
            (STATIC, STATIC + MANIFEST),
            base="settings/base.py",
            manage="settings.development",
            served="settings.production",
            more={
                "project_name/settings/development.py": """
from .base import *

DEBUG = True
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
""",
                "project_name/settings/production.py": "from .base import *\n",
            },
        ),
        **locked("pdm"),
    }


POSTGRES = """DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("POSTGRES_DB", "project_name"),
        "USER": os.environ.get("POSTGRES_USER", "project_name"),
        "PASSWORD": os.environ.get("POSTGRES_PASSWORD", ""),
        "HOST": os.environ.get("POSTGRES_HOST", "db"),
    }
}

"""


def theatre() -> Files:
    """Celery in `__init__`, PostgreSQL, a user model, gunicorn 23, and a Dockerfile, Compose file and entrypoint."""
    return {
        **project(
            "theatre",
            "plays",
            WITH_OS,
            (KEY, 'SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-rehearsals")\n'),
            (DEBUG, 'DEBUG = os.environ.get("DEBUG", "0") == "1"\n'),
            (HOSTS, 'ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "theatre.example").split(",")\n'),
            with_app("accounts"),
            (DATABASE, POSTGRES),
            (
                STATIC,
                f"""{STATIC}STATIC_ROOT = BASE_DIR / "staticfiles"
AUTH_USER_MODEL = "accounts.Customer"
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "redis://redis:6379/0")
CELERY_BEAT_SCHEDULE = {{"curtain": {{"task": "plays.tasks.curtain", "schedule": 3600}}}}
""",
            ),
            more={
                "project_name/__init__.py": """
from .celery import app as celery_app

__all__ = ["celery_app"]
""",
                "project_name/celery.py": """
import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings_module")

app = Celery("project_name")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
""",
                "app_name/tasks.py": """
from celery import shared_task


@shared_task
def curtain():
    return "up"
""",
            },
        ),
        **accounts("."),
        "requirements.txt": f"{DJANGO}gunicorn==23.0.0\ncelery==5.7.0\nredis\npsycopg[binary]==3.3.9\n",
        "Dockerfile": """\
FROM python:3.13-slim
WORKDIR /code
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
ENTRYPOINT ["./entrypoint.sh"]
CMD ["gunicorn", "theatre.wsgi", "--bind", "0.0.0.0:8000"]
""",
        "entrypoint.sh": """\
#!/bin/sh
set -e
python manage.py migrate --no-input
exec "$@"
""",
        ".dockerignore": ".git\nREADME.md\n",
        "docker-compose.yml": """\
services:
  web:
    build: .
    ports: ["8000:8000"]
    environment: { POSTGRES_PASSWORD: theatre }
    depends_on: [db, redis]
  worker:
    build: .
    command: celery -A theatre worker --loglevel info
    depends_on: [db, redis]
  beat:
    build: .
    command: celery -A theatre beat --schedule /tmp/beat
    depends_on: [db, redis]
  db:
    image: postgres:17
    environment: { POSTGRES_USER: theatre, POSTGRES_PASSWORD: theatre }
  redis:
    image: redis:8
""",
    }


def lobby() -> Files:
    """ASGI with Channels and Daphne, a websocket, DEBUG on in the only settings."""
    return {
        **project(
            "lobby",
            "chat",
            ('    "django.contrib.admin",\n', '    "daphne",\n    "django.contrib.admin",\n'),
            (
                STATIC,
                f"""{STATIC}ASGI_APPLICATION = "lobby.asgi.application"
CHANNEL_LAYERS = {{"default": {{"BACKEND": "channels.layers.InMemoryChannelLayer"}}}}
""",
            ),
            more={
                "app_name/consumers.py": """
from channels.generic.websocket import AsyncWebsocketConsumer


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data)
""",
                "project_name/asgi.py": """
import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings_module")
django = get_asgi_application()

from app_name.consumers import Echo

application = ProtocolTypeRouter(
    {
        "http": django,
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter([path("ws/echo/", Echo.as_asgi())]))
        ),
    }
)
""",
            },
        ),
        "requirements.txt": f"{DJANGO}channels==4.3.2\ndaphne==4.2.3\n",
    }


def tailor() -> Files:
    """requirements/prod.txt, and stylesheets that django-compressor makes beforehand."""
    return {
        **project(
            "tailor",
            "suits",
            WITH_OS,
            secret_from("DJANGO_SECRET_KEY"),
            DEBUG_OFF,
            with_app("compressor"),
            (
                STATIC,
                f"""{STATIC}STATIC_ROOT = BASE_DIR / "static_root"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
]
COMPRESS_OFFLINE = True
""",
            ),
            more={
                "app_name/templates/app_name/home.html": """
{% load compress static %}<!doctype html>
<title>project_name</title>
{% compress css %}
<link rel="stylesheet" href="{% static 'app_name/style.css' %}">
{% endcompress %}
<p>Visit {{ visits }}</p>
""",
            },
        ),
        "requirements/base.txt": f"{DJANGO}django-compressor==4.6.0\n",
        "requirements/dev.txt": "-r base.txt\ndjango-debug-toolbar\n",
        "requirements/prod.txt": "-r base.txt\ngunicorn==27.0.1\n",
        "runtime.txt": "python-3.13.0\n",
    }


def grower() -> Files:
    """Static files made by Node with a package, which pnpm installs."""
    return with_number("pnpm")


def weaver() -> Files:
    """The same with yarn 4, which installs no node_modules."""
    return with_number("yarn")


def with_number(tool: str) -> Files:
    """Return the florist's files, whose script needs a package, with the lock file of another tool."""
    files = florist()
    del files["package-lock.json"]
    package = json.loads(files["package.json"])
    package |= {"type": "module", "dependencies": {"is-number": "7.0.0"}}
    script = files["assets/build.mjs"].replace("const rules", "if (!isNumber(7)) throw 7;\nconst rules")
    script = f'import isNumber from "is-number";\n{script}'
    return {**files, **locked(tool), "package.json": json.dumps(package), "assets/build.mjs": script}


def florist() -> Files:
    """A stylesheet that Node makes, into a folder that git does not keep."""
    files = project(
        "florist",
        "flowers",
        WITH_OS,
        secret_from("SECRET_KEY"),
        DEBUG_OFF,
        (STATIC, f'{STATIC}STATIC_ROOT = BASE_DIR / "collected"\nSTATICFILES_DIRS = [BASE_DIR / "assets" / "dist"]\n'),
        more={
            "app_name/templates/app_name/home.html": """
{% load static %}<!doctype html>
<title>project_name</title>
<link rel="stylesheet" href="{% static 'app_name/style.css' %}">
<link rel="stylesheet" href="{% static 'bouquet.css' %}">
<p>Visit {{ visits }}</p>
""",
        },
    )
    return {
        **files,
        ".gitignore": files[".gitignore"] + "node_modules/\nassets/dist/\n",
        "requirements.txt": DJANGO,
        "package.json": """\
{
  "name": "florist",
  "version": "1.0.0",
  "private": true,
  "scripts": {
    "build": "node assets/build.mjs",
    "watch": "node --watch-path=assets/colours.json assets/build.mjs"
  }
}
""",
        "package-lock.json": """\
{
  "name": "florist",
  "version": "1.0.0",
  "lockfileVersion": 3,
  "requires": true,
  "packages": { "": { "name": "florist", "version": "1.0.0" } }
}
""",
        "assets/build.mjs": """\
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const colours = JSON.parse(readFileSync("assets/colours.json", "utf8"));
mkdirSync("assets/dist", { recursive: true });
const rules = Object.entries(colours).map(([name, colour]) => `.${name} { color: ${colour}; }\\n`);
writeFileSync("assets/dist/bouquet.css", rules.join(""));
""",
        "assets/colours.json": '{ "rose": "crimson", "iris": "indigo" }\n',
    }


def brewery() -> Files:
    """MySQL with mysqlclient, which has to be compiled, and a file .tool-versions."""
    return {
        **project(
            "brewery",
            "beers",
            WITH_OS,
            secret_from("SECRET_KEY"),
            DEBUG_OFF,
            (
                DATABASE,
                """DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": os.getenv("MYSQL_DATABASE", "brewery"),
        "USER": os.getenv("MYSQL_USER", "brewery"),
        "PASSWORD": os.getenv("MYSQL_PASSWORD", ""),
        "HOST": os.getenv("MYSQL_HOST", "localhost"),
        "OPTIONS": {"charset": "utf8mb4"},
    }
}

""",
            ),
            STATIC_ROOT,
            folder="src",
        ),
        "requirements.txt": f"{DJANGO}mysqlclient==2.3.2\n",
        ".tool-versions": "python 3.13.0\n",
    }


def weather() -> Files:
    """Django 4.2, a cache in the database, static files with hashes in their names as they were set up then."""
    return {
        **project(
            "weather",
            "forecasts",
            WITH_OS,
            secret_from("SECRET_KEY"),
            (DEBUG, 'DEBUG = bool(int(os.environ.get("DEBUG", "0")))\n'),
            WHITENOISE,
            (
                STATIC,
                f"""{STATIC}STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "weather_cache"}}}}
""",
            ),
            more={
                "app_name/views.py": """
from django.core.cache import cache
from django.shortcuts import render

from .models import Visit


def home(request):
    Visit.objects.create()
    cache.set("visits", Visit.objects.count(), 60)
    return render(request, "app_name/home.html", {"visits": cache.get("visits")})
""",
            },
        ),
        "requirements.txt": "Django==4.2.30\nwhitenoise==6.12.0\n",
    }


def museum() -> Files:
    """psycopg2 from source, PostgreSQL by variables that must all be there, settings that uwsgi.ini names."""
    return {
        **project(
            "museum",
            "exhibits",
            WITH_OS,
            secret_from("SECRET_KEY"),
            DEBUG_OFF,
            (
                DATABASE,
                """DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["DB_NAME"],
        "USER": os.environ["DB_USER"],
        "PASSWORD": os.environ["DB_PASSWORD"],
        "HOST": os.environ["DB_HOST"],
        "PORT": int(os.environ.get("DB_PORT", "5432")),
    }
}

""",
            ),
            STATIC_ROOT,
            base="settings/common.py",
            manage="settings.dev",
            served="settings.dev",
            more={
                "project_name/settings/dev.py": "from .common import *\n\nDEBUG = True\n",
                "project_name/settings/live.py": "from .common import *\n\nSECURE_CONTENT_TYPE_NOSNIFF = True\n",
            },
        ),
        "requirements.txt": f"{DJANGO}psycopg2==2.9.13\n",
        "uwsgi.ini": "[uwsgi]\nmodule = museum.wsgi\nenv = DJANGO_SETTINGS_MODULE=museum.settings.live\nhttp = :8000\n",
    }


def gallery() -> Files:
    """Pictures with Pillow, media in a volume of their Compose file, and a folder data/ that git keeps."""
    return {
        **project(
            "gallery",
            "pictures",
            WITH_OS,
            (KEY, 'SECRET_KEY = os.environ.get("SECRET_KEY", "paint")\n'),
            (DEBUG, 'DEBUG = os.environ.get("DEBUG") == "True"\n'),
            (STATIC, f'{STATIC}STATIC_ROOT = BASE_DIR / "static"\n{MEDIA}'),
            more={
                **{path: text.replace("FileField", "ImageField") for path, text in UPLOADS.items()},
                "app_name/artists.py": """
import json

from django.conf import settings
from django.http import HttpResponse


def listed(request):
    with open(settings.BASE_DIR / "data" / "artists.json") as file:
        return HttpResponse(", ".join(one["fields"]["name"] for one in json.load(file)))
""",
                "project_name/urls.py": UPLOADS["project_name/urls.py"]
                .replace("import views", "import artists, views")
                .replace('    path("upload/"', '    path("artists/", artists.listed),\n    path("upload/"'),
            },
        ),
        "requirements.txt": f"{DJANGO}Pillow==13.0.0\n",
        "data/artists.json": '[{"model": "pictures.artist", "pk": 1, "fields": {"name": "Hokusai"}}]\n',
        "compose.yml": """\
services:
  web:
    image: gallery
    volumes:
      - media:/srv/gallery/media
volumes:
  media:
""",
    }


def chess() -> Files:
    """Settings that read ../CHANGELOG.md, pyproject.toml without a lock, and a project's template, not Python yet."""
    template = "starter/{{ cookiecutter.club }}"
    return {
        **project(
            "chess",
            "games",
            WITH_OS,
            secret_from("SECRET_KEY"),
            DEBUG_OFF,
            WHITENOISE,
            (STATIC, STATIC + MANIFEST + 'VERSION = (BASE_DIR.parent / "CHANGELOG.md").read_text().split()[1]\n'),
            folder="src",
            more={
                "project_name/urls.py": """
from django.conf import settings
from django.contrib import admin
from django.http import HttpResponse
from django.urls import path

from app_name import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.home),
    path("version/", lambda request: HttpResponse(f"version {settings.VERSION}")),
]
""",
            },
        ),
        "CHANGELOG.md": "# 3.1.4\n\n- En passant\n",
        "pyproject.toml": """\
[project]
name = "chess"
version = "3.1.4"
requires-python = ">=3.13"
dependencies = ["django>=5.2,<5.3", "whitenoise"]

[project.optional-dependencies]
dev = ["django-debug-toolbar"]
""",
        f"{template}/manage.py": """\
import {{ cookiecutter.club }}.settings
from django.core.management import execute_from_command_line
""",
        f"{template}/settings.py": "{% if cookiecutter.debug %}\nDEBUG = True\n{% endif %}\n",
    }


def kennel() -> Files:
    """Tasks in the database with a worker of their own, memcached, and a key that must not be empty."""
    return {
        **project(
            "kennel",
            "dogs",
            WITH_OS,
            (KEY, 'SECRET_KEY = os.getenv("SECRET_KEY", "")\n'),
            DEBUG_OFF,
            with_app("django_tasks", "django_tasks_db"),
            (
                STATIC,
                f"""{STATIC}STATIC_ROOT = BASE_DIR / "staticfiles"
TASKS = {{"default": {{"BACKEND": "django_tasks_db.DatabaseBackend"}}}}
CACHES = {{
    "default": {{
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": os.getenv("MEMCACHED", "127.0.0.1:11211"),
    }}
}}
""",
            ),
            more={
                "app_name/tasks.py": """
from django_tasks import task


@task
def bark():
    return "woof"
""",
                "app_name/views.py": """
from django.shortcuts import render

from .models import Visit
from .tasks import bark


def home(request):
    Visit.objects.create()
    bark.enqueue()
    return render(request, "app_name/home.html", {"visits": Visit.objects.count()})
""",
            },
        ),
        "requirements.txt": f"{DJANGO}django-tasks==0.12.0\ndjango-tasks-db==0.13.0\npymemcache==4.0.0\n",
    }


def radio() -> Files:
    """A view that is a coroutine, in backend/, with one file of settings, and huey over redis."""
    return {
        **project(
            "radio",
            "stations",
            (IMPORTS, f"{IMPORTS}\nfrom decouple import config\n"),
            (KEY, 'SECRET_KEY = config("SECRET_KEY", default="static noise")\n'),
            (DEBUG, 'DEBUG = config("DEBUG", default=False, cast=bool)\n'),
            with_app("huey.contrib.djhuey"),
            (
                STATIC,
                f"""{STATIC}STATIC_ROOT = BASE_DIR.parent / "static"
HUEY = {{
    "huey_class": "huey.RedisHuey",
    "immediate": False,
    "url": config("REDIS_URL", default="redis://localhost:6379/0"),
}}
""",
            ),
            folder="backend",
            more={
                "app_name/tasks.py": """
from huey.contrib.djhuey import task


@task()
def play():
    return "on air"
""",
                "app_name/views.py": """
import asyncio

from django.http import HttpResponse
from django.shortcuts import render

from .models import Visit


def home(request):
    Visit.objects.create()
    return render(request, "app_name/home.html", {"visits": Visit.objects.count()})


async def now(request):
    await asyncio.sleep(0.1)
    return HttpResponse(f"{await Visit.objects.acount()} listeners")
""",
                "project_name/urls.py": """
from django.contrib import admin
from django.urls import include, path

from app_name import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.home),
    path("api/", include([path("now/", views.now)])),
]
""",
            },
        ),
        "backend/requirements.txt": f"{DJANGO}python-decouple==3.8\nhuey==3.5.4\nredis\n",
    }


def harbour() -> Files:
    """Settings by pydantic, which asks for two variables at once, and a user of the site with a prefix."""
    return {
        **project(
            "harbour",
            "ships",
            (IMPORTS, f"{IMPORTS}\nfrom .env import env\n"),
            (KEY, "SECRET_KEY = env.secret_key.get_secret_value()\n"),
            (DEBUG, "DEBUG = env.debug\n"),
            (HOSTS, "ALLOWED_HOSTS = env.hosts\n"),
            STATIC_ROOT,
            more={
                "project_name/env.py": """
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Env(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="HARBOUR_", env_file=".env", extra="ignore")

    secret_key: SecretStr
    master: str
    debug: bool = False
    hosts: list[str] = []


env = Env()
""",
            },
        ),
        "requirements.txt": f"{DJANGO}pydantic-settings==2.16.3\n",
    }


LOCAL = """
try:
    from .local_settings import *
except ImportError:
    pass
"""


def planner() -> Files:
    """An app named `tasks` at the root, as our tasks.py; a key that the settings make; local_settings.py."""
    return {
        **project(
            "planner",
            "tasks",
            (IMPORTS, f"{IMPORTS}from django.core.management.utils import get_random_secret_key\n"),
            (
                KEY,
                """KEY_FILE = BASE_DIR / "var" / "key"
KEY_FILE.parent.mkdir(exist_ok=True)
if not KEY_FILE.exists():
    KEY_FILE.touch(0o600)
    KEY_FILE.write_text(get_random_secret_key())
SECRET_KEY = KEY_FILE.read_text()
""",
            ),
            DEBUG_OFF,
            (STATIC, f'{STATIC}STATIC_ROOT = "/var/www/planner/static"\n{LOCAL}'),
        ),
        "requirements.txt": DJANGO,
        ".gitignore": "local_settings.py\n",
        "planner/local_settings.py": 'import os\n\nassert "PLACE" not in os.environ or os.environ["PLACE"] == "host"\n',
        "README.md": "# Planner\n\n    python manage.py runserver\n",
    }


BOUQUET = (Page("/static/bouquet.css", ".iris { color: indigo; }"),)
SHAPES = {
    "bakery": Shape(bakery, flags=("--settings", "bakery.settings"), facts={"src": "."}),
    "library": Shape(
        library,
        facts={"src": "src", "settings": "library.settings.production", "packages": "uv.lock"},
        alone={"SECRET_KEY": "a"},
    ),
    "clinic": Shape(
        clinic,
        logged="patient 1 came in",
        facts={"src": "backend", "settings": "clinic.settings.deployed", "packages": "poetry.lock"},
        alone={"SECRET_KEY": "a", "CLINIC_PHONE": "1"},
    ),
    "orchard": Shape(
        orchard,
        upload="/upload/",
        logged="somebody looks at the trees",
        facts={"packages": "Pipfile.lock"},
        alone={"ORCHARD_SECRET": "a"},
    ),
    "parish": Shape(
        parish,
        pages=(Page("/", "/static/bells/style."),),
        facts={"settings": "parish.settings.production", "packages": "pdm.lock"},
    ),
    "theatre": Shape(
        theatre,
        written=("Dockerfile.djk8s", "compose/db.yaml", "compose/cache.yaml", "compose/worker.yaml"),
        facts={"database": "postgres", "cache": "redis"},
        database="postgres",
    ),
    "lobby": Shape(
        lobby,
        flags=("--settings", "lobby.settings"),
        websocket="/ws/echo/",
        facts={"server": "asgi"},
    ),
    "tailor": Shape(
        tailor,
        pages=(Page("/", "/static/CACHE/css/"),),
        facts={"packages": "requirements/prod.txt"},
        alone={"DJANGO_SECRET_KEY": "a"},
    ),
    "florist": Shape(
        florist,
        pages=BOUQUET,
        facts={"node": ".", "watch": "watch"},
        alone={"SECRET_KEY": "a"},
    ),
    "grower": Shape(
        grower,
        pages=BOUQUET,
        facts={"node": ".", "node_packages": "pnpm@9"},
        alone={"SECRET_KEY": "a"},
    ),
    "weaver": Shape(
        weaver,
        pages=BOUQUET,
        facts={"node": ".", "node_packages": "@yarnpkg/cli-dist@4"},
        alone={"SECRET_KEY": "a"},
    ),
    "brewery": Shape(
        brewery,
        written=("compose/db.yaml",),
        facts={"database": "mysql"},
        database="mysql",
        alone={"SECRET_KEY": "a"},
        installs=False,
    ),
    "weather": Shape(weather, facts={"after_migrate": ("createcachetable",)}, alone={"SECRET_KEY": "a"}),
    "museum": Shape(
        museum,
        written=("compose/db.yaml",),
        facts={"settings": "museum.settings.live", "database": "postgres"},
        database="postgres",
        alone={"SECRET_KEY": "a", "DB_NAME": "a", "DB_USER": "a", "DB_PASSWORD": "a", "DB_HOST": "localhost"},
        installs=False,
    ),
    "gallery": Shape(
        gallery,
        pages=(Page("/artists/", "Hokusai"),),
        upload="/upload/",
        in_image=("data/artists.json",),
        facts={"tracked_data": True},
    ),
    "chess": Shape(
        chess,
        pages=(Page("/version/", "version 3.1.4"), Page("/", "/static/games/style.")),
        in_image=("CHANGELOG.md",),
        facts={"src": "src", "packages": "pyproject.toml"},
        alone={"SECRET_KEY": "a"},
    ),
    "kennel": Shape(
        kennel,
        written=("compose/cache.yaml", "compose/worker.yaml"),
        facts={"cache": "memcached"},
        alone={"SECRET_KEY": "a"},
    ),
    "radio": Shape(
        radio,
        pages=(Page("/api/now/", "listeners"),),
        written=("compose/cache.yaml", "compose/worker.yaml"),
        facts={"src": "backend", "server": "asgi"},
    ),
    "harbour": Shape(harbour, alone={"HARBOUR_SECRET_KEY": "a", "HARBOUR_MASTER": "b"}),
    "planner": Shape(planner, facts={"writes": ("var/",), "private": ("planner/local_settings.py",)}),
}
