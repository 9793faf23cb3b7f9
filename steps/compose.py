"""The project with Compose: `docker-compose.yaml` and what is joined to it, under this checkout's own project name."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from invoke import Context

from steps import container, content, engine, envcheck, envfile, ports, system
from steps.command import Command, dry, output, refuse, run, say
from steps.project import ROOT, Project

FILE = ROOT / "docker-compose.yaml"
# Each answers one question. In the order of their names, in which each finds what it adds to: worker.yaml is last.
OVERLAYS = {path.stem: path for path in sorted((ROOT / "compose").glob("*.yaml"))}
# What can be had more than once, and what has to be joined for that: the site's one port is for one, else.
SCALED = {"web": "proxy", "worker": "worker"}
NOT_UP = "Compose did not bring the project up, see above; `inv logs` shows the site's log, `inv down` removes it."
# What the database says where it is the cause, and what is to be said of that.
CAUSES = {
    r"initialized by PostgreSQL version (\S+), which is not compatible with this version (\S+)": (
        "The database's volume was made by PostgreSQL {0}, and this one is {1}: write `image: postgres:{0}` in "
        "compose/db.yaml, `inv up --with db --detach`, `inv db dump FILE`, `inv down --volumes`, and `inv db restore "
        "FILE` with the newer one."
    ),
    r"password authentication failed for user": (
        "The database was first started with another PGPASSWORD than the file's: set that one again, or "
        "`inv down --volumes` removes all that is in it."
    ),
}
# What the client says to `compose --project-name …` where it has no Compose; asking for that apart takes 0.1 s.
NO_COMPOSE = re.compile("unknown (shorthand )?flag|not a docker command")
# What docker-compose.yaml says where nothing else is configured; a test holds it to that.
FILE_SAYS = {
    "UP_IMAGE": "djk8s-compose:v1",
    "UP_PORT": "8001",
    "UP_ENV_FILE": ".env",
    "UP_CONTENT": "",
    "UP_REVISION": "",
}


def up_command(
    project: Project,
    detach: bool = False,
    no_build: bool = False,
    labels: Mapping[str, str] | None = None,
    overlays: tuple[str, ...] = (),
    scale: tuple[str, ...] = (),
) -> Command:
    """Return the command that builds and runs the project with Compose; the image gets the labels.

    What an earlier one joined and this one does not is an orphan, and goes.
    """
    words = ["up", "--no-build" if no_build else "--build", "--remove-orphans"]
    if detach:
        words += ["--detach", "--wait"]
    for several in scale:
        words += ["--scale", several]
    command = compose(project, *words, overlays=overlays)
    named = {"UP_CONTENT": content.LABEL, "UP_REVISION": content.REVISION}
    given = {variable: labels[label] for variable, label in named.items() if labels and label in labels}
    return replace(command, shown={**command.shown, **given})


def down_command(project: Project, volumes: bool = False) -> Command:
    """Return the command that removes what Compose made.

    Compose finds that by the project's name. It runs outside the folder, because inside it would read
    `.env` first, and a mistake there must not keep anything running.
    """
    words = ("down", "--remove-orphans", *(["--volumes"] if volumes else []))
    return Command((*prefix(project), *words), cwd=Path(ROOT.anchor))


def compose(project: Project, *words: str, overlays: tuple[str, ...] = ()) -> Command:
    """Return a Compose command; variables are on its line only where they differ from the file."""
    variables = {
        "UP_IMAGE": project.up_image,
        "UP_PORT": str(ports.parse(project.up_port, "up.port")),
        "UP_ENV_FILE": envfile.shown(project.env_file),
    }
    differing = {name: value for name, value in variables.items() if value != FILE_SAYS[name]}
    if "dev" in overlays:
        differing |= system.own_user()
    return Command((*prefix(project, overlays), *words), shown=differing, by_plugin=True)


def prefix(project: Project, overlays: tuple[str, ...] = ()) -> tuple[str | Path, ...]:
    """Return the words that a Compose command begins with; it finds its one file by itself where that is the only."""
    files = [FILE, *(OVERLAYS[name] for name in overlays)] if overlays else []
    named = [word for file in files for word in ("--file", file)]
    return (project.engine, "compose", "--project-name", project.scope, *named)


def joined(names: Iterable[str]) -> tuple[str, ...]:
    """Return the overlays of these names, each once, in their order; raises `Exit` where there is none of a name."""
    for name in names:
        if name not in OVERLAYS:
            refuse(f"--with {name!r} is none: write {', '.join(list(OVERLAYS)[:-1])} or {list(OVERLAYS)[-1]}.")
    return tuple(name for name in OVERLAYS if name in set(names))


def scaled(several: Iterable[str], overlays: tuple[str, ...]) -> tuple[str, ...]:
    """Return how many of a service, as `web=3`; raises `Exit` where it can be had once only."""
    for word in several:
        name, _, number = word.partition("=")
        if not re.fullmatch("[1-9][0-9]?", number) or name not in SCALED:
            refuse(f"--scale {word!r} is not SERVICE=NUMBER: write it as --scale web=3, or worker=2.")
        if SCALED[name] not in overlays and number != "1":
            refuse(f"--scale {word} is for what is joined: add --with {SCALED[name]}.")
    return tuple(several)


def up(
    c: Context, project: Project, detach: bool, no_build: bool, overlays: Iterable[str], several: Iterable[str]
) -> None:
    """Run the project with Compose, until Ctrl-C or, detached, until `inv down`.

    Raises `Exit` when an option is wrong, `.env` is malformed, the port is taken, or no engine with Compose answers.
    """
    with_ = joined(overlays)
    command = up_command(project, detach, no_build, {} if no_build else content.labels(), with_, scaled(several, with_))
    envfile.site_values(project.env_file, {}, {})  # refuses a malformed file before anything is begun
    address = ports.Published("127.0.0.1", int(project.up_port))
    require(c, project)
    if dry(c):
        make_env(c, project, with_)
        run(c, command)
        return
    if not is_up(project):
        ports.require_free(project, address._replace(host="0.0.0.0"), "INVOKE_UP_PORT={} inv up")
    if no_build and not engine.has_image(project, project.up_image):
        refuse(f"{project.up_image} was never built here: leave --no-build out.")
    if no_build:
        content.compare(project, project.up_image, "`inv up`")
    given = make_env(c, project, with_)
    read_alike(project)
    if not detach:
        say(f"Running at {address.url} (Ctrl-C stops it)")
    run(c, replace(command, hidden=given), failed=engine.or_gone(project, partial(last_words, project, detach, with_)))
    if detach:
        say(f"Running at {address.url} (`inv logs` shows its log, `inv down` stops it)")


def make_env(c: Context, project: Project, overlays: tuple[str, ...]) -> dict[str, str]:
    """Write what is missing of the environment file, and return what Compose itself is to see of it.

    It reads the file alone only where that has its usual name.
    """
    envfile.ensure(c, project)
    if "db" not in overlays:
        return {}
    return envfile.ensure_password(c, project)


def last_words(project: Project, detached: bool, overlays: tuple[str, ...]) -> str:
    """Say what the log of a project that did not come up said last, unless it was shown, and return what to do."""
    command = compose(project, "logs", "--no-color", "--tail", "20", overlays=overlays)
    variables = {envfile.DATABASE_PASSWORD: "any", **command.shown}  # without one, Compose does not read db.yaml
    log = engine.question(project, *command.argv[1:], variables=variables).stdout.strip()
    if log and detached:
        say(log)
    found = ((re.search(says, log), sentence) for says, sentence in CAUSES.items())
    return next((sentence.format(*cause.groups()) for cause, sentence in found if cause), NOT_UP)


def read_alike(project: Project) -> None:
    """Raise `Exit` when Compose reads a line otherwise than the other places; say what it does not get of the shell."""
    disagreements = envcheck.disagreements(project.env_file, reading(project))
    for disagreement in disagreements:
        say(disagreement)
    if disagreements:
        refuse(f"{envfile.shown(project.env_file)} would not mean the same everywhere, see above: nothing was started.")
    file = envfile.read(project.env_file)
    for name in envfile.example_names():
        if name in os.environ and name not in file:
            say(f"{name} of your shell is not for Compose, which reads the file: `inv env --set {name}=…` sets it.")


def require(c: Context, project: Project) -> None:
    """Raise `Exit` unless an engine answers and its Compose is version 2 or newer."""
    engine.require(c, project)
    if not dry(c):
        version(project)


def version(project: Project, patience: float | None = None) -> str:
    """Return the version of Compose; raises `Exit` unless it is 2 or newer."""
    answer = engine.question(project, "compose", "version", "--short", patience=patience)
    if answer.returncode:
        old = ", and Compose 1, which is here, cannot read the file" if has_compose_1() else ""
        refuse(f"This engine has no Compose 2{old}: install docker-compose-plugin; `inv run` works without.")
    return answer.stdout.strip()


def has_compose_1() -> bool:
    """Return whether there is a Compose of its own, outside of the engine's command, and an old one."""
    try:
        return output(("docker-compose", "version", "--short")).stdout.startswith("1.")
    except (OSError, subprocess.TimeoutExpired):
        return False


