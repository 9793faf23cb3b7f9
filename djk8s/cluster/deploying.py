"""The order of a deployment: build, push, migrate once, roll, wait. What is done at each step is the target's."""

import getpass
import json
import os
import re
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timezone
from functools import partial
from types import ModuleType

from djk8s import code, engine, git, ports
from djk8s.cluster import docker, kubernetes, machine, probe, registry, release, swarm
from djk8s.cluster.release import Release, Status, Where
from djk8s.compose import destination, stack
from djk8s.container import image
from djk8s.dotenv.file import EnvFile, ensure, ensure_password
from djk8s.packages import locking
from djk8s.project import Project
from djk8s.shell.run import run
from djk8s.shell.talk import at_terminal, refuse, say

TARGETS: dict[str, ModuleType] = {"compose": machine, "swarm": swarm, "kubernetes": kubernetes}
REPLICAS = 3


def target(to: str, flag: str = "--to") -> ModuleType:
    """Return the module that deploys to a place; raises `Exit` for an unknown one, which `flag` named."""
    if to not in TARGETS:
        refuse(f"{flag} {to!r} is unknown: write {', '.join([*TARGETS][:-1])} or {[*TARGETS][-1]}.")
    return TARGETS[to]


def place(project: Project, context: str | None, env_file: str | None = None) -> Where:
    """Return where a project is deployed, as its settings say."""
    return Where(
        project.name,
        context or "",
        overlay=project.overlay,
        port=project.deploy_port,
        env_file=project.env_file if env_file is None else project.root / env_file,
    )


def deploy(
    project: Project,
    to: str,
    context: str | None,
    replicas: str | None,
    overlays: Iterable[str],
    env_file: str | None,
    host: str | None,
    tag: str | None,
    allow_dirty: bool,
    allow_unsafe: bool,
) -> None:
    """Deploy the folder as it is now, and say how long it took; what serves meanwhile is not disturbed."""
    module, where = target(to), place(project, context, env_file)
    module.require(project, where)
    before = [] if project.dry else module.releases(project, where)
    where = as_before(project, where, before[0] if before else None, replicas, overlays)
    if where.overlays and to == "kubernetes":
        refuse("--with is for Compose and Swarm: on Kubernetes, what the site needs is in kubernetes/overlays/.")
    if "backup" in where.overlays and to == "swarm":
        refuse("--with backup is for Compose: let cron type `inv backup --deployed swarm` every night.")
    if to != "kubernetes":
        docker.require_same_database(project, where)
    env = settings(project, where, env_file)
    docker.require_same_password(project, where, env.name)
    if to == "compose" and not before and not project.dry:
        require_port(project, where)
    where = with_backups(project, where, env)
    revision = registry.tag(project, tag, allow_dirty)
    repository = registry.repository(project, host)
    begun = time.monotonic()
    if not repository and not project.dry and module.needs_registry(project, where):
        refuse(
            "The nodes take the image from a registry: name it with --registry, or write `registry: …` in invoke.yaml."
        )
    builder = {} if repository else docker.variables(where)  # where the image is, for this machine's docker
    ref = provide(project, where, repository, revision)
    new = Release(ref, revision, by(), now(), settings=env.values, overlays=where.overlays, replicas=where.replicas)
    new = replace(new, record=f"{where.name}-release-{new.at.replace(':', '')}")
    site = check(project, module, where, new, builder)
    new = replace(new, migrations=site.migrations)
    with module.locked(project, where, new.image, new.by):
        module.migrate(project, where, new, allow_unsafe)
        module.roll(project, where, new)
    if not project.dry:
        say(f"{revision} is deployed: {counted(where.replicas)}, {time.monotonic() - begun:.0f} s." + at(where, to))
    if site.unmade:
        apps = " and ".join(site.unmade)
        say(f"The models of {apps} differ from their migrations: `inv manage -- makemigrations`, and commit that.")


def require_port(project: Project, where: Where) -> None:
    """Raise `Exit` if something else than this deployment has its port."""
    number = ports.parse(where.port, "deploy.port")
    if not engine.ask(project, "ps", "--quiet", *engine.of_compose(where.name), "--filter", f"publish={number}"):
        again = "INVOKE_DEPLOY_PORT={} inv deploy" + "".join(f" --with {name}" for name in where.overlays)
        ports.require_free(project, ports.Published("0.0.0.0", number), again)


def at(where: Where, to: str) -> str:
    return f" It is at http://localhost:{where.port}" if to != "kubernetes" and not where.context else ""


