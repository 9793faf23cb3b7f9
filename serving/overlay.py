"""What must differ when the site is served: this runs after its own settings, and changes what they came to.

Each part says why. This file is the project's own: change it as you like.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from myproj.settings import *  # noqa: F403

site = globals()  # the settings by name, as the site left them
ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"  # a container may write to this folder only, and keeps it in a volume
CONTAINER = os.environ.get("PLACE", "host") != "host"
ON = {"1", "true", "yes", "on"}

# Django's debug pages show code and settings to whoever asks.
DEBUG = os.environ.get("DEBUG", "").lower() in ON
SECRET_KEY = os.environ.get("SECRET_KEY") or site.get("SECRET_KEY", "")
if SECRET_KEY.startswith("django-insecure-") and not DEBUG:
    raise ImproperlyConfigured("SECRET_KEY is the one that startproject made: `inv env --set SECRET_KEY` sets another.")
for name in ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS"):
    site[name] = [*site.get(name, ()), *filter(None, os.environ.get(name, "").replace(" ", "").split(","))]
ALLOWED_HOSTS = [*dict.fromkeys([*site["ALLOWED_HOSTS"], "localhost", "127.0.0.1", "[::1]"])]

# Behind a proxy that speaks https; without one, a redirect leads nowhere.
HTTPS = os.environ.get("HTTPS", "").lower() in ON
SECURE_SSL_REDIRECT = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = site.get("SECURE_PROXY_SSL_HEADER") or ("HTTP_X_FORWARDED_PROTO", "https")

# DATABASE_URL counts, unless the site has followed it already.
DATABASES = site.get("DATABASES") or {}
if os.environ.get("DATABASE_URL"):
    import dj_database_url

    asked, there = dj_database_url.config(conn_max_age=60), DATABASES.get("default", {})
    if any(str(there.get(part) or "") != str(asked.get(part) or "") for part in ("ENGINE", "NAME", "HOST", "USER")):
        DATABASES["default"] = asked
# What is written has to be in the volume.
for database in DATABASES.values() if CONTAINER else ():
    file = Path(database.get("NAME") or ".")
    if database["ENGINE"].endswith(("sqlite3", "spatialite")) and DATA not in file.parents and file.suffix:
        database["NAME"] = DATA / file.name
if CONTAINER and DATA not in Path(site.get("MEDIA_ROOT") or ".").parents:
    MEDIA_ROOT = DATA / "media"
LOGGING = site.get("LOGGING") or {}
for name, handler in LOGGING.get("handlers", {}).items() if CONTAINER else ():
    if "filename" in handler:
        kept = {key: handler[key] for key in ("level", "formatter", "filters") if key in handler}
        LOGGING["handlers"][name] = {"class": "logging.StreamHandler", **kept}

# Static files: gathered in one folder, and served by the site where nothing else does.
STATIC_ROOT = site.get("STATIC_ROOT") or ROOT / "staticfiles"
MIDDLEWARE = [*site.get("MIDDLEWARE", ())]
if not any("whitenoise" in name.lower() for name in MIDDLEWARE) and find_spec("whitenoise"):
    MIDDLEWARE.insert(1 if "SecurityMiddleware" in "".join(MIDDLEWARE[:1]) else 0, "whitenoise.middleware.WhiteNoiseMiddleware")
