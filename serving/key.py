"""The key of the site is SECRET_KEY, unless its settings have read one from a variable of their own."""

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def follow(site: dict[str, Any]) -> None:
    """Change the key in a site's settings, and in those that were made of it, as SIMPLE_JWT["SIGNING_KEY"].

    Raises `ImproperlyConfigured` for the key of `startproject`, which others know and forge a login with.
    """
    old = site.get("SECRET_KEY") or ""
    new = old if old and old in os.environ.values() else os.environ.get("SECRET_KEY") or old
    if str(new).startswith("django-insecure-") and not site["DEBUG"]:
        raise ImproperlyConfigured(
            "SECRET_KEY is the one that startproject made: `inv env --set SECRET_KEY` sets another."
        )
    site["SECRET_KEY"] = new
    for settings in (site, *(value for value in site.values() if isinstance(value, dict))) if old else ():
        settings |= {name: new for name, value in settings.items() if value == old and str(name).isupper()}
