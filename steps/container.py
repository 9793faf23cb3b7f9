"""Containers of the image: run one, enter one, and look after those that this project started."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NoReturn

from invoke import Context, Exit

from steps import content, engine, envfile, image, ports, progress, server, system
from steps.command import SIGNALLED, Command, dry, ended_by_signals, output, refuse, run, say
from steps.project import ROOT, Project

DATA = "/app/data"
# The site writes to its volume, and to /tmp while it lasts; docker-compose.yaml says the same.
CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
STOP_TIMEOUT = "10"  # seconds; docker-compose.yaml says the same, and src/gunicorn.conf.py keeps within it
SHELL = ("/bin/bash",)
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a network's proxy does not know this machine
READY_WITHIN = 60  # seconds for a detached site, its first migrations on a slow machine included
LATE = 3  # seconds within which an engine makes a container whose client was cut off in the middle of asking for it


def new_command(project: Project, options: Iterable[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that every new container of this project begins with, up to the image's name.

    Values are named, and given by the environment of the command: none is on a command line.
    """
    words = [project.engine, "run", "--pull", "never", "--label", project.label]
    words += [*CONFINED, "--volume", f"{project.volume}:{DATA}", *options]
    for name in sorted(values):
        words += ["--env", name]
    return tuple(words)


def run_command(
    project: Project, ref: str, port: int, published: ports.Published, values: Mapping[str, str], detach: bool
) -> Command:
    """Return the command that runs the site: PORT inside, and where it shows outside."""
    values = {name: value for name, value in values.items() if name != "PORT"}
    lifetime = "--detach" if detach else "--rm"
    options = [lifetime, "--stop-timeout", STOP_TIMEOUT, "--publish", f"{published}:{port}", "--env", f"PORT={port}"]
    return Command((*new_command(project, options, values), ref), hidden=values)


def enter_command(project: Project, container: str, words: tuple[str, ...], terminal: bool = True) -> Command:
    """Return the command that runs words, by default a shell, in a container that runs already."""
    return Command((project.engine, "exec", *with_input(terminal), container, *(words or SHELL)))


def once_command(
    project: Project, ref: str, words: tuple[str, ...], values: Mapping[str, str], terminal: bool = True
) -> Command:
    """Return the command that runs words, by default a shell, in a new container that goes when they end."""
    argv = new_command(project, ["--rm", *with_input(terminal)], values)
    return Command((*argv, ref, *(words or SHELL)), hidden=values)


def with_input(terminal: bool) -> tuple[str, ...]:
    """Return the options that hand over our input, as a terminal where it is one."""
    return ("--interactive", "--tty") if terminal else ("--interactive",)


