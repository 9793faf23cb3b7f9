"""What is deployed and how it is doing, in words that Compose, Swarm and Kubernetes share here."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

RELEASE = "djk8s.release"  # the label, or annotation, with which a cluster keeps one


@dataclass(frozen=True)
class Release:
    """A version of the site, as it was or will be deployed."""

    image: str  # with its tag, such as registry.example.com/team/shop:0123456789ab
    revision: str  # the tag: the git revision, and more where there were changes since
    by: str = ""  # who deployed it, such as ada@laptop
    at: str = ""  # when, such as 2026-11-25T23:40:06Z
    migrations: tuple[str, ...] = ()  # all that its code has, such as board.0001_initial
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)  # empty for one that was deployed before
    overlays: tuple[str, ...] = ()  # the files of compose/ that it was deployed with
    replicas: int = 0
    record: str = ""  # where the cluster keeps it


@dataclass(frozen=True)
class Status:
    """How a deployment is doing."""

    release: Release | None  # None if nothing is deployed
    wanted: int = 0  # replicas
    healthy: int = 0
    doing: str = ""  # "rolling", "rolling back", or ""


def dumps(release: Release) -> str:
    """Return a release as a cluster keeps it in a label: without the settings."""
    kept = {name: value for name, value in asdict(release).items() if name not in {"settings", "record"}}
    return json.dumps(kept, separators=(",", ":"))


def loads(label: str, record: str = "") -> Release | None:
    """Return the release that a label holds, or None if it holds none."""
    try:
        kept = json.loads(label)
        known = {one.name for one in fields(Release)}
        given: dict[str, Any] = {name: value for name, value in kept.items() if name in known}
        given |= {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        return Release(**given | {"record": record})
    except (ValueError, TypeError, AttributeError):
        return None


def unknown_migrations(newer: Release, older: Release) -> tuple[str, ...]:
    """Return the migrations that an older release does not know; none if it never said which it has."""
    return tuple(name for name in newer.migrations if name not in older.migrations) if older.migrations else ()


def in_order(known: list[Release], record: str) -> list[Release]:
    """Return what can be gone back to: the release with a record, then what was before it, then what came after."""
    found = sorted(known, key=lambda one: one.at, reverse=True)
    at = next((number for number, one in enumerate(found) if one.record == record), 0)
    return [*found[at:], *reversed(found[:at])]
