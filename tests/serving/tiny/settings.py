"""As few settings as there can be. Its start takes as long as the file that HOLD names is there."""

import json
import os
import time
from importlib import import_module
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

while Path(os.environ.get("HOLD", "/nowhere")).exists():
    time.sleep(0.02)
if module := os.environ.get("IMPORT"):
    import_module(module)
if not os.environ["SECRET_KEY"]:
    raise ImproperlyConfigured("SECRET_KEY is missing:\nset it.")

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.sessions", "tiny"]
LOGGING = json.loads(os.environ.get("LOGGING", "{}"))
ROOT_URLCONF = os.environ.get("URLS", "tiny.urls")
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE", "db.sqlite3")}}
for name in os.environ.get("MORE_DATABASES", "").split():
    DATABASES[name] = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{name}.sqlite3"}
if router := os.environ.get("ROUTER"):
    DATABASE_ROUTERS = [router]
DEBUG = os.environ.get("DEBUG") == "1"
if module := os.environ.get("FOLLOW"):
    import_module(f"serving.{module}").follow(globals())