def reading(project: Project) -> envcheck.Reading:
    """Return the variables that Compose would give the site, or what it says where it cannot read them.

    Compose itself is asked, so that it is this version's reading that counts; it needs no running engine for that.
    Nothing is returned where there is no Compose 2 to ask.
    """
    command = compose(project, "config", "--format", "json")
    try:
        answer = output(command.argv, variables=command.shown)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode and NO_COMPOSE.search(answer.stderr):
        return None
    if answer.returncode:
        return answer.stderr.strip().rpartition("\n")[2]
    variables = json.loads(answer.stdout)["services"]["web"]["environment"]
    # It writes its answer as a Compose file, in which $$ is a $.
    return {name: (value or "").replace("$$", "$") for name, value in variables.items()}


def is_up(project: Project) -> bool:
    """Return whether Compose already runs this project, so that its port is its own."""
    mine = f"label=com.docker.compose.project={project.scope}"
    return bool(engine.ask(project, "ps", "--quiet", "--filter", mine))


def down(c: Context, project: Project, volumes: bool) -> None:
    """Stop and remove what Compose made; its database stays unless `volumes`."""
    require(c, project)
    run(c, down_command(project, volumes))


def manage(c: Context, project: Project, words: tuple[str, ...]) -> None:
    """Run a manage.py command in the site that is up; raises `Exit` where none is."""
    engine.require(c, project)
    found = ["CONTAINER"] if dry(c) else engine.service(project, "web")
    if not found:
        refuse("The project is not up: `inv up --detach` brings it up, then type this again.")
    run(c, container.enter_command(project, found[0], ("python", "manage.py", *words), container.at_terminal()))