def at_terminal() -> bool:
    """Return whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def run_site(
    c: Context,
    project: Project,
    port: str | None,
    publish: str | None,
    tag: str | None,
    env: Iterable[str],
    env_file: str | None,
    detach: bool,
) -> None:
    """Run the site in a container, until Ctrl-C or, detached, until `inv stop`.

    Raises `Exit` when an option is wrong, a port is taken, no engine answers, or a detached site is
    not ready in time.
    """
    ref = image.name(project, tag)
    flags = envfile.from_flags(env, os.environ, "--env")
    if "PORT" in flags:
        refuse("--env PORT would leave the published port behind: write --port instead.")
    values = values_for(project, flags, env_file)
    number = server.chosen_port(project, port, values)
    published = ports.Published("127.0.0.1", number)
    if publish is not None:
        published = ports.parse_published(publish, "--publish")
    engine.require(c, project)
    if not dry(c):
        ports.require_free(project, published, "--port {}" if publish is None else "--publish {}")
    values = prepare(c, project, ref, tag, flags, env_file)
    command = run_command(project, ref, number, published, values, detach)
    if dry(c):
        run(c, command)
    elif detach:
        start(c, project, marked(project, command), published)
    else:
        say(f"Running at {published.url} (Ctrl-C stops it)")
        run(c, marked(project, command), failed=engine.or_gone(project))


def prepare(
    c: Context, project: Project, ref: str, tag: str | None, flags: Mapping[str, str], env_file: str | None
) -> dict[str, str]:
    """Do the steps before a new container, those that are not done yet, and return what the site is to see."""
    if env_file is None:
        envfile.ensure(c, project)
    values = values_for(project, flags, env_file)
    if dry(c):
        say_exports(values)
    else:
        image.build_if_missing(c, project, ref, tag)
    return values


def values_for(project: Project, flags: Mapping[str, str], env_file: str | None) -> dict[str, str]:
    """Return what the site in a container is to see, from `.env` or the file in its stead."""
    path = project.env_file if env_file is None else ROOT / env_file
    return envfile.site_values(path, flags, os.environ, default=env_file is None)


def marked(project: Project, command: Command) -> Command:
    """Return a command that runs a new container, with a label of its own and what ends that very container.

    The docker client loses a Ctrl-C that comes between its making a container and its starting it; one that comes
    earlier ends it, but not the making; it ends alone when nobody reads its output any more, or its terminal is closed;
    and a first process without a handler hears nothing.
    """
    mark = f"djk8s.run={secrets.token_hex(4)}"
    engine_run, options = command.argv[:2], command.argv[2:]
    return replace(command, argv=(*engine_run, "--label", mark, *options), put_down=partial(end, project, mark))


def end(project: Project, mark: str, cut_off: bool = False) -> None:
    """Stop and remove the container with a label, as far as the engine still answers; `cut_off`, it may come late."""
    patient_until = time.monotonic() + (LATE if cut_off else 0)
    while not (containers := engine.known(project, mark)) and time.monotonic() < patient_until:
        time.sleep(0.1)
    if containers:
        with suppress(OSError, subprocess.TimeoutExpired):
            output((project.engine, "stop", *containers), timeout=60)
            output((project.engine, "rm", "--force", *containers), timeout=60)


def say_exports(values: Mapping[str, str]) -> None:
    """Say what a pasted command needs."""
    say(f"# Before you paste this, export the variables that it names: {' '.join(sorted(values))}")


def start(c: Context, project: Project, command: Command, published: ports.Published) -> None:
    """Start a container in the background and wait until the site in it is ready; it goes where that fails."""
    with ended_by_signals():
        try:
            started = run(c, replace(command, put_down=None), failed=engine.or_gone(project), read=True)
            wait(project, started.strip(), published.url)
            # Still in here: once signals mean what they did, one could end this before it is said that the site runs.
            say(f"Running at {published.url} (`inv logs` shows its log, `inv stop` stops it)")
        except Exit as stopped:
            if command.put_down:
                command.put_down(cut_off=stopped.code > SIGNALLED)
            raise


def wait(project: Project, container: str, url: str) -> None:
    """Wait until the site in a container is ready; raises `Exit` with what it said last when it ends, or is not."""
    end = time.monotonic() + READY_WITHIN
    with progress.waiting("Waiting for the site to be ready") as tick:
        while not (ready := is_ready(url)) and engine.is_running(project, container) and time.monotonic() < end:
            tick()
            time.sleep(0.1)
    if not ready:
        give_up(project, container)


def is_ready(url: str) -> bool:
    """Return whether the site at an address answers that it is ready."""
    try:
        with DIRECT.open(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def give_up(project: Project, container: str) -> NoReturn:
    """End with what a container that did not become ready said last."""
    engine.version(project)  # one that is gone is the cause, and has no log
    log = engine.question(project, "logs", "--tail", "20", container)
    if said := (log.stdout + log.stderr).strip():
        say(said)
    last = "above is what its log said last" if said else "its log is empty"
    refuse(f"The site did not become ready and its container was removed; {last}.")


def shell(c: Context, project: Project, words: tuple[str, ...], new: bool) -> None:
    """Enter the container of this project that was started last, else a new one; or run words there."""
    engine.require(c, project)
    there = [] if new or dry(c) else engine.sites(project)
    if there:
        say_older(project, there[:1])
        run(c, enter_command(project, there[0][:12], words, at_terminal()))
    else:
        once(c, project, words)


def once(c: Context, project: Project, words: tuple[str, ...]) -> None:
    """Run words, by default a shell, in a new container of the image with the site's variables."""
    ref = image.name(project, None)
    envfile.site_values(project.env_file, {}, {})  # refuses a malformed file before anything is begun
    engine.require(c, project)
    values = prepare(c, project, ref, None, {}, None)
    command = once_command(project, ref, words, values, at_terminal())
    run(c, command if dry(c) else marked(project, command))


def list_command(project: Project, *options: str) -> Command:
    """Return the command that lists this project's containers, those that ended too."""
    return Command((project.engine, "ps", "--all", *options, "--filter", f"label={project.label}"))


def list_all(c: Context, project: Project) -> None:
    """List this project's containers."""
    engine.require(c, project)
    run(c, list_command(project))
    if not dry(c):
        say_older(project, engine.sites(project))


def say_older(project: Project, containers: list[str]) -> None:
    """Say which of these containers run code or packages that changed since."""
    if older := content.older(project, containers):
        ids = ", ".join(container[:12] for container in older)
        say(f"Older than the folder: {ids}. `inv build` and `inv run`, or `inv up`, take the changes in.")


def logs_line(project: Project) -> str:
    """Return the shell's line for the log of the container that was created last."""
    return f"{system.quoted(project.engine)} logs $({list_command(project, '--quiet', '--latest').line()})"


def logs(c: Context, project: Project) -> None:
    """Show the log of the site's container that was started last, also of one that ended."""
    engine.require(c, project)
    if dry(c):
        print(logs_line(project))
        return
    found = engine.sites(project, "--all")
    if not found:
        refuse("No container of this project is here: `inv run --detach` starts one.")
    run(c, Command((project.engine, "logs", found[0][:12])))


def prune_command(project: Project) -> Command:
    """Return the command that removes those of this project's containers that have ended."""
    return Command((project.engine, "container", "prune", "--force", "--filter", f"label={project.label}"))


def stop_line(project: Project) -> str:
    """Return the shell's line that stops this project's containers."""
    return f"{system.quoted(project.engine)} stop $({list_command(project, '--quiet').line()})"


def stop(c: Context, project: Project) -> None:
    """Stop and remove all containers that this project started."""
    engine.require(c, project)
    if dry(c):
        print(stop_line(project))
    elif not (found := engine.known(project, project.label)):
        say("No container of this project is here: nothing to do.")
        return
    else:
        run(c, Command((project.engine, "stop", *(container[:12] for container in found))))
    run(c, prune_command(project))
