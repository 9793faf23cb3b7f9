"""The database is where DATABASE_URL says, unless the site has read that itself.

Where its settings leave the engine open, as for a local_settings.py that is not in the image, it is SQLite.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

OPEN = "django.db.backends."  # Django's own word for it, in its ConnectionHandler
WRONG = "DATABASE_URL cannot be read: write postgres://USER:PASSWORD@HOST:5432/NAME."
SAME = ("ENGINE", "NAME", "HOST", "PORT", "USER")


def follow(databases: dict[str, Any], data: Path | None) -> None:
    """Change the default one of a site's databases; an engine of the site's own for that kind of database stays.

    `data` is the folder for SQLite's file, or None where the URL alone says.
    Raises `ImproperlyConfigured` for a URL that means nothing.
    """
    old = databases.get("default") or {}
    url = os.environ.get("DATABASE_URL") or ("sqlite:///db.sqlite3" if old.get("ENGINE") == OPEN else "")
    if not url:
        return
    import dj_database_url

    try:
        new: dict[str, Any] = {**dj_database_url.parse(url, conn_max_age=60)}
    except ValueError:
        raise ImproperlyConfigured(WRONG) from None  # without the value, which may hold a password
    engine, name = str(new["ENGINE"]), str(new["NAME"])
    kind = next((word for word in ("postg", "mysql", "lite") if word in engine), engine)
    if kind == "lite" and data and name[0] not in "/:":
        new["NAME"] = data / name
    options = new.get("OPTIONS") or {}
    if kind in old.get("ENGINE", ""):
        new["ENGINE"] = old["ENGINE"]
        options = {**(old.get("OPTIONS") or {}), **options}  # as sslmode, which the URL may say too
    if any(str(old.get(part) or "") != str(new.get(part) or "") for part in SAME):
        old = {**old, **new}
    if kind == "mysql" and not old.get("PASSWORD"):
        old = {**old, "PASSWORD": os.environ.get("MYSQL_PWD", "")}  # MySQL's own library reads it, and PyMySQL does not
    databases["default"] = {**old, "OPTIONS": options}
