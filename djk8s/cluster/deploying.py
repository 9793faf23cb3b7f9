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

from djk8s import code, engine, git
from djk8s.cluster import probe, registry, release
from djk8s.cluster.docker import Docker
from djk8s.cluster.kubernetes import Kubernetes
from djk8s.cluster.machine import Machine
from djk8s.cluster.release import Release, Status
from djk8s.cluster.swarm import Swarm
from djk8s.cluster.target import Target
from djk8s.compose import destination, stack
from djk8s.container import image
from djk8s.dotenv.file import EnvFile, ensure, ensure_password
from djk8s.packages import locking
from djk8s.project import Project
from djk8s.shell.run import run
from djk8s.shell.talk import at_terminal, refuse, say

TARGETS: dict[str, type[Target]] = {one.to: one for one in (Machine, Swarm, Kubernetes)}


def target_of(
    project: Project, to: str, context: str | None, env_file: str | None = None, flag: str = "--to"
) -> Target:
    """Return where a project is deployed; raises `Exit` for an unknown place, which `flag` named."""
    if to not in TARGETS:
        refuse(f"{flag} {to!r} is unknown: write {', '.join([*TARGETS][:-1])} or {[*TARGETS][-1]}.")
    return TARGETS[to](project, EnvFile(project, env_file), context or "")


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
    target = target_of(project, to, context, env_file)
    target.require()
    before = target.releases()
    target = as_before(target, before[0] if before else None, replicas, overlays)
    target.require_overlays()
    env = written(target)
    target = replace(target, env=env)
    target.require_settings(first=not before)
    target = with_backups(target)
    revision = registry.tag(project, tag, allow_dirty)
    repository = registry.repository(project, host)
    begun = time.monotonic()
    if not repository and not project.dry and target.needs_registry():
        remedy = "name it with --registry, or write `registry: …` in invoke.yaml"
        refuse(f"The nodes take the image from a registry: {remedy}.")
    ref = provide(target, repository, revision)
    new = Release(ref, revision, by(), now(), settings=env.values, overlays=target.overlays, replicas=target.replicas)
    new = replace(new, record=f"{target.name}-release-{new.at.replace(':', '')}")
    # Without a registry, the image is where this machine's docker is led.
    site = check(target, new, {} if repository else target.docker_context)
    new = replace(new, migrations=site.migrations)
    with target.locked(new.image, new.by):
        target.migrate(new, allow_unsafe)
        target.roll(new)
    if not project.dry:
        where = f" It is at {address}" if (address := at(target)) else ""
        say(f"{revision} is deployed: {counted(target.replicas)}, {time.monotonic() - begun:.0f} s.{where}")
    if site.unmade:
        apps = " and ".join(site.unmade)
        say(f"The models of {apps} differ from their migrations: `inv manage -- makemigrations`, and commit that.")


def at(target: Target) -> str:
    """Return the address of a deployment on this machine; "" for one elsewhere."""
    here = isinstance(target, Docker) and not target.context
    return f"http://localhost:{target.project.deploy_port}" if here else ""


def counted(replicas: int) -> str:
    return f"{replicas} replica{'s' * (replicas != 1)}"


def as_before(target: Target, now: Release | None, replicas: str | None, overlays: Iterable[str]) -> Target:
    """Return a target with as many replicas and the same files of compose/ as now, unless others are named.

    One with an empty name means none at all.
    """
    if replicas is not None and not re.fullmatch("[1-9][0-9]{0,2}", replicas):
        refuse(f"--replicas {replicas!r} is no number of replicas: write 1 or more, for example --replicas 3.")
    given = [*overlays]
    names = stack.joined(target.project, [name for name in given if name]) if given else (now.overlays if now else ())
    env, leaves = target.env, now and names and "db" in {*now.overlays} - {*names}
    if leaves and not (env.path.is_file() and env.values.get("DATABASE_URL")):
        elsewhere = f"set DATABASE_URL in {env.name} if it is elsewhere now"
        refuse(f"That would take the database out of what is deployed: add --with db, or {elsewhere}.")
    for name in {"debug", "dev", "https", "mail", "proxy", "swarm", "watch"} & {*names}:
        refuse(f"--with {name} is not for a deployment: leave it out.")
    return replace(target, overlays=names, replicas=int(replicas or 0) or (now and now.replicas) or target.replicas)


def with_backups(target: Target) -> Target:
    """Return a target that knows where its backups go, if compose/backup.yaml has joined."""
    if "backup" not in target.overlays:
        return target
    return replace(target, backup=destination.variables(target.project, target.env, name=target.backup_name))


def written(target: Target) -> EnvFile:
    """Return the environment file of a deployment, which is written where it is missing."""
    env = ensure(target.env)
    if "db" in target.overlays:
        env = ensure_password(env, stack.password_name(target.project))
    env.for_the_site({})  # refuses a malformed file
    return env


def provide(target: Target, repository: str, revision: str) -> str:
    """Build and push the image and return how a cluster names it; without a registry, its engine builds it."""
    project = target.project
    if repository:
        name = f"{repository}:{revision}"
        registry.build_and_tag(project, name)
        return registry.push(project, name) or name
    locking.mention_stale(project)
    command = image.build_command(project, (revision,), revision=git.revision(project))
    failed = engine.or_gone(project, partial(code.fault_of_build, project, image.NOT_BUILT))
    run(project, replace(command, shown=target.docker_context), failed)
    ref = image.name(project, revision)
    # By its id, which no engine looks for elsewhere.
    return target.ask("image", "inspect", "--format", "{{.Id}}", ref) or ref


