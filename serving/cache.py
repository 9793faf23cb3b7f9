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


def follow(site: dict[str, Any]) -> None:
    """Change the addresses in a site's settings, where CACHE_URL is one of redis; the number of a database stays."""
    url = urlsplit(os.environ.get("CACHE_URL", ""))
    if url.scheme in {"redis", "rediss"}:
        site |= {name: moved(site[name], url.scheme, url.netloc) for name in NAMES if name in site}


def moved(value: Any, scheme: str, netloc: str) -> Any:
    """Return a setting in which each address is the new one: a URL, a host and a port, or a `HOST` with a `PORT`."""
    host, _, port = netloc.rpartition("@")[2].partition(":")
    there = (host, int(port or 6379))
    if isinstance(value, str):
        return re.sub(
            rf"^rediss?://(?:[^@/]*@)?(?:{'|'.join(map(re.escape, HERE))})(?::\d+)?(?=/|\?|$)",
            f"{scheme}://{netloc}",
            value,
        )
    if isinstance(value, (list, tuple)):
        if len(value) == 2 and value[0] in HERE and isinstance(value[1], int):
            return type(value)(there)
        return type(value)(moved(one, scheme, netloc) for one in value)
    if isinstance(value, dict):
        named = {name: there[0] for name in ("HOST", "host") if value.get(name) in HERE}
        named |= {name: there[1] for name in ("PORT", "port") if named and name in value}
        return {name: moved(one, scheme, netloc) for name, one in value.items()} | named
    return value
