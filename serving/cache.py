"""Where a site's settings look for redis on their own machine, a container looks where CACHE_URL says."""

import os
import re
from typing import Any
from urllib.parse import urlsplit

NAMES = (
    "CACHES", "CHANNEL_LAYERS", "BROKER_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "RQ_QUEUES", "Q_CLUSTER",
    "HUEY", "DRAMATIQ_BROKER", "DRAMATIQ_RESULT_BACKEND",
)  # fmt: skip
HERE = ("localhost", "127.0.0.1", "::1", "redis", "valkey")  # or what other Compose files call theirs
URL = rf"^rediss?://(?:[^@/]*@)?(?:{'|'.join(map(re.escape, HERE))})(?::\d+)?(?=/|\?|$)"


def follow(site: dict[str, Any]) -> None:
    """Change the addresses in a site's settings, where CACHE_URL is one of redis; the number of a database stays."""
    url = urlsplit(os.environ.get("CACHE_URL", ""))
    if url.scheme in {"redis", "rediss"}:
        site |= {name: moved(site[name], url.scheme, url.netloc) for name in NAMES if name in site}


def moved(value: Any, scheme: str, netloc: str) -> Any:
    """Return a setting in which each address is the new one: a URL, a host and a port, or a `HOST` with a `PORT`."""
    host, _, port = netloc.rpartition("@")[2].partition(":")
    if isinstance(value, str):
        return re.sub(URL, f"{scheme}://{netloc}", value)
    if isinstance(value, (list, tuple)):
        is_pair = len(value) == 2 and value[0] in HERE and isinstance(value[1], int)
        parts = [host, int(port or 6379)] if is_pair else [moved(one, scheme, netloc) for one in value]
        return parts if isinstance(value, list) else tuple(parts)
    if isinstance(value, dict):
        here = value.get("HOST", value.get("host")) in HERE
        there = {"HOST": host, "host": host, "PORT": int(port or 6379), "port": int(port or 6379)} if here else {}
        return {name: there.get(name, moved(one, scheme, netloc)) for name, one in value.items()}
    return value
