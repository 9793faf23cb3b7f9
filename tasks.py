"""The Instructions List: one task per step, in order, and the defaults. `inv steps` prints it."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TypeGuard

from invoke import Collection, Context, task

ROOT = Path(__file__).resolve().parent
sys.path += map(str, ROOT.glob(".tools-wheels/djk8s-*.whl"))  # for an Invoke that is installed elsewhere

from djk8s.cli.program import after_dashes, hand_over  # noqa: E402

hand_over(ROOT)

from djk8s import cleaning, engine, listing, nox, tools  # noqa: E402
from djk8s.cluster import backup as deployed_backups  # noqa: E402
from djk8s.cluster import deploying  # noqa: E402
from djk8s.cluster import registry as registries  # noqa: E402
from djk8s.compose import backup as backups  # noqa: E402
from djk8s.compose import database, stack, upgrade  # noqa: E402
from djk8s.container import image, site  # noqa: E402
from djk8s.doctor import report  # noqa: E402
from djk8s.dotenv import file as dotenv  # noqa: E402
from djk8s.dotenv.check import check as check_env  # noqa: E402
from djk8s.host import server  # noqa: E402
from djk8s.host import venv as environment  # noqa: E402
from djk8s.packages import locking  # noqa: E402
from djk8s.project import Project  # noqa: E402
from djk8s.shell.talk import refuse  # noqa: E402

PLACES = ("host", "container", "compose")
CONTEXT = "docker's or kubectl's own context of that deployment"
IN_DEPLOYED = {"deployed": "in what is deployed instead: compose, swarm or kubernetes", "context": CONTEXT}


def project_of(c: Context) -> Project:
    """Return the project as Invoke configures it."""
    return Project.of(c, ROOT)


@task(name="steps", default=True)
def list_steps(c: Context) -> None:
    """Print this list in order, with the command behind each step in each place."""
    help_lines = {name: (ns[name].__doc__ or "").splitlines()[0] for name in ns.task_names}
    print(listing.text(project_of(c), help_lines))


@task(
    help={"python": "the Python to make it with: a version such as 3.12, or a path; by default the one that runs this"}
)
def venv(c: Context, python: str | None = None) -> None:
    """Make the virtual environment, with pip at its pinned version."""
    environment.make(project_of(c), python)


@task
def install(c: Context) -> None:
    """Install requirements.txt in the virtual environment, and nothing else."""
    project = project_of(c)
    environment.make(project)
    environment.install(project)


@task(
    iterable=["set_"],
    help={
        "set": "NAME=value to write, so that every place reads the same; may be repeated",
        "check": "compare it with .env.example, with the settings, and between its readers",
    },
)
def env(c: Context, set_: list[str], check: bool = False) -> None:
    """Write .env from .env.example with a fresh SECRET_KEY, unless there is one."""
    project = project_of(c)
    if not set_ and not check:
        dotenv.create(project)
        return
    given = dotenv.EnvFile(project)
    if set_:
        given = dotenv.set_values(given, set_)
    if check:
        check_env(given, stack.reading(project), partial(server.objections, project))


@task(
    help={
        "port": "the port to listen on; by default PORT of .env, else 8000",
        "reload": "show each edit at once, with Django's own server and its debug pages",
    }
)
def serve(c: Context, port: str | None = None, reload: bool = False) -> None:
    """Run gunicorn on this machine, after the steps it needs, until Ctrl-C."""
    server.serve(project_of(c), port, reload)


@task(
    iterable=["tag", "build_arg", "secret"],
    help={
        "tag": "a tag besides `latest`, such as v1; may be repeated",
        "file": "the Dockerfile to build from",
        "build-arg": "NAME=value for an ARG of the Dockerfile, never a secret; may be repeated",
        "no-cache": "build every layer again",
        "platform": "another platform than this machine's, such as linux/arm64",
        "secret": "a company's pip.conf, uv.toml or ca.crt, for the build only; may be repeated",
    },
)
def build(
    c: Context,
    tag: list[str],
    build_arg: list[str],
    secret: list[str],
    file: str | None = None,
    no_cache: bool = False,
    platform: str | None = None,
) -> None:
    """Build the image and tag it."""
    image.build(project_of(c), tag, file, build_arg, no_cache, secret, platform)


@task(
    iterable=["env"],
    help={
        "port": "the port inside the container; by default PORT of .env, else 8000",
        "publish": "where to publish it, such as 8000, or 0.0.0.0:8000 for the network too; by default the same port",
        "tag": "the tag to run, as it was built earlier; by default `latest`, which is built first",
        "env": "NAME=value for the site, which wins over .env; may be repeated",
        "env-file": "a file to read instead of .env",
        "detach": "run in the background; returns when the site is ready",
        "no-build": "run `latest` as it was built earlier",
        "ready-within": "with --detach, how many seconds the site may take, with its first migrations; by default 60",
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
    no_build: bool = False,
    ready_within: str | None = None,
) -> None:
    """Build the image and run the site in a container, until Ctrl-C."""
    site.run_site(project_of(c), port, publish, tag, env, env_file, detach, no_build, ready_within)


@task(help={"new": "a new container, even if one is running", **IN_DEPLOYED})
def shell(c: Context, new: bool = False, deployed: str | None = None, context: str | None = None) -> None:
    """Open a shell in a container, or run the words that follow `--` in it."""
    if is_deployed(deployed, context=context):
        if new:
            refuse("--new is not for what is deployed: leave it out.")
        deploying.enter(project_of(c), deployed, context, after_dashes())
    else:
        site.shell(project_of(c), after_dashes(), new)


@task
def ps(c: Context) -> None:
    """List this project's containers, with the git revision of their code."""
    site.list_all(project_of(c))


