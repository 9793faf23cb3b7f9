"""The key of the site is SECRET_KEY, unless its settings have read one from a variable of their own."""

import os
import re
from typing import Any

from django.core.exceptions import ImproperlyConfigured

MADE = "django-insecure-"  # how `startproject` begins the key that it makes


def follow(site: dict[str, Any]) -> None:
    """Change the key in a site's settings, and in those that were made of it, as SIMPLE_JWT["SIGNING_KEY"].

    Raises `ImproperlyConfigured` for the key of `startproject`, which others know and forge a login with.
    """
    old = site.get("SECRET_KEY") or ""
    new = old if is_read(old) else os.environ.get("SECRET_KEY") or old
    if str(new).startswith(MADE) and not site["DEBUG"]:
        raise ImproperlyConfigured(
            "SECRET_KEY is still the one that startproject made: `inv env --set SECRET_KEY` sets another in .env."
        )
    site["SECRET_KEY"] = new
    for settings in (site, *(value for value in site.values() if isinstance(value, dict))) if old else ():
        # A text that is translated later must not be compared: that would translate it now.
        settings |= {
            name: new for name, value in settings.items() if type(value) is str and value == old and str(name).isupper()
        }


def is_read(key: Any) -> bool:
    """Return whether the settings have read a key from a variable, which is called so, and is not startproject's."""
    named = (value for name, value in os.environ.items() if re.search("SECRET|KEY", name, re.IGNORECASE))
    return bool(key) and not str(key).startswith(MADE) and key in named
