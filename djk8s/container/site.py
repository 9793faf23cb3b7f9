"""Containers of the image: run one, enter one, and look after those that this project started."""

import os
import re
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from invoke import Exit

from djk8s import engine, git, ports
from djk8s.container import image
from djk8s.dotenv.file import EnvFile, ensure, from_flags
from djk8s.project import PROJECT, SECONDS, SOME_SECONDS, Project
from djk8s.shell import processes
from djk8s.shell.command import Command
from djk8s.shell.run import SIGNALLED, CleanUp, ended_by_signals, output, run
from djk8s.shell.talk import at_terminal, refuse, say

DATA = "/app/data"
# The site writes to its volume, and to /tmp while it runs; docker-compose.yaml says the same.
CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
STOP_TIMEOUT = "10"  # seconds; docker-compose.yaml says the same, and gunicorn.conf.py keeps within it
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a network's proxy cannot reach this machine
PATIENCE = 10  # seconds of waiting after which a person wants to know what for
# What /readyz says is missing (serving/health.py), and what to do.
MISSING = {
    "database": "its database does not answer: DATABASE_URL in .env says where, and `inv up --with db` brings one",
    "migrations": "its database lacks migrations: `inv manage --place container -- migrate` applies them",
    "urls": "its urls cannot be imported, see above",
}
LATE = 3  # seconds in which an engine may still make a container after its client was cut off
REVISION = f'printf "%.12s" (.Label "{git.REVISION}")'
COLUMNS = (".Names", ".Status", REVISION, ".Image", ".Ports")


