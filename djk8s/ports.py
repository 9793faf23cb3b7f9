"""Ports: parse them, see whether they are free, and find out who holds one."""

import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import NamedTuple

from invoke import Exit

from djk8s import engine
from djk8s.project import Project, places
from djk8s.shell import processes
from djk8s.shell.talk import refuse

# Processes that hold a port for a container.
PROXIES = {"docker-proxy", "com.docker.backend", "com.docker.backend.exe", "rootlesskit"}


class Published(NamedTuple):
    """An address of this machine on which a container's port is published."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address to open in a browser on this machine."""
        everywhere = {"127.0.0.1", "0.0.0.0", "[::]", "[::1]"}
        return f"http://{'localhost' if self.host in everywhere else self.host}:{self.port}"


def chosen(project: Project, flag: str | None, values: Mapping[str, str]) -> int:
    """Return the port for the site: the flag, else PORT as the site would see it, else the configured one."""
    if flag is not None:
        return parse(flag, "--port")
    return parse(values["PORT"], "PORT") if values.get("PORT") else parse(project.port, "port")


def where_to(origin: str) -> str:
    """Return where to change a port: with a flag, in .env, or in a setting of `inv`."""
    if origin.startswith("--"):
        return f"as {origin} 8000"
    return "in .env or in your shell" if origin == "PORT" else f"in {places(origin)}"


def parse(value: str, origin: str) -> int:
    """Return a port number; `origin` names where the value came from, such as `--port`."""
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= 65535:
        refuse(f"{origin} {value!r} is not a port: give a number from 1 to 65535, {where_to(origin)}.")
    return int(value)


def parse_published(value: str, origin: str) -> Published:
    """Return where to publish: `8000` means this machine only, `0.0.0.0:8000` the network too."""
    host, colon, port = value.rpartition(":")
    if colon and not is_address(host):
        refuse(f"{origin} {value!r} is not an address: give a port or ADDRESS:PORT, as {origin} 0.0.0.0:8000.")
    return Published(host or "127.0.0.1", parse(port, origin))


def is_address(host: str) -> bool:
    """Return True for an IP address; one of version 6 has to be in brackets."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return ipaddress.ip_address(bare).version == (4 if bare == host else 6)
    except ValueError:
        return False


def require_free(project: Project, published: Published, remedy: str) -> None:
    """Raise `Exit` if the address is not this machine's, or is taken; names the holder and a free port.

    `remedy` is what to type to choose another, with `{}` for the number: `--port {}`.
    """
    if is_free(published):
        return
    if not is_free(published._replace(port=0)):
        refuse(f"{published.host} is no address of this machine: publish on one that is, or on 0.0.0.0 for all.")
    others = (published._replace(port=port) for port in range(published.port + 1, 65536))
    free = next((other.port for other in others if is_free(other)), None)
    choice = f"type `{remedy.format(free)}`, which is free" if free else "choose another port"
    by = holder(project, published.port)
    refuse(f"Port {published.port} is already in use by {by.name}: {by.remedy(choice)}.")


def is_free(published: Published) -> bool:
    """Return True if nothing listens on an address of this machine."""
    family = socket.AF_INET6 if published.host.startswith("[") else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of one that has just stopped do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((published.host.strip("[]"), published.port))
        except PermissionError:
            return True  # only the engine may bind below 1024, and it will
        except OSError:
            return False
    return True


class Holder(NamedTuple):
    """The name of what listens on a port, and the command that stops it, if this user can."""

    name: str
    stop: str = ""

    def remedy(self, choose: str) -> str:
        """Return what to do: stop it, or what `choose` says."""
        return f"`{self.stop}` stops it, or {choose}" if self.stop else choose


def holder(project: Project, port: int) -> Holder:
    """Return what listens on a port, as far as this user may see it."""
    return by_process(port) or by_container(project, port) or Holder("a program of another user")


def by_process(port: int) -> Holder | None:
    """Return the process that listens on a port, or None if it is another user's, or a container's."""
    import psutil  # here, because most commands do not need it

    try:
        connections = psutil.net_connections(kind="tcp")
        pids = [one.pid for one in connections if one.status == psutil.CONN_LISTEN and one.laddr[1:] == (port,)]
        process = next((psutil.Process(pid) for pid in pids if pid), None)
        if process is None or process.name() in PROXIES:
            return None
        while (parent := process.parent()) and parent.cmdline() == process.cmdline():
            process = parent  # it was a worker of this one
        argv, name = process.cmdline(), process.name()
    except psutil.Error:  # it ended meanwhile, or this is macOS, which tells only root
        return None
    if argv[1:2] == ["-m"] and argv[2:]:
        name = argv[2]  # gunicorn, for `python -m gunicorn`
    return Holder(f"{name} (process {process.pid})", processes.kill_line(process.pid))


def by_container(project: Project, port: int) -> Holder | None:
    """Return the container that publishes a port, if an engine has one."""
    published = ("ps", "--format", "{{.Names}}", "--filter", f"publish={port}")
    try:
        ours = engine.ask(project, *published, "--filter", f"label={project.label}")
        names = ours or engine.ask(project, *published)
    except Exit:
        return None
    if not names:
        return None
    return Holder(f"the container {names[0]}", "inv stop" if ours else f"{project.engine} stop {names[0]}")
