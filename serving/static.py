"""Static files: gathered in one folder of the project, and served by the site where nothing else does."""

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SECURITY, WHITENOISE = "django.middleware.security.SecurityMiddleware", "whitenoise.middleware.WhiteNoiseMiddleware"
OF_FILES = "whitenoise.storage.CompressedStaticFilesStorage"
REMOTE = re.compile("s3|boto|gcloud|google|azure|cloudinary", re.IGNORECASE)  # a build has no right to write there


def follow(site: dict[str, Any], root: Path, boxed: bool) -> None:
    """Change where a site's static files are, and add what serves them; `boxed` in a container."""
    outside = root not in Path(site.get("STATIC_ROOT") or ".").parents
    site["STATIC_ROOT"] = root / "staticfiles" if outside else site["STATIC_ROOT"]
    if boxed and not os.getuid():  # root only builds, and no user of the image may write to what is gathered
        site |= {"FILE_UPLOAD_PERMISSIONS": 0o644, "FILE_UPLOAD_DIRECTORY_PERMISSIONS": 0o755}
    if not find_spec("whitenoise"):
        return
    middleware = [*site.get("MIDDLEWARE", ())]
    if not any("whitenoise" in name.lower() for name in middleware):
        middleware.insert(middleware.index(SECURITY) + 1 if SECURITY in middleware else 0, WHITENOISE)
        site["MIDDLEWARE"] = middleware
    storages = site.get("STORAGES") or {}
    named = storages.get("staticfiles", {}).get("BACKEND") or site.get("STATICFILES_STORAGE") or ""
    if REMOTE.search(named):
        if storages:
            site["STORAGES"] = {**storages, "staticfiles": {"BACKEND": OF_FILES}}
        else:
            site["STATICFILES_STORAGE"] = OF_FILES  # up to Django 5.0
        if "//" in (site.get("STATIC_URL") or ""):
            site["STATIC_URL"] = "/static/"