def counted(replicas: int) -> str:
    return f"{replicas} replica{'s' * (replicas != 1)}"


def as_before(
    project: Project, where: Where, now: Release | None, replicas: str | None, overlays: Iterable[str]
) -> Where:
    """Return where to deploy, with as many replicas and the same files of compose/ as now, unless others are named.

    One with an empty name means none at all.
    """
    if replicas is not None and not re.fullmatch("[1-9][0-9]{0,2}", replicas):
        refuse(f"--replicas {replicas!r} is no number of replicas: write 1 or more, for example --replicas 3.")
    given = [*overlays]
    names = stack.joined(project, [name for name in given if name]) if given else (now.overlays if now else ())
    if now and "db" in {*now.overlays} - {*names} and names and not has_address(project, where):
        refuse(
            "That would take the database out of what is deployed: add --with db, or set DATABASE_URL in "
            f"{project.shown(where.env_file)} if it is elsewhere now."
        )
    for name in {"debug", "dev", "https", "mail", "proxy", "swarm", "watch"} & {*names}:
        refuse(f"--with {name} is not for a deployment: leave it out.")
    return replace(where, overlays=names, replicas=int(replicas or 0) or (now.replicas if now else 0) or REPLICAS)


def has_address(project: Project, where: Where) -> bool:
    """Return whether the environment file of a deployment says where the database is."""
    file = EnvFile(project, str(where.env_file))
    return where.env_file.is_file() and bool(file.values.get("DATABASE_URL"))


def with_backups(project: Project, where: Where, env: EnvFile) -> Where:
    """Return a deployment that knows where its backups go, if compose/backup.yaml has joined."""
    if "backup" not in where.overlays:
        return where
    return replace(where, backup=destination.variables(project, env, name=where.backup_name))


def settings(project: Project, where: Where, env_file: str | None) -> EnvFile:
    """Return the environment file of a deployment, which is written where it is missing."""
    env = ensure(EnvFile(project, env_file))
    if "db" in where.overlays:
        env = ensure_password(env, stack.password_name(project))
    env.for_the_site({})  # refuses a malformed file
    return env


def provide(project: Project, where: Where, repository: str, revision: str) -> str:
    """Build and push the image and return how a cluster names it; without a registry, its engine builds it."""
    if repository:
        name = f"{repository}:{revision}"
        registry.build_and_tag(project, name)
        return registry.push(project, name) or name
    locking.mention_stale(project)
    at = docker.variables(where)
    command = image.build_command(project, (revision,), revision=git.revision(project))
    run(
        project,
        replace(command, shown=at),
        engine.or_gone(project, partial(code.fault_of_build, project, image.NOT_BUILT)),
    )
    ref = image.name(project, revision)
    if project.dry:
        return ref
    # By its id, which no engine looks for elsewhere.
    return docker.ask(project, where, "image", "inspect", "--format", "{{.Id}}", ref) or ref


def check(project: Project, module: ModuleType, where: Where, new: Release, builder: Mapping[str, str]) -> probe.Site:
    """Return what the site in the image says of itself; raises `Exit` where it cannot have as many replicas."""
    if project.dry:
        return probe.Site("", (), ())
    site = probe.ask(project, new.image, module.variables(project, where, new), builder)
    if said := objection(module, site, where.replicas, module.shares_files(project, where)):
        refuse(said)
    return site


def objection(module: ModuleType, site: probe.Site, replicas: int, shares_files: bool) -> str:
    """Return why a site cannot have so many replicas there, and what to do; "" if it can."""
    if site.vendor == "sqlite" and (replicas > 1 or module is kubernetes):
        choices = "or add --with db or --replicas 1" if module is not kubernetes else "which a new replica finds again"
        return f"The site's database is SQLite, a file that replicas cannot share: set DATABASE_URL, {choices}."
    if site.files and not shares_files and (replicas > 1 or module is kubernetes):
        return (
            f"{site.files[0]} keeps its files on one machine: {module.SHARE}, or STORAGES a bucket (django-storages)."
        )
    return ""


def by() -> str:
    """Return who deploys, as a person recognises it."""
    person = os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN") or getpass.getuser()
    return f"{person}@{socket.gethostname()}"


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def deployed(
    project: Project, to: str, context: str | None, env_file: str | None = None, flag: str = "--deployed"
) -> tuple[ModuleType, Where, list[Release]]:
    """Return the module of a target, what is deployed there, and its releases, the one of now first; none with --dry.

    Raises `Exit` if nothing is deployed there, or for an environment file that is named and cannot be read.
    """
    module, where = target(to, flag), place(project, context, env_file)
    module.require(project, where)
    if project.dry:
        return module, where, []
    if env_file:
        EnvFile(project, env_file).for_the_site({})  # refuses one that is missing, or malformed
    known = module.releases(project, where)
    if not known:
        refuse(f"{where.name} is not deployed here: `inv deploy --to {to}` does that.")
    return module, replace(where, overlays=known[0].overlays), known