def check(target: Target, new: Release, builder: Mapping[str, str]) -> probe.Site:
    """Return what the site in the image says of itself; raises `Exit` where it cannot have as many replicas."""
    if target.project.dry:
        return probe.Site("", (), ())
    site = probe.ask(target.project, new.image, target.variables(new), builder)
    if said := objection(target, site):
        refuse(said)
    return site


def objection(target: Target, site: probe.Site) -> str:
    """Return why a site cannot have so many replicas there, and what to do; "" if it can."""
    on_kubernetes = isinstance(target, Kubernetes)
    if target.replicas == 1 and not on_kubernetes:
        return ""
    if site.vendor == "sqlite":
        choices = "which a new replica finds again" if on_kubernetes else "or add --with db or --replicas 1"
        return f"The site's database is SQLite, a file that replicas cannot share: set DATABASE_URL, {choices}."
    if site.files and not target.shares_files():
        alone = f"{site.files[0]} keeps its files on one machine"
        return f"{alone}: {target.share}, or STORAGES a bucket (django-storages)."
    return ""


def by() -> str:
    """Return who deploys, as a person recognises it."""
    person = os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN") or getpass.getuser()
    return f"{person}@{socket.gethostname()}"


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def deployed(target: Target) -> list[Release]:
    """Return the releases of what is deployed, the one of now first; none with --dry.

    Raises `Exit` if nothing is deployed there, or for an environment file that is named and cannot be read.
    """
    target.require()
    if target.project.dry:
        return []
    if target.env.named:
        target.env.for_the_site({})  # refuses one that is missing, or malformed
    known = target.releases()
    if not known:
        refuse(f"{target.name} is not deployed here: `inv deploy --to {target.to}` does that.")
    return known


def enter(project: Project, to: str, context: str | None, words: tuple[str, ...]) -> None:
    """Run words, by default a shell, in a replica with its settings; raises `Exit` if nothing is deployed there."""
    target = target_of(project, to, context, flag="--deployed")
    deployed(target)
    target.run(target.exec_command(words or engine.SHELL, at_terminal()))


def logs(project: Project, to: str, context: str | None) -> None:
    """Show the log of all replicas; raises `Exit` if nothing is deployed there."""
    target = target_of(project, to, context, flag="--deployed")
    deployed(target)
    for command in target.logs_commands():
        target.run(command)


def rollback(project: Project, to: str, context: str | None, revision: str | None, env_file: str | None) -> None:
    """Go back to the version before, or to another that was deployed; says which migrations it does not know."""
    target = target_of(project, to, context, env_file)
    known = deployed(target)
    if project.dry:
        target.back(Release("IMAGE", revision or "REVISION", record="RECORD"))
        return
    chosen = choose(known, revision)
    target = replace(target, overlays=chosen.overlays, replicas=chosen.replicas or known[0].replicas)
    target = with_backups(target)
    if unknown := release.unknown_migrations(known[0], chosen):
        say(f"{chosen.revision} does not know {', '.join(unknown)}: they stay in the database.")
    begun = time.monotonic()
    with target.locked(known[0].image, by()):
        target.back(chosen)
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
    target = target_of(project, to, context)
    if project.dry:
        target.run(target.look())
        return
    target.require()
    found, others = target.status(), target.releases()[1:]
    say_all = as_data if as_json else as_text
    print(say_all(project, found, others, at(target)))


def as_data(project: Project, found: Status, others: list[Release], where: str) -> str:
    """Return a status for a program to read."""
    data = asdict(found)
    if found.release:
        del data["release"]["settings"], data["release"]["migrations"]
    older = is_older(project, found.release) if found.release else None
    revisions = [one.revision for one in others]
    return json.dumps({**data, "older_than_folder": older, "others": revisions, "address": where}, indent=2)


def is_older(project: Project, deployed: Release) -> bool:
    """Return whether the folder is not what is deployed."""
    return git.revision(project)[:12] != deployed.revision


def as_text(project: Project, found: Status, others: list[Release], where: str) -> str:
    """Return a status for a person to read."""
    if not found.release and not found.wanted:
        return f"{project.name} is not deployed here: `inv deploy` does that."
    replicas = f"{found.healthy} of {found.wanted} healthy{f', {found.doing}' * bool(found.doing)}"
    if not (deployed := found.release):
        return f"replicas  {replicas}"
    folder = "another than the folder" if is_older(project, deployed) else "as the folder is"
    back = [one.revision for one in others if one.at <= deployed.at]
    later = [one.revision for one in others if one.at > deployed.at]
    lines = {
        "revision": f"{deployed.revision}, {folder}{f'; older than {later[-1]}, deployed later' if later else ''}",
        "replicas": replicas,
        "deployed": f"{age(deployed.at)} ago, {deployed.at}, by {deployed.by}",
        "joined": " ".join(deployed.overlays),
        "image": deployed.image,
        "address": where,
        "rollback": f"goes to {back[0]}" if back else "",
    }
    return "\n".join(f"{name:8}  {value}" for name, value in lines.items() if value)


def age(at: str) -> str:
    """Return how long ago something was, in its largest unit."""
    seconds = int((datetime.now(timezone.utc) - datetime.fromisoformat(at.replace("Z", "+00:00"))).total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}{'s' * (seconds >= 2 * size)}"
    return f"{seconds} second{'s' * (seconds != 1)}"