@task(help={"deployed": "of what is deployed instead: compose, swarm or kubernetes", "context": CONTEXT})
def logs(c: Context, deployed: str | None = None, context: str | None = None) -> None:
    """Show the log of the container started last."""
    if is_deployed(deployed, context=context):
        deploying.logs(project_of(c), deployed, context)
    else:
        site.logs(project_of(c))


@task
def stop(c: Context) -> None:
    """Stop and remove this project's containers."""
    site.stop(project_of(c))


@task(
    iterable=["with_", "scale"],
    help={
        "with": "a file of compose/ to join, such as db or proxy; may be repeated",
        "scale": "SERVICE=NUMBER for more than one of a service, such as web=3; may be repeated",
        "detach": "run in the background; returns when the site is healthy",
        "no-build": "run the images as they were built earlier",
    },
)
def up(c: Context, with_: list[str], scale: list[str], detach: bool = False, no_build: bool = False) -> None:
    """Build and run the project with Compose, until Ctrl-C."""
    stack.up(project_of(c), detach, no_build, with_, scale)


@task(help={"volumes": "remove its database too"})
def down(c: Context, volumes: bool = False) -> None:
    """Stop and remove what Compose made."""
    stack.down(project_of(c), volumes)


@task(
    iterable=["platform"],
    help={
        "registry": "what is before the image's name there, such as registry.example.com/team; by default the setting",
        "tag": "the tag, such as v1; by default the first 12 characters of git's revision",
        "platform": "a platform to build for, such as linux/arm64; may be repeated",
        "sbom": "attach the list of what is in the image",
        "provenance": "attach how the image was built",
        "allow-dirty": "push changes that are not committed, under a tag that says so",
    },
)
def push(
    c: Context,
    platform: list[str],
    registry: str | None = None,
    tag: str | None = None,
    sbom: bool = False,
    provenance: bool = False,
    allow_dirty: bool = False,
) -> None:
    """Build the image, push it under git's revision, and print its digest."""
    attest = [name for name, wanted in (("sbom", sbom), ("provenance", provenance)) if wanted]
    registries.publish(project_of(c), registry, tag, platform, attest, allow_dirty)


@task(
    iterable=["with_"],
    help={
        "to": "where: compose (this machine), swarm or kubernetes; by default the setting deploy.to",
        "context": "docker's or kubectl's own context",
        "replicas": "how many of the site; by default as many as now, or 3",
        "with": "a file of compose/ to join, such as db, or '' for none; may be repeated; by default those of now",
        "env-file": "the settings, instead of .env",
        "registry": "where the nodes take the image from, such as registry.example.com/team",
        "tag": "the version's name, by default its git revision",
        "allow-dirty": "deploy changes that are not committed",
        "allow-unsafe-migrations": "apply migrations that the version that serves cannot live with",
    },
)
def deploy(
    c: Context,
    with_: list[str],
    to: str | None = None,
    context: str | None = None,
    replicas: str | None = None,
    env_file: str | None = None,
    registry: str | None = None,
    tag: str | None = None,
    allow_dirty: bool = False,
    allow_unsafe_migrations: bool = False,
) -> None:
    """Build, push, migrate once, and replace the site's replicas one by one."""
    place = to or c.config.deploy.to
    asked = (replicas, with_, env_file, registry, tag, allow_dirty, allow_unsafe_migrations)
    deploying.deploy(project_of(c), place, context, *asked)


