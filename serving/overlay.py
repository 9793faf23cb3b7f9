"""What differs where the site is served: this runs after its own settings. Change it as you like."""

from myproj.settings import *  # noqa: F403, I001 - first, as it may bring names that are imported below
import os
from pathlib import Path
from serving import cache, csp, database, key, mail, static, volume

site, root, environ = globals(), Path(__file__).resolve().parent.parent, os.environ  # `site` has the settings by name
data = root / "data"  # a container may write to this folder only, and keeps it in a volume

# Django's debug pages show code and settings to whoever asks.
DEBUG, https = (environ.get(name, "").lower() in {"1", "true", "yes", "on"} for name in ("DEBUG", "HTTPS"))
key.follow(site)  # SECRET_KEY counts, unless the site has read its own from the environment
for name, here in {"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"], "CSRF_TRUSTED_ORIGINS": []}.items():
    site[name] = [*dict.fromkeys([*(site.get(name) or ()), *here, *environ.get(name, "").replace(",", " ").split()])]

# Only behind a proxy that speaks https: without one, a redirect leads nowhere. No cookie gets less secure.
SECURE_SSL_REDIRECT, PREPEND_WWW = https, https and bool(site.get("PREPEND_WWW"))
site |= {name: https or site.get(name, False) for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")}
site.setdefault("SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https") if https else None)
mail.follow(site)  # EMAIL_URL counts, unless the site has followed it already

# What a container writes has to be in the volume, or on the console; CACHE_URL counts for a cache on localhost there.
DATABASES = databases = site.get("DATABASES") or {}
if boxed := environ.get("PLACE", "host") != "host":
    volume.follow(site, data)
    cache.follow(site)

database.follow(databases, data if boxed else None)  # DATABASE_URL counts, unless the site has followed it already
static.follow(site, root, boxed)
csp.follow(site)  # CSP counts, unless the site sends a policy itself
