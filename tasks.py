"""The Instructions List: one task per step, in order, and the defaults. `inv steps` prints it."""

from __future__ import annotations

from invoke import Collection, Context, task

from steps import toolbox

toolbox.hand_over()

from steps import cleaning, command, compose, container, database, engine, envcheck, envfile, image, listing, server  # noqa: E402
from steps import doctor as doctoring  # noqa: E402
from steps import venv as environment  # noqa: E402
from steps.project import Project  # noqa: E402

PLACES = ("host", "container", "compose")


@task(name="steps", default=True)
def list_steps(c: Context) -> None:
    """Print this list in order, with the command behind each step in each place."""
    help_lines = {name: (ns[name].__doc__ or "").splitlines()[0] for name in listing.commands(Project.of(c))}
    print(listing.text(Project.of(c), help_lines))


@task(help={"python": "the Python to make it of, as 3.12 or a path; by default the one that runs this"})
def venv(c: Context, python: str | None = None) -> None:
    """Make the virtual environment, with pip at its pinned version."""
    environment.make(c, Project.of(c), python)


@task
def install(c: Context) -> None:
    """Install requirements.txt in the virtual environment, and nothing else."""
    environment.make(c, Project.of(c))
    environment.install(c, Project.of(c))


@task(
    iterable=["set_"],
    help={
        "set": "NAME=value to write, so that every place reads the same; may be repeated",
        "check": "compare it with .env.example, with the settings, and between its readers",
    },
)
def env(c: Context, set_: list[str], check: bool = False) -> None:
    """Write .env from .env.example with a fresh SECRET_KEY, unless there is one."""
    if set_:
        envfile.set_values(c, Project.of(c), set_)
    if check:
        envcheck.check(Project.of(c), compose.reading(Project.of(c)))
    if not set_ and not check:
        envfile.create(c, Project.of(c))


@task(
    help={
        "port": "the port to listen on; by default PORT of .env, else 8000",
        "reload": "see each edit at once, with Django's own server and its debug pages",
    }
)
def serve(c: Context, port: str | None = None, reload: bool = False) -> None:
    """Run gunicorn on this machine, after the steps it needs, until Ctrl-C."""
    server.serve(c, Project.of(c), port, reload)


@task(
    iterable=["tag", "build_arg", "secret"],
    help={
        "tag": "a tag besides `latest`, as v1; may be repeated",
        "file": "the Dockerfile to build from",
        "build-arg": "NAME=value for an ARG of the Dockerfile, never a secret; may be repeated",
        "no-cache": "build every layer anew",
        "secret": "a company's pip.conf or ca.crt, for the build alone; may be repeated",
    },
)
def build(
    c: Context,
    tag: list[str],
    build_arg: list[str],
    secret: list[str],
    file: str | None = None,
    no_cache: bool = False,
) -> None:
    """Build the image and tag it."""
    image.build(c, Project.of(c), tag, file, build_arg, no_cache, secret)


@task(
    iterable=["env"],
    help={
        "port": "the port inside the container; by default PORT of .env, else 8000",
        "publish": "where it shows, as 8000, or 0.0.0.0:8000 for the network too; by default the same port",
        "tag": "the tag to run; by default what was built last",
        "env": "NAME=value for the site, before what .env says; may be repeated",
        "env-file": "a file to read in the stead of .env",
        "detach": "run in the background; returns when the site is ready",
    },
)
def run(
    c: Context,
    env: list[str],
    port: str | None = None,
    publish: str | None = None,
    tag: str | None = None,
    env_file: str | None = None,
    detach: bool = False,
) -> None:
    """Run the site in a container, until Ctrl-C."""
    container.run_site(c, Project.of(c), port, publish, tag, env, env_file, detach)


@task(help={"new": "a new container, even if one is running"})
def shell(c: Context, new: bool = False) -> None:
    """Enter a container, or run in it the words that follow `--`."""
    container.shell(c, Project.of(c), command.after_dashes(), new)


@task
def ps(c: Context) -> None:
    """List this project's containers."""
    container.list_all(c, Project.of(c))


@task
def logs(c: Context) -> None:
    """Show the log of the container started last."""
    container.logs(c, Project.of(c))