@task(
    help={
        "to": "where: compose, swarm or kubernetes; by default the setting deploy.to",
        "context": "docker's or kubectl's own context",
        "to-revision": "a version that was deployed, by default the one before",
        "env-file": "with Compose, the settings, instead of .env",
    }
)
def rollback(
    c: Context,
    to: str | None = None,
    context: str | None = None,
    to_revision: str | None = None,
    env_file: str | None = None,
) -> None:
    """Go back to a version that was deployed before."""
    deploying.rollback(project_of(c), to or c.config.deploy.to, context, to_revision, env_file)


@task(
    help={
        "to": "where: compose, swarm or kubernetes; by default the setting deploy.to",
        "context": "docker's or kubectl's own context",
        "json": "print it as JSON",
    }
)
def status(c: Context, to: str | None = None, context: str | None = None, json: bool = False) -> None:
    """Show what is deployed, how healthy it is, since when, and by whom."""
    deploying.status(project_of(c), to or c.config.deploy.to, context, json)


@task(name="db-dump", positional=["file"], help={"file": "the file to write, which must not exist"})
def db_dump(c: Context, file: str) -> None:
    """Dump the database of `inv up --with db` to a file."""
    database.dump(project_of(c), file)


@task(name="db-restore", positional=["file"], help={"file": "the file that `inv db dump` wrote"})
def db_restore(c: Context, file: str) -> None:
    """Replace the contents of the database by a dump."""
    database.restore(project_of(c), file)


@task(name="db-upgrade", help={"to": "the version of PostgreSQL; by default 18"})
def db_upgrade(c: Context, to: str | None = None) -> None:
    """Move the database to a newer PostgreSQL, with every row."""
    upgrade.upgrade(project_of(c), to)


@task(name="db-shell")
def db_shell(c: Context) -> None:
    """Open psql in the database."""
    database.shell(project_of(c))


@task(
    help={
        "to": "where to: a folder, or s3://BUCKET/FOLDER; by default BACKUP_TO of .env",
        "keep": "how many to keep; by default BACKUP_KEEP of .env, or 30",
        "list": "list those that there are instead",
        "deployed": "of what `inv deploy` deployed instead: compose or swarm",
        "context": CONTEXT,
        "env-file": "the settings of what is deployed, instead of .env",
    }
)
def backup(
    c: Context,
    to: str | None = None,
    keep: str | None = None,
    list_: bool = False,
    deployed: str | None = None,
    context: str | None = None,
    env_file: str | None = None,
) -> None:
    """Back up the database and the uploads of `inv up`, and try the backup out."""
    do_backups(c, backups.backup(to, keep, list_), deployed, context, env_file)


@task(
    help={
        "from": "where from: a folder, or s3://BUCKET/FOLDER; by default BACKUP_TO of .env",
        "snapshot": "which, as `inv backup --list` shows them; by default the latest",
        "deployed": "into what `inv deploy` deployed instead: compose or swarm",
        "context": CONTEXT,
        "env-file": "the settings of what is deployed, instead of .env",
    }
)
def restore(
    c: Context,
    from_: str | None = None,
    snapshot: str = "latest",
    deployed: str | None = None,
    context: str | None = None,
    env_file: str | None = None,
) -> None:
    """Replace the database and the uploads by those of a backup."""
    do_backups(c, backups.restore(from_, snapshot), deployed, context, env_file)


def do_backups(c: Context, job: backups.Job, deployed: str | None, context: str | None, env_file: str | None) -> None:
    """Do a job for what is up, or for what is deployed."""
    if is_deployed(deployed, context=context, env_file=env_file):
        deployed_backups.do(project_of(c), job, deployed, context, env_file)
    else:
        backups.do(project_of(c), job)


def is_deployed(deployed: str | None, **others: str | None) -> TypeGuard[str]:
    """Return whether a task is for what is deployed; raises `Exit` for another option that only this has."""
    given = [f"--{name.replace('_', '-')}" for name, value in others.items() if value]
    if deployed is None and given:
        refuse(f"{given[0]} is for what is deployed: add --deployed compose, or where it is.")
    return deployed is not None


@task(help={"volumes": "remove the databases too", "venv": "remove the virtual environment too"})
def clean(c: Context, volumes: bool = False, venv: bool = False) -> None:
    """Remove this project's containers, networks and images."""
    cleaning.clean(project_of(c), volumes, venv)


@task(
    help={
        "json": "print the results as JSON",
        "to": "look at a deployment instead: compose, swarm or kubernetes",
        "context": CONTEXT,
    }
)
def doctor(c: Context, json: bool = False, to: str | None = None, context: str | None = None) -> None:
    """Check everything that the list needs, and say how to mend what is wrong."""
    report.examine(project_of(c), json, to, context)