def enter(project: Project, to: str, context: str | None, words: tuple[str, ...]) -> None:
    """Run words, by default a shell, in a replica with its settings; raises `Exit` if nothing is deployed there."""
    module, where, _ = deployed(project, to, context)
    run(project, module.exec_command(project, where, words or engine.SHELL, at_terminal()))


def logs(project: Project, to: str, context: str | None) -> None:
    """Show the log of all replicas; raises `Exit` if nothing is deployed there."""
    module, where, _ = deployed(project, to, context)
    for command in module.logs_commands(project, where):
        run(project, command)


def rollback(project: Project, to: str, context: str | None, revision: str | None, env_file: str | None) -> None:
    """Go back to the version before, or to another that was deployed; says which migrations it does not know."""
    module, where, known = deployed(project, to, context, env_file, "--to")
    if project.dry:
        module.back(project, where, Release("IMAGE", revision or "REVISION", record="RECORD"))
        return
    chosen = choose(known, revision)
    where = replace(where, overlays=chosen.overlays, replicas=chosen.replicas or known[0].replicas)
    where = with_backups(project, where, EnvFile(project, env_file))
    if unknown := release.unknown_migrations(known[0], chosen):
        say(f"{chosen.revision} does not know {', '.join(unknown)}: they stay in the database.")
    begun = time.monotonic()
    with module.locked(project, where, known[0].image, by()):
        module.back(project, where, chosen)
    say(f"{chosen.revision} is deployed again: {time.monotonic() - begun:.0f} s.")


def choose(known: list[Release], revision: str | None) -> Release:
    """Return the release to go back to; raises `Exit` if there is none."""
    others = known[1:]
    if revision is None:
        found = [one for one in others if one.at <= known[0].at]
    else:
        found = [one for one in others if one.revision.startswith(revision)]
    if found:
        return found[0]
    there = ", ".join(dict.fromkeys(one.revision for one in others))
    if revision is None or not others:
        later = f" --to-revision names a later one: {there}." if others else ""
        refuse(f"{known[0].revision} is the first that was deployed, so there is nothing to go back to.{later}")
    return refuse(f"--to-revision {revision} was not deployed here: there is {there}.")


def status(project: Project, to: str, context: str | None, as_json: bool) -> None:
    """Print what is deployed, how many replicas are healthy, since when, and by whom."""
    module, where = target(to), place(project, context)
    if project.dry:
        run(project, module.look(project, where))
        return
    module.require(project, where)
    found: Status = module.status(project, where)
    print(json.dumps(as_data(project, found), indent=2) if as_json else as_text(project, where, found))


def as_data(project: Project, found: Status) -> dict[str, object]:
    """Return a status for a program to read."""
    data = asdict(found)
    if found.release:
        del data["release"]["settings"], data["release"]["migrations"]
    return {**data, "older_than_folder": is_older(project, found.release) if found.release else None}


def is_older(project: Project, deployed: Release) -> bool:
    """Return whether the folder is not what is deployed."""
    return git.revision(project)[:12] != deployed.revision


def as_text(project: Project, where: Where, found: Status) -> str:
    """Return a status for a person to read."""
    if not found.release and not found.wanted:
        return f"{where.name} is not deployed here: `inv deploy` does that."
    lines = [f"replicas  {found.healthy} of {found.wanted} healthy{f', {found.doing}' * bool(found.doing)}"]
    if deployed := found.release:
        folder = "another than the folder" if is_older(project, deployed) else "as the folder is"
        lines = [
            f"revision  {deployed.revision}, {folder}",
            *lines,
            f"deployed  {age(deployed.at)} ago, {deployed.at}, by {deployed.by}",
            f"image     {deployed.image}",
        ]
    return "\n".join(lines)


def age(at: str) -> str:
    """Return how long ago something was, in its largest unit."""
    seconds = int((datetime.now(timezone.utc) - datetime.fromisoformat(at.replace("Z", "+00:00"))).total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}{'s' * (seconds >= 2 * size)}"
    return f"{seconds} second{'s' * (seconds != 1)}"
