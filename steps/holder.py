"""Who holds a port of this machine."""

from __future__ import annotations

from typing import NamedTuple

from invoke import Exit

from steps import engine, system
from steps.project import Project

# They hold a port for a container.
PROXIES = {"docker-proxy", "com.docker.backend", "com.docker.backend.exe", "rootlesskit"}
TRIES = 5


class Holder(NamedTuple):
    """What listens on a port, as a person knows it, and the command that stops it, if this user can."""

    name: str
    stop: str = ""

    def remedy(self, choose: str) -> str:
        """Return what to do: stop it, or what `choose` says."""
        return f"`{self.stop}` stops it, or {choose}" if self.stop else choose


def of(project: Project, port: int) -> Holder:
    """Return who listens on a port, as far as this user may see that."""
    return by_process(port) or by_container(project, port) or Holder("a program of another user")


def by_process(port: int) -> Holder | None:
    """Return the process that listens on a port; nothing where it is another user's, or a container's."""
    import psutil  # here, because most commands need nobody's name

    for _ in range(TRIES):
        try:
            return listening(port)
        except psutil.NoSuchProcess:
            continue  # a child of it that was just starting something else
        except psutil.Error:
            break  # macOS tells this only to root
    return None


def listening(port: int) -> Holder | None:
    """Return the first process of those that listen on a port; raises `psutil.Error` where that ended."""
    import psutil

    connections = psutil.net_connections(kind="tcp")
    pids = [one.pid for one in connections if one.status == psutil.CONN_LISTEN and one.laddr[1:] == (port,)]
    process = next((psutil.Process(pid) for pid in pids if pid), None)
    if process is None or process.name() in PROXIES:
        return None
    while (parent := process.parent()) and parent.cmdline() == process.cmdline():
        process = parent  # that was a worker of it
    return Holder(f"{called(process.name(), process.cmdline())} (process {process.pid})", system.kill_line(process.pid))


def called(name: str, command: list[str]) -> str:
    """Return what a process is called, as `gunicorn`; of `python -m gunicorn` too."""
    return command[2] if command[1:2] == ["-m"] and len(command) > 2 else name


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
