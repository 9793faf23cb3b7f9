"""The project with Compose: `docker-compose.yaml` and its overlays, under this checkout's own project name."""

import json
import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from djk8s import code, engine, git, ports
from djk8s.compose import destination, front
from djk8s.dotenv.check import ComposeReading, between_readers
from djk8s.dotenv.file import DATABASE_PASSWORD, METRICS_TOKEN, EnvFile, ensure, ensure_password
from djk8s.project import Project
from djk8s.recorded import recorded_in
from djk8s.shell import processes
from djk8s.shell.command import Command
from djk8s.shell.run import output, run
from djk8s.shell.talk import at_terminal, refuse, say

# The services that can be scaled, and the overlays of which each needs one: the site's own port is for one container.
SCALED = {"web": ("proxy", "https"), "worker": ("worker",)}
LAST = ("backup", "debug", "worker")  # read last: others may add to them, or `dev` replaces what they add to
NOT_FOR_UP = {"swarm"}  # what `inv deploy --to swarm` joins
NOT_UP = "Compose did not bring the project up, see above; `inv logs` shows the site's log, `inv down` removes it."
# Known errors of PostgreSQL and of what joins, and the advice for each.
CAUSES = {
    r"initialized by PostgreSQL version (\S+), which is not compatible with this version (\S+)": (
        "The database's volume was made by PostgreSQL {0}, and this one is {1}: `inv db upgrade` moves its rows to a "
        "newer one."
    ),
    r"in 18\+, these Docker images are configured to store database data": (
        "The database's volume was made by an older PostgreSQL: `inv db upgrade` moves its rows to this one."
    ),
    r"initdb: error: directory .* exists but is not empty": (
        "The database's volume was made by a newer PostgreSQL than compose/db.yaml says: write the version to which "
        "`inv db upgrade` moved it."
    ),
    r"No module named debugpy": (
        "debugpy could not be installed in the container: add it to your packages, or leave out --with debug."
    ),
    r"password authentication failed for user": (
        "The database was first started with another PGPASSWORD than the file's: set that one again, or "
        "`inv down --volumes` removes all that is in it."
    ),
    r"not ready: the database does not answer": (
        "The site's database does not answer: DATABASE_URL in .env says where it is, else --with db brings one."
    ),
    r"not ready: migrations are missing": (
        "The site's database lacks migrations: `inv manage --place compose -- migrate` applies them."
    ),
    r"not ready: the urls cannot be imported": (
        "The site's urls cannot be imported, see above: mend them, then type this again."
    ),
}
# https://docs.docker.com/compose/intro/compose-application-model/#the-compose-file
COMPOSE_FILES = (
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
# How the docker CLI rejects `compose --project-name …` without the plugin; asking for its version first takes 0.1 s.
NO_COMPOSE = re.compile("unknown (shorthand )?flag|not a docker command")


def up_command(
    project: Project,
    detach: bool = False,
    no_build: bool = False,
    overlays: tuple[str, ...] = (),
    scale: tuple[str, ...] = (),
    revision: str = "",
) -> Command:
    """Return the command that builds and runs the project, and removes the services of other overlays."""
    words = ["up", "--no-build" if no_build else "--build", "--remove-orphans"]
    if detach:
        words += ["--detach", "--wait"]
    elif "dev" in overlays:
        words += ["--watch"]
    for several in scale:
        words += ["--scale", several]
    command = compose(project, *words, overlays=overlays)
    variables = {"UP_REVISION": revision, "UP_RESTART": "" if detach else "no"}  # at a terminal, a failure is the end
    return replace(command, shown={**command.shown, **{name: value for name, value in variables.items() if value}})


def down_command(project: Project, volumes: bool = False) -> Command:
    """Return the command that removes what Compose made, which it finds by the project's name.

    It runs outside the project's folder: in it, Compose would read `.env` first and refuse to stop on a mistake there.
    """
    words = ("down", "--remove-orphans", *(["--volumes"] if volumes else []))
    return Command((*prefix(project), *words), cwd=Path(project.root.anchor))


def compose(project: Project, *words: str, overlays: tuple[str, ...] = ()) -> Command:
    """Return a Compose command; a variable is on its line only if it differs from the default of the file."""
    variables = {
        "UP_IMAGE": project.up_image,
        "UP_READY_WITHIN": str(project.ready_within),
        "UP_PORT": str(ports.parse(project.up_ports["port"], "up.port")),
        "UP_ENV_FILE": project.shown(project.env_file),
    }
    for name in overlays:
        variables |= front.ports_of(project, name)
    usual = defaults(project, overlays)
    differing = {name: value for name, value in variables.items() if value != usual.get(name)}
    if "dev" in overlays:
        differing |= processes.own_user()
    return Command((*prefix(project, overlays), *words), shown=differing)


def defaults(project: Project, overlays: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the values that the files have for variables that are not set, as in ${UP_PORT:-8001}."""
    known = files(project) if overlays else {}
    try:
        texts = [path.read_text(encoding="utf-8") for path in (project.compose_file, *map(known.__getitem__, overlays))]
    except OSError:
        return {}  # Compose says so itself
    return {name: value for text in texts for name, value in re.findall(r"\$\{(UP_\w+):-(.*?)\}", text)}


def prefix(project: Project, overlays: tuple[str, ...] = ()) -> tuple[str | Path, ...]:
    """Return the words that a Compose command begins with; Compose finds its file by itself if there is only one."""
    known = files(project) if overlays else {}
    paths = [project.compose_file, *(known[name] for name in overlays)] if overlays or not alone(project) else []
    named = [word for path in paths for word in ("--file", path)]
    return (project.engine, "compose", "--project-name", project.scope, *named)


def password_name(project: Project) -> str:
    """Return the variable that compose/db.yaml takes its password from, which the client's library reads too."""
    file = project.root / "compose" / "db.yaml"
    found = re.search(r"\$\{(\w+):\?", file.read_text(encoding="utf-8")) if file.is_file() else None
    return found[1] if found else DATABASE_PASSWORD


def alone(project: Project) -> bool:
    """Return True if Compose would take our file without being told."""
    found = [name for name in COMPOSE_FILES if (project.root / name).exists()]
    return found == [project.compose_file.name]


def files(project: Project) -> dict[str, Path]:
    """Return the overlays by name, in alphabetical order, and then those to which the others may add."""
    found = sorted((project.root / "compose").glob("*.yaml"), key=lambda path: (path.stem in LAST, path.stem))
    return {path.stem: path for path in found if path.stem not in NOT_FOR_UP}


def joined(project: Project, names: Iterable[str]) -> tuple[str, ...]:
    """Return the overlays with these names, each once, in their order; raises `Exit` for an unknown one."""
    wanted = set(names)
    known = list(files(project)) if wanted else []
    recorded = recorded_in(project.root) if "db" in wanted - {*known} else None
    if recorded and recorded.facts.database == "sqlite":
        refuse("The site's database is SQLite: `.tools/bin/djk8s update --database postgres` brings compose/db.yaml.")
    for name in wanted - set(known):
        *most, last = sorted(known)
        refuse(f"--with {name!r} is unknown: write {', '.join(most)} or {last}.")
    front.require_one(wanted)
    return tuple(name for name in known if name in wanted)


def scaled(several: Iterable[str], overlays: tuple[str, ...]) -> tuple[str, ...]:
    """Return the `web=3` words; raises `Exit` if one is malformed, or its service runs only once."""
    for word in several:
        name, _, number = word.partition("=")
        if not re.fullmatch("[1-9][0-9]?", number) or name not in SCALED:
            refuse(f"--scale {word!r} is not SERVICE=NUMBER: write it as --scale web=3, or worker=2.")
        if number != "1" and not {*SCALED[name]} & {*overlays}:
            refuse(f"--scale {word} needs an overlay: add --with {' or --with '.join(SCALED[name])}.")
    return tuple(several)


def up(project: Project, detach: bool, no_build: bool, overlays: Iterable[str], several: Iterable[str]) -> None:
    """Build and run the project with Compose, until Ctrl-C or, detached, until `inv down`."""
    with_ = joined(project, overlays)
    revision = "" if no_build else git.revision(project)
    command = up_command(project, detach, no_build, with_, scaled(several, with_), revision)
    env = EnvFile(project)
    env.for_the_site({})  # refuses a malformed file before anything is begun
    url = front.url(project, env, with_)
    if "watch" in with_:
        front.require_counting(project)
    require(project)
    if not project.dry:
        if not is_up(project):
            front.require_free(project, with_)
        elif not detach:
            say("The project is up already: this joins what runs, and Ctrl-C here stops all of it.")
        if no_build and not engine.has_image(project, project.up_image):
            refuse(f"{project.up_image} was never built here: leave --no-build out.")
    env = ensure(env)
    if "db" in with_:
        env = ensure_password(env, password_name(project))
    if "watch" in with_:
        env = ensure_password(env, METRICS_TOKEN)
    if "backup" in with_:
        command = replace(command, shown={**command.shown, **destination.variables(project, env)})
    if project.dry:
        run(project, command)
        return
    read_alike(project, env)
    for line in front.beside(project, with_):
        say(line)
    if not detach:
        say(f"Running at {url} (Ctrl-C stops it)")
    failed = engine.or_gone(project, partial(explain, project, detach, with_))
    run(project, with_file(project, env, command, with_), failed)
    if detach:
        say(f"Running at {url} (`inv logs` shows its log, `inv down` stops it)")


def with_file(project: Project, env: EnvFile, command: Command, overlays: tuple[str, ...]) -> Command:
    """Add the settings of `.env` that the files use: Compose reads it itself only under its usual name."""
    read = read_by_overlays(project, overlays)
    return replace(command, hidden={name: value for name, value in env.values.items() if name in read})


def read_by_overlays(project: Project, overlays: tuple[str, ...]) -> set[str]:
    """Return the settings that these files interpolate, as ${PGPASSWORD:?} or ${DOMAIN:-}."""
    texts = [files(project)[name].read_text(encoding="utf-8") for name in overlays]
    found = {name for text in texts for name in re.findall(r"\$\{(\w+)[:}]", text)}
    return {name for name in found if not name.startswith(("UP_", "COMPOSE_"))}


def explain(project: Project, detached: bool, overlays: tuple[str, ...]) -> str:
    """Return what to do about a project that did not come up; prints its last log lines if nobody saw them."""
    command = compose(project, "logs", "--no-color", "--tail", "20", overlays=overlays)
    # Without these, Compose does not read the files.
    variables = {**dict.fromkeys(read_by_overlays(project, overlays), "any"), **command.shown}
    log = engine.question(project, *command.argv[1:], variables=variables).stdout.strip()
    if log and detached:
        say(log)
    if not log:
        return code.fault_of_build(project, NOT_UP)
    found = ((re.search(error, log), advice) for error, advice in CAUSES.items())
    return next((advice.format(*error.groups()) for error, advice in found if error), NOT_UP)


def read_alike(project: Project, env: EnvFile) -> None:
    """Raise `Exit` if Compose reads a line of `.env` differently; mention settings that only the shell has."""
    mistakes = between_readers(env, reading(project))
    for mistake in mistakes:
        say(mistake)
    if mistakes:
        refuse(f"{env.name} would not mean the same everywhere, see above: nothing was started.")
    for name in env.settings:
        if name in os.environ and name not in env.values:
            say(f"{name} of your shell is not for Compose, which reads the file: `inv env --set {name}=…` sets it.")


def require(project: Project) -> None:
    """Raise `Exit` unless an engine answers and has Compose 2 or newer."""
    engine.require(project)
    if not project.dry:
        version(project)


def version(project: Project, patience: float | None = None) -> str:
    """Return the version of Compose; raises `Exit` unless it is 2 or newer."""
    answer = engine.question(project, "compose", "version", "--short", patience=patience)
    if answer.returncode:
        refuse("This engine has no Compose 2: install docker-compose-plugin; `inv run` works without.")
    return answer.stdout.strip()


def reading(project: Project) -> ComposeReading:
    """Return the variables that Compose would give the site, or its message if it cannot read them.

    Compose itself is asked, because versions differ; it needs no running engine for that.
    """
    command = compose(project, "config", "--format", "json")
    try:
        answer = output(project, command.argv, variables=command.shown)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode and NO_COMPOSE.search(answer.stderr):
        return None
    if answer.returncode:
        return answer.stderr.strip().rpartition("\n")[2]
    variables = json.loads(answer.stdout)["services"]["web"]["environment"]
    # Its answer is a Compose file, in which $$ is a $.
    return {name: (value or "").replace("$$", "$") for name, value in variables.items()}


def is_up(project: Project) -> bool:
    """Return True if Compose already runs this project, so that its port is its own."""
    return bool(engine.ask(project, "ps", "--quiet", *engine.of_compose(project.scope)))


def down(project: Project, volumes: bool) -> None:
    """Stop and remove what Compose made; its database stays unless `volumes`."""
    require(project)
    run(project, down_command(project, volumes))


def manage(project: Project, words: tuple[str, ...]) -> None:
    """Run a manage.py command in the site that is up; raises `Exit` if none is."""
    missing = "The project is not up: `inv up --detach` brings it up, then type this again."
    site = engine.service(project, "web", missing)
    run(project, engine.exec_command(project, site, ("python", "manage.py", *words), at_terminal()))
