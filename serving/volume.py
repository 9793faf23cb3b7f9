"""What a container writes has to be in its volume, or on the console."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def follow(site: dict[str, Any], data: Path) -> None:
    """Change where a site's settings have it write: databases, uploads, sessions, mail, caches, indexes, and logs."""
    for alias, one in (site.get("DATABASES") or {}).items():
        file = Path(one.get("NAME") or "")
        if "lite" not in one.get("ENGINE", "") or data in file.parents:
            continue
        if not file.name.startswith((":", "file:")):
            one["NAME"] = data / file.name
        elif alias == "default" and "memory" in file.name:  # or each process would have its own, an empty one
            one["NAME"] = data / "db.sqlite3"
    if data not in (media := Path(site.get("MEDIA_ROOT") or "."), *media.parents):
        site["MEDIA_ROOT"] = data / "media"
    for name in ("SESSION_FILE_PATH", "EMAIL_FILE_PATH"):
        if site.get(name):
            site[name] = folder(data, site[name])
    for one in (site.get("CACHES") or {}).values():
        if "filebased" in one.get("BACKEND", "") and one.get("LOCATION"):
            one["LOCATION"] = folder(data, one["LOCATION"])
    for one in (site.get("HAYSTACK_CONNECTIONS") or {}).values():
        if one.get("PATH"):
            one["PATH"] = folder(data, one["PATH"])
    handlers = (site.get("LOGGING") or {}).get("handlers", {})
    for name in [name for name in handlers if "filename" in handlers[name] or is_local_syslog(handlers[name])]:
        kept = {key: handlers[name][key] for key in ("level", "formatter", "filters") if key in handlers[name]}
        handlers[name] = {"class": "logging.StreamHandler", **kept}


def is_local_syslog(handler: dict[str, Any]) -> bool:
    """Return whether a handler writes to the log of its own machine, as at /dev/log, which no container has."""
    kind, address = str(handler.get("class", handler.get("()"))), handler.get("address", "/dev/log")
    return "SysLogHandler" in kind and isinstance(address, str)


def folder(data: Path, there: str | Path) -> Path:
    """Return the folder of the volume for another one; it is made, as Django does not, but by root, who only builds."""
    ours = data / Path(there).name
    if os.getuid():
        with suppress(OSError):  # without a volume, it fails when something is written
            ours.mkdir(exist_ok=True)
    return ours