def new_command(project: Project, options: Iterable[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that start a new container; variables go by name, so that no value is on a command line."""
    words = [project.engine, "run", "--pull", "never", "--label", project.label]
    words += [*CONFINED, "--volume", f"{project.volume}:{DATA}", *options]
    for name in sorted(values):
        words += ["--env", name]
    return tuple(words)


def run_command(
    project: Project, image: str, port: int, published: ports.Published, values: Mapping[str, str], detach: bool
) -> Command:
    """Return the command that runs the site on a port inside, and publishes it outside."""
    values = {name: value for name, value in values.items() if name != "PORT"}
    lifetime = ["--detach", "--log-driver", "local"] if detach else ["--rm"]  # that driver rotates the log
    options = [*lifetime, "--stop-timeout", STOP_TIMEOUT, "--publish", f"{published}:{port}", "--env", f"PORT={port}"]
    return Command((*new_command(project, options, values), image), hidden=values)


def once_command(
    project: Project, image: str, words: tuple[str, ...], values: Mapping[str, str], terminal: bool = True
) -> Command:
    """Return the command that runs words, by default a shell, in a new container that is removed when they end."""
    argv = new_command(project, ["--rm", *engine.attached(terminal)], values)
    return Command((*argv, image, *(words or engine.SHELL)), hidden=values)


def run_site(
    project: Project,
    port: str | None,
    publish: str | None,
    tag: str | None,
    flags: Iterable[str],
    env_file: str | None,
    detach: bool,
    no_build: bool,
    ready_within: str | None = None,
) -> None:
    """Build the image and run the site in a container, until Ctrl-C or, detached, until `inv stop`."""
    ref = image.name(project, tag)
    given = from_flags(flags, os.environ, "--env")
    if "PORT" in given:
        refuse("--env PORT would leave the published port behind: write --port instead.")
    env = EnvFile(project, env_file)
    values = env.for_the_site(os.environ, given)
    number = ports.chosen(project, port, values)
    if ready_within is not None:
        project = replace(project, ready_within=seconds(ready_within))
    published = ports.parse_published(str(number) if publish is None else publish, "--publish")
    engine.require(project)
    if not project.dry:
        ports.require_free(project, published, "--port {}" if publish is None else "--publish {}")
    image.provide(project, tag, no_build)
    values = prepare(env, given)
    command = run_command(project, ref, number, published, values, detach)
    if detach and not project.dry:
        start(project, command, published)
        return
    if not project.dry:
        say(f"Running at {published.url} (Ctrl-C stops it)")
    run_new(project, command, engine.or_gone(project))


def seconds(typed: str) -> int:
    """Return what --ready-within says; raises `Exit` unless it is a number of seconds."""
    if not re.fullmatch(SECONDS, typed):
        refuse(f"--ready-within {typed!r} is not {SOME_SECONDS}: write it as --ready-within 300.")
    return int(typed)


def prepare(env: EnvFile, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Write `.env` if it is missing, and return the variables of the site."""
    values = ensure(env).for_the_site(os.environ, given)
    if env.project.dry:
        say(f"# Before you paste this, export the variables that it names: {' '.join(sorted(values))}")
    return values


def run_new(project: Project, command: Command, failed: str | Callable[[str], str] = "") -> None:
    """Run a command that starts a new container, and leave none behind."""
    command, clean_up = (command, None) if project.dry else with_clean_up(project, command)
    run(project, command, failed, clean_up=clean_up)


def with_clean_up(project: Project, command: Command) -> tuple[Command, CleanUp]:
    """Label the container that a command starts, and return the function that removes it.

    `docker run` can exit and leave its container behind: it loses a Ctrl-C between making a container and starting it,
    or is stopped while the engine still makes one, or its terminal is closed, or nobody reads its output.
    """
    label = f"djk8s.run={secrets.token_hex(4)}"
    engine_run, options = command.argv[:2], command.argv[2:]
    return replace(command, argv=(*engine_run, "--label", label, *options)), partial(remove, project, label)


def remove(project: Project, label: str, cut_off: bool = False) -> None:
    """Stop and remove the container with a label; after a client was `cut_off`, it may take a while to appear."""
    patient_until = time.monotonic() + (LATE if cut_off else 0)
    while not (containers := engine.known(project, label)) and time.monotonic() < patient_until:
        time.sleep(0.1)
    if containers:
        with suppress(OSError, subprocess.TimeoutExpired):
            output(project, (project.engine, "stop", *containers), timeout=60)
            output(project, (project.engine, "rm", "--force", *containers), timeout=60)


def start(project: Project, command: Command, published: ports.Published) -> None:
    """Start a container in the background and wait until its site is ready; remove it if that fails."""
    command, clean_up = with_clean_up(project, command)
    with ended_by_signals():
        try:
            started = run(project, command, failed=engine.or_gone(project), read=True)
            wait(project, started.strip(), published.url)
            # Said in here, because a signal right after this block would end us in silence.
            say(f"Running at {published.url} (`inv logs` shows its log, `inv stop` stops it)")
        except Exit as stopped:
            clean_up(cut_off=stopped.code > SIGNALLED)
            raise


def wait(project: Project, container: str, url: str) -> None:
    """Wait until the site in a container is ready, or show its last lines and refuse."""
    begun, told = time.monotonic(), False
    say("Waiting for the site to be ready …")
    while (missing := not_ready(url)) and (runs := engine.is_running(project, container)):
        waited = time.monotonic() - begun
        if waited > min(project.ready_within, PATIENCE if missing == MISSING["urls"] else project.ready_within):
            break
        if waited > PATIENCE and not told:
            told = True
            say(f"Still waiting, up to {project.ready_within} s (--ready-within): {missing}.")
        time.sleep(0.1)
    if not missing:
        return
    engine.version(project)  # an engine that stopped is the cause, and has no log
    said = engine.show_last(project, "logs", "--tail", "20", container)
    last = "above is what its log said last" if said else "its log is empty"
    late = f" within {project.ready_within} s (--ready-within allows more)" if runs else ""
    if missing in MISSING.values():
        refuse(f"The site did not become ready, and its container was removed: {missing}.")
    refuse(f"The site did not become ready{late} and its container was removed; {last}.")


def not_ready(url: str) -> str:
    """Return why the site at an address is not ready yet, or nothing when it is."""
    try:
        with DIRECT.open(f"{url}/readyz", timeout=5) as answer:
            return "" if answer.status == 200 else f"/readyz answers {answer.status}"
    except urllib.error.HTTPError as error:
        said = error.read(200).decode(errors="replace").strip()
        return MISSING.get(said, f"/readyz answers {error.code}, {said}")
    except OSError:
        return "nothing answers there; before it listens, a site applies the migrations of a new SQLite database"


def shell(project: Project, words: tuple[str, ...], new: bool) -> None:
    """Enter the container of this project that was started last, or a new one; or run words there."""
    engine.require(project)
    there = [] if new or project.dry else engine.sites(project)
    if there:
        run(project, engine.exec_command(project, there[0][:12], words, at_terminal()))
    else:
        once(project, words)


def once(project: Project, words: tuple[str, ...]) -> None:
    """Build the image and run words, by default a shell, in a new container with the site's variables."""
    env = EnvFile(project)
    env.for_the_site(os.environ)  # refuses a malformed file before anything is begun
    engine.require(project)
    ref = image.provide(project, None, no_build=False)
    run_new(project, once_command(project, ref, words, prepare(env), at_terminal()))


def list_command(project: Project, *options: str) -> Command:
    """Return the command that lists this project's containers, including those that ended."""
    return Command((project.engine, "ps", "--all", *options, "--filter", f"label={project.label}"))


def ps_command(project: Project) -> Command:
    """Return the command that shows this project's containers, with the revision of the code in each."""
    columns = r"\t".join(f"{{{{{column}}}}}" for column in COLUMNS)
    return list_command(project, "--format", f"table {columns}")


def list_all(project: Project) -> None:
    engine.require(project)
    run(project, ps_command(project))
    ours = ("--filter", f"label={PROJECT}={project.name}")
    if not project.dry and engine.ask(project, "ps", "--quiet", *engine.of_compose(project.name), *ours):
        say(f"{project.name} is deployed here too: `inv status` shows it.")


def logs_line(project: Project) -> str:
    """Return the shell's line for the log of the container that was created last."""
    latest = list_command(project, "--quiet", "--latest").line(project.root)
    return f"{processes.quoted(project.engine)} logs $({latest})"


def logs(project: Project) -> None:
    """Show the log of the site's container that was started last, even if it ended."""
    engine.require(project)
    if project.dry:
        print(logs_line(project))
        return
    found = engine.sites(project, "--all")
    if not found:
        refuse("No container of this project is here: `inv run --detach` starts one.")
    run(project, Command((project.engine, "logs", found[0][:12])))


def prune_command(project: Project) -> Command:
    """Return the command that removes this project's containers that have ended."""
    return Command((project.engine, "container", "prune", "--force", "--filter", f"label={project.label}"))


def stop_line(project: Project) -> str:
    """Return the shell's line that stops this project's containers."""
    return f"{processes.quoted(project.engine)} stop $({list_command(project, '--quiet').line(project.root)})"


def stop(project: Project) -> None:
    """Stop and remove all containers that this project started."""
    engine.require(project)
    if project.dry:
        print(stop_line(project))
    elif not (found := engine.known(project, project.label)):
        say("No container of this project is here: nothing to do.")
        return
    else:
        run(project, Command((project.engine, "stop", *(container[:12] for container in found))))
    run(project, prune_command(project))