@task(help={"place": "where to run it: host, container, or compose after `inv up`", **IN_DEPLOYED})
def manage(c: Context, place: str = "host", deployed: str | None = None, context: str | None = None) -> None:
    """Run the manage.py command that follows `--`, as in `-- migrate`."""
    if not after_dashes():
        refuse("What manage.py should do follows `--`, as in `inv manage -- migrate`; `-- help` shows what it can.")
    if is_deployed(deployed, context=context):
        if place != "host":
            refuse("--place is not for what is deployed: leave it out.")
        deploying.enter(project_of(c), deployed, context, ("python", "manage.py", *after_dashes()))
        return
    if place not in PLACES:
        refuse(f"--place {place!r} is not a place: write host, container or compose.")
    project, words = project_of(c), after_dashes()
    if place == "host":
        server.manage(project, words)
    elif place == "compose":
        stack.manage(project, words)
    else:
        site.once(project, ("python", "manage.py", *words))


@task(help={"upgrade": "take the newest versions that requirements*.in allow"})
def lock(c: Context, upgrade: bool = False) -> None:
    """Pin in requirements*.txt, with hashes, what requirements*.in ask for."""
    locking.lock(project_of(c), upgrade)


@task(iterable=["session"], help={"session": "a session to run, such as lint; may be repeated; by default all"})
def test(c: Context, session: list[str]) -> None:
    """Run the sessions that this machine can, in clean environments, with Nox."""
    tools.run(project_of(c), nox.test_command(tuple(session)))


ns = Collection.from_module(__import__(__name__))
ns.configure(
    {
        "engine": "docker",  # or a compatible command
        "project": "djk8s",  # what names of containers, volumes and networks begin with
        "image": "djk8s",
        "registry": "",  # what is before the image's name where `inv push` pushes it, such as registry.example.com/team
        "port": "8000",
        "venv": "venv",
        "env_file": ".env",
        "ready_within": "60",  # seconds that a site may take until it is ready, with its first migrations
        "src": "src",  # the folder of manage.py
        "pythonpath": ".",  # the folders to import from, with : between them
        "application": "myproj.wsgi:application",
        "files": {
            "dockerfile": "Dockerfile",
            "compose": "docker-compose.yaml",
            "requirements": "requirements.txt",
            "env_example": ".env.example",
        },
        "up": {
            "image": "djk8s-compose:v1",
            "port": "8001",
            "debug_port": "5678",
            "http_port": "80",
            "https_port": "443",
            "mail_port": "1080",
            "watch_port": "9090",
        },
        "deploy": {"to": "compose", "port": "8080", "overlay": "example"},  # a folder of kubernetes/overlays
    }
)

# From here on, this is for the repository of djk8s alone.


@task(
    positional=["name", "folder"],
    help={
        "name": "what the project is called, such as shop",
        "folder": "where to make it, such as ../shop",
        "django": "the release of Django, such as 5.2",
        "tailwind": "with styles by Tailwind, which a stage of the image makes",
    },
)
def new(c: Context, name: str, folder: str, django: str | None = None, tailwind: bool = False) -> None:
    """Start a Django project elsewhere, with all that it needs to be served."""
    from djk8s import command  # here, because no other task needs it

    words = ["new", name, folder, *(["--django", django] if django else []), *(["--tailwind"] if tailwind else [])]
    if project_of(c).dry:
        print(shlex.join(["djk8s", *words]))
        return
    command.main(words)


@task(positional=["folder"], help={"folder": "the project, such as ../shop"})
def adopt(c: Context, folder: str) -> None:
    """Give an existing Django project all of this; options follow `--`."""
    from djk8s import command

    command.main(["adopt", folder, *(["--dry"] if project_of(c).dry else []), *after_dashes()])


@task()  # with brackets, as its type is that of a task then
def lint(c: Context) -> None:
    """Check style, types and files."""
    tools.run(project_of(c), nox.command("--session", "lint"))


@task(
    help={
        "json": "print every sample as JSON",
        "chart": "write the picture that docs/recipes.md shows",
        "rounds": "how often each recipe is measured; the medians are compared",
    }
)
def bench(c: Context, json: bool = False, chart: bool = False, rounds: str = "5") -> None:
    """Measure this recipe against the tutorial's and two others."""
    project, session = project_of(c), nox.bench_command(json, chart, rounds)
    engine.require(project)
    tools.run(project, session)


ns.add_task(new)
ns.add_task(adopt)
ns.add_task(lint)
ns.add_task(bench)
