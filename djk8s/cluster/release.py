"""What is deployed, where, and how it is doing: the words that Compose, Swarm and Kubernetes share here."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Where:
    """A deployment: its name, which every checkout of the project shares, and how it is reached."""

    name: str  # of the Compose project, the stack, or the Kubernetes namespace
    context: str = ""  # docker's or kubectl's own; "" is the current one
    overlays: tuple[str, ...] = ()  # files of compose/ to join, as db
    replicas: int = 3
    overlay: str = "example"  # a folder of kubernetes/overlays/
    port: str = "8080"  # that the proxy is published on, except on Kubernetes


@dataclass(frozen=True)
class Release:
    """A version of the site, as it was or will be deployed."""

    image: str  # with its tag, as registry.example.com/team/shop:0123456789ab
    revision: str  # the tag: the git revision, and more where there were changes since
    by: str = ""  # who deployed it, as ada@laptop
    at: str = ""  # when, as 2026-11-25T23:40:06Z
    migrations: tuple[str, ...] = ()  # all that its code has, as board.0001_initial
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)  # empty for one that was deployed before


@dataclass(frozen=True)
class Status:
    """How a deployment is doing."""

    release: Release | None  # None if nothing is deployed
    wanted: int = 0  # replicas
    healthy: int = 0
    doing: str = ""  # "rolling", "rolling back", or ""