@task
def stop(c: Context) -> None:
    """Stop and remove this project's containers."""
    container.stop(c, Project.of(c))


@task(
    iterable=["with_", "scale"],
    help={
        "with": f"what to join: {', '.join(compose.OVERLAYS)}; may be repeated",
        "scale": "SERVICE=NUMBER for more than one of a service, as web=3; may be repeated",
        "detach": "run in the background; returns when the site is healthy",
        "no-build": "run what was built",
    },
)
def up(c: Context, with_: list[str], scale: list[str], detach: bool = False, no_build: bool = False) -> None:
    """Build and run the project with Compose, until Ctrl-C."""
    compose.up(c, Project.of(c), detach, no_build, with_, scale)


@task(help={"volumes": "remove its database too"})
def down(c: Context, volumes: bool = False) -> None:
    """Stop and remove what Compose made."""
    compose.down(c, Project.of(c), volumes)


@task(name="db-dump", positional=["file"], help={"file": "the file to write, which is not there yet"})
def db_dump(c: Context, file: str) -> None:
    """Write all that is in the database of `inv up --with db` to a file."""
    database.dump(c, Project.of(c), file)


@task(name="db-restore", positional=["file"], help={"file": "the file that `inv db dump` wrote"})
def db_restore(c: Context, file: str) -> None:
    """Put in the database what is in a file, and nothing else."""
    database.restore(c, Project.of(c), file)


@task(name="db-shell")
def db_shell(c: Context) -> None:
    """Speak SQL to the database."""
    database.shell(c, Project.of(c))


@task(help={"volumes": "remove the databases too", "venv": "remove the virtual environment too"})
def clean(c: Context, volumes: bool = False, venv: bool = False) -> None:
    """Remove this project's containers, networks and images."""
    cleaning.clean(c, Project.of(c), volumes, venv)


@task(help={"json": "print the findings for machines"})
def doctor(c: Context, json: bool = False) -> None:
    """Say of all that the list needs whether it is fine, or what mends it."""
    doctoring.examine(Project.of(c), json)


@task(help={"place": "where to run it: host, container, or compose, which is to be up"})
def manage(c: Context, place: str = "host") -> None:
    """Run the manage.py command that follows `--`, as in `-- migrate`."""
    if place not in PLACES:
        command.refuse(f"--place {place!r} is not a place: write host, container or compose.")
    if place == "host":
        server.manage(c, Project.of(c), command.after_dashes())
    elif place == "compose":
        compose.manage(c, Project.of(c), command.after_dashes())
    else:
        container.once(c, Project.of(c), ("python", "manage.py", *command.after_dashes()))


@task(help={"upgrade": "take the newest versions that requirements*.in allow"})
def lock(c: Context, upgrade: bool = False) -> None:
    """Pin in requirements*.txt, with hashes, what requirements*.in ask for."""
    toolbox.run(c, toolbox.lock_command(upgrade))


@task(
    help={
        "json": "print every sample, for machines",
        "chart": "write the picture that bench/README.md shows",
        "rounds": "how often each recipe is measured; the medians are compared",
    }
)
def bench(c: Context, json: bool = False, chart: bool = False, rounds: str = "5") -> None:
    """Measure the tutorial's recipe and this one in turn, and compare."""
    measuring = toolbox.bench_command(json, chart, rounds)
    engine.require(c, Project.of(c))
    toolbox.run(c, measuring)


@task(iterable=["session"], help={"session": "a session to run, as lint; may be repeated; by default all"})
def test(c: Context, session: list[str]) -> None:
    """Run the checks that this machine can, clean, with Nox."""
    toolbox.run(c, toolbox.test_command(tuple(session)))


@task
def lint(c: Context) -> None:
    """Run the check of style, types and files alone."""
    toolbox.run(c, toolbox.lint_command())


ns = Collection.from_module(__import__(__name__))
ns.configure(
    {
        "engine": "docker",  # or a command that takes the same words
        "project": "djk8s",  # what names of containers, volumes and networks begin with
        "image": "djk8s",
        "port": "8000",
        "venv": "venv",
        "env_file": ".env",
        "up": {"image": "djk8s-compose:v1", "port": "8001"},
    }
)
