"""Ports: what a person typed, and whether this machine has it free."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import NamedTuple

from steps import holder
from steps.command import refuse
from steps.project import Project

# Where a port that no flag gave is changed.
REMEDY = {
    "port": "in invoke.yaml or INVOKE_PORT",
    "up.port": "in invoke.yaml or INVOKE_UP_PORT",
    "PORT": "in .env or in your shell",
}


class Published(NamedTuple):
    """An address of this machine on which a container's port shows."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Return the address that a browser on this machine opens."""
        everywhere = {"127.0.0.1", "0.0.0.0", "[::]", "[::1]"}
        return f"http://{'localhost' if self.host in everywhere else self.host}:{self.port}"


def parse(value: str, origin: str) -> int:
    """Return a port number; `origin` says where the value came from, as `--port`.

    Raises `Exit` unless it is a whole number from 1 to 65535.
    """
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= 65535:
        remedy = REMEDY.get(origin, f"as {origin} 8000")
        refuse(f"{origin} {value!r} is not a port: give a number from 1 to 65535, {remedy}.")
    return int(value)


def parse_published(value: str, origin: str) -> Published:
    """Return where to publish: `8000` is this machine only, `0.0.0.0:8000` the network too.

    Raises `Exit` when the port or the address is not one.
    """
    host, colon, port = value.rpartition(":")
    if colon and not is_address(host):
        refuse(f"{origin} {value!r} is not an address: give a port or ADDRESS:PORT, as {origin} 0.0.0.0:8000.")
    return Published(host or "127.0.0.1", parse(port, origin))


def is_address(host: str) -> bool:
    """Return whether this is an IP address, one of version 6 in brackets."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return ipaddress.ip_address(bare).version == (4 if bare == host else 6)
    except ValueError:
        return False


def require_free(project: Project, published: Published, remedy: str) -> None:
    """Raise `Exit` when the address is another machine's, or, naming who holds it and a free port, when it is taken.

    `remedy` is what a person types to choose another, with `{}` for the number: `--port {}`.
    """
    if is_free(published):
        return
    if not is_free(published._replace(port=0)):
        refuse(f"{published.host} is no address of this machine: publish on one that is, or on 0.0.0.0 for all.")
    others = (published._replace(port=port) for port in range(published.port + 1, 65536))
    free = next((other.port for other in others if is_free(other)), None)
    choice = f"type `{remedy.format(free)}`, which is free" if free else "choose another port"
    by = holder.of(project, published.port)
    refuse(f"Port {published.port} is already in use by {by.name}: {by.remedy(choice)}.")


def is_free(published: Published) -> bool:
    """Return whether nothing listens on an address of this machine."""
    family = socket.AF_INET6 if published.host.startswith("[") else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of one that has just stopped do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((published.host.strip("[]"), published.port))
        except PermissionError:
            return True  # below 1024 only the engine may bind, and it will
        except OSError:
            return False
    return True
