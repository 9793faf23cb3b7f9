"""Where a site's settings look for a cache on their own machine, a container looks where CACHE_URL says."""

import os
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

NAMES = (
    "CACHES", "CHANNEL_LAYERS", "BROKER_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "RQ_QUEUES", "Q_CLUSTER",
    "HUEY", "DRAMATIQ_BROKER", "DRAMATIQ_RESULT_BACKEND",
)  # fmt: skip
HERE = ("localhost", "127.0.0.1", "::1")
URL = r"^rediss?://(?:[^@/]*@)?(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?=/|\?|$)"


def follow(site: dict[str, Any]) -> None:
    """Change the addresses in a site's settings to CACHE_URL; the number of a database of redis stays."""
    given = os.environ.get("CACHE_URL", "")
    url = urlsplit(given)
    kind = "memcache" if re.fullmatch(r"[\w.-]+:\d+", given) else "redis"
    if kind == "redis" and not (url.scheme in {"redis", "rediss"} and url.hostname):
        return
    for one in (site.get("CACHES") or {}).values():
        at = one.get("LOCATION")
        first = str(at[0] if isinstance(at, (list, tuple)) and at else at)
        is_socket = first.startswith(("unix:", "/"))
        here = is_socket or (kind == "memcache" and first.partition(":")[0] in HERE)
        if here and kind in one.get("BACKEND", "").lower():
            query = first.partition("?")[2]  # which may choose a database of redis
            one["LOCATION"] = f"{given}{'&' if url.query else '?'}{query}" if query else given
    if kind == "redis":
        site |= {name: moved(site[name], url) for name in NAMES if name in site}


def moved(value: Any, url: SplitResult) -> Any:
    """Return a setting in which each address is the new one: a URL, a host and a port, or a `HOST` with a `PORT`."""
    port = url.port or 6379
    if isinstance(value, str):
        return re.sub(URL, f"{url.scheme}://{url.netloc}", value)
    if isinstance(value, (list, tuple)):
        is_pair = len(value) == 2 and value[0] in HERE and isinstance(value[1], int)
        parts = [url.hostname, port] if is_pair else [moved(one, url) for one in value]
        return parts if isinstance(value, list) else tuple(parts)
    if isinstance(value, dict):
        here = value.get("HOST", value.get("host")) in HERE
        there = {"HOST": url.hostname, "host": url.hostname, "PORT": port, "port": port} if here else {}
        return {name: there.get(name, moved(one, url)) for name, one in value.items()}
    return value
