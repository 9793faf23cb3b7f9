"""One machine, with Compose: new containers beside the old ones, and then without them. nginx in front asks them all.

Compose keeps no history, so each container of the site has, in a label, its release and those before it.
"""

import json
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from invoke import Exit

from djk8s import engine
from djk8s.cluster import docker, lock
from djk8s.cluster.release import Release, Status, Where, dumps, in_order, loads
from djk8s.project import PROJECT, Project
from djk8s.shell.command import Command
from djk8s.shell.run import run, taking_back
from djk8s.shell.talk import refuse

OVERLAYS = ("proxy",)
LABELS = "labels.json"
RELEASE, BEFORE = "djk8s.release", "djk8s.before"
WEB = "web"
NOT_ONE_OFF = ("--filter", "label=com.docker.compose.oneoff=False")  # not of `docker compose run`
KEPT = 10  # releases that can be gone back to
LOG = "20"  # lines
TRIAL = 15  # seconds that a new version has to stay healthy before it gets requests; compose/swarm.yaml has the same
UP = ("up", "--detach", "--wait", "--no-build", "--no-deps")
BESIDE = (*UP, "--no-recreate")
BACKUP = ("up", "--detach", "--wait", "--no-deps", "--build", "backup")
STEP = 0.5  # seconds between two looks
SHARE = ""  # there is one machine, which has one volume
ALONE = {"worker", "backup"}  # overlays without which a migration can run
locked = lock.held


def require(project: Project, where: Where) -> None:
    """Raise `Exit` unless the engine is this machine's, which has the files that Compose mounts."""
    if project.dry:
        return
    docker.require(project, where)
    if where.context and docker.is_elsewhere(project, where):
        refuse("Compose mounts files of this machine: `inv deploy --to swarm` is for another one, even if it is alone.")


def needs_registry(project: Project, where: Where) -> bool:
    """Return False: the machine has the image that it built."""
    return False


def shares_files(project: Project, where: Where) -> bool:
    """Return True: the replicas share a volume of their machine."""
    return True


def containers(project: Project, where: Where) -> list[str]:
    """Return the containers of the site, those of one-off commands left out."""
    which = (*engine.of_compose(where.name, WEB), *NOT_ONE_OFF)
    return docker.ask(project, where, "ps", "--quiet", "--no-trunc", *which).split()


def releases(project: Project, where: Where) -> list[Release]:
    """Return what is deployed, and then what was before it, the newest first."""
    found = containers(project, where)
    if not found:
        return []
    form = f'{{{{index .Config.Labels "{RELEASE}"}}}}\t{{{{index .Config.Labels "{BEFORE}"}}}}'
    now, _, before = docker.ask(project, where, "inspect", "--format", form, found[0]).partition("\t")
    earlier = json.loads(before) if before.startswith("[") else []
    return [replace(one, record=one.at) for label in (now, *earlier) if (one := loads(label))]


def labelled(project: Project, where: Where, release: Release, before: list[Release]) -> None:
    """Write the overlay that gives the containers of the site their labels."""
    labels = {RELEASE: dumps(release), BEFORE: json.dumps([dumps(one) for one in before[:KEPT]])}
    docker.write_overlay(project, LABELS, {"services": {"web": {"labels": labels}}})


def compose(project: Project, where: Where, image: str, *words: str) -> Command:
    """Return a Compose command on the files of a deployment and its labels."""
    labels = project.root / docker.FOLDER / LABELS
    file = {"UP_ENV_FILE": project.shown(where.env_file)}
    return docker.compose(project, where, image, *words, more=OVERLAYS, files=(labels,), shown=file)


def migrate(project: Project, where: Where, release: Release, allow_unsafe: bool) -> None:
    """Migrate with the new image; raises `Exit` if that fails, and then nothing else has changed."""
    before = [] if project.dry else releases(project, where)
    labelled(project, where, release, [one for one in before if one.revision != release.revision])
    bring_needed(project, where, release)
    once = ("run", "--rm", "--no-deps", "--no-TTY")
    words = ("web", "python", "-m", "serving.migrate", *(["--allow-unsafe"] if allow_unsafe else []))
    failed = "It was not migrated, see above; the old version serves."
    run(project, compose(project, where, release.image, *once, *words), failed)
    run(project, compose(project, where, release.image, *once, "static"))


def bring_needed(project: Project, where: Where, release: Release) -> None:
    """Bring up what the site cannot be without; a database that is up stays as it is, others follow their file."""
    for name in where.overlays:
        if name not in ALONE:
            run(project, compose(project, where, release.image, *(BESIDE if name == "db" else UP), name))


def roll(project: Project, where: Where, release: Release) -> None:
    """Try the new version without requests, then put as many of it beside the old ones, and then stop those."""
    old = [] if project.dry else containers(project, where)
    with taking_back(project, lambda: take_back(project, where, old)):
        trial(project, where, release)
        for count in range(1, where.replicas + 1):  # one by one, as a start takes a processor
            words = (*BESIDE, "--scale", f"web={len(old) + count}", "web")
            run(project, compose(project, where, release.image, *words), f"{release.revision} did not get healthy.")
    remove(project, where, old)
    # Nothing that serves is made anew: nginx, or a database, would be away for a moment.
    lines: list[tuple[str, ...]] = [(*BESIDE, "--scale", f"web={where.replicas}", "web", "proxy")]
    if others := workers(project, where, release):
        lines.append((*UP, *others))
    if "backup" in where.overlays:
        lines.append(BACKUP)
    for line in lines:
        run(project, compose(project, where, release.image, *line), "Not all of it is healthy, see above.")
    remove(project, where, left_over(project, where, release))


def remove(project: Project, where: Where, names: list[str]) -> None:
    """Stop containers, one by one, and remove them."""
    for container in names:
        run(project, docker.command(project, where, "stop", container[:12]))
        run(project, docker.command(project, where, "rm", container[:12]))


def left_over(project: Project, where: Where, release: Release) -> list[str]:
    """Return the containers of services that joined an earlier release and not this one.

    A person's own Compose file may bring up a project of the same name, without our label.
    """
    if project.dry:
        return []
    services = docker.config(project, where, release.image, OVERLAYS)["services"]
    joined = {name for name, one in services.items() if one.get("scale") != 0}
    which = (*engine.of_compose(where.name), "--filter", f"label={PROJECT}={where.name}", *NOT_ONE_OFF)
    form = f'{{{{.ID}}}} {{{{.Label "{engine.COMPOSE_SERVICE}"}}}}'
    listed = docker.ask(project, where, "ps", "--all", *which, "--format", form)
    return [line.split()[0] for line in listed.splitlines() if line.split()[-1] not in joined]


def workers(project: Project, where: Where, release: Release) -> list[str]:
    """Return the services that run the site's image beside it, and do not end by themselves."""
    if project.dry:
        return [name for name in where.overlays if name == "worker"]
    services = docker.config(project, where, release.image, OVERLAYS)["services"]
    site = {name: one for name, one in services.items() if one["image"] == services["web"]["image"] and name != "web"}
    return sorted(name for name, one in site.items() if one.get("scale") != 0 and one.get("restart") != "no")


def trial(project: Project, where: Where, release: Release) -> None:
    """Run one container that nginx does not find, until it was healthy for a while; raises `Exit` if it was not."""
    name = f"{where.name}-trial"
    words = ("run", "--detach", "--no-deps", "--name", name, "web")
    try:
        run(project, compose(project, where, release.image, *words))
        if not project.dry:
            watch(project, where, release, name)
    finally:
        run(project, docker.command(project, where, "rm", "--force", name))


def watch(project: Project, where: Where, release: Release, container: str) -> None:
    """Wait until a container was healthy for a while; raises `Exit` with its last log lines if it does not get so."""
    healthy_since, states = None, "{{.State.Status}} {{.State.Health.Status}}"
    late = time.monotonic() + project.ready_within
    while healthy_since is None or time.monotonic() - healthy_since < TRIAL:
        state = docker.ask(project, where, "inspect", "--format", states, container)
        if state == "running healthy":
            healthy_since = healthy_since or time.monotonic()
        elif healthy_since or not state.startswith("running") or time.monotonic() > late:
            engine.show_last(project, "logs", "--tail", LOG, container, variables=docker.variables(where))
            refuse(f"{release.revision} did not stay healthy ({state}), see above; the old version serves.")
        time.sleep(STEP)


def take_back(project: Project, where: Where, old: list[str]) -> None:
    """Remove the new containers of the site."""
    new = [container for container in containers(project, where) if container not in old]
    if new:
        with suppress(Exit):
            run(project, docker.command(project, where, "rm", "--force", *(one[:12] for one in new)))


def back(project: Project, where: Where, release: Release) -> None:
    """Deploy a release that was deployed before; its settings are those of today."""
    before = [] if project.dry else releases(project, where)
    if not project.dry and not docker.ask(project, where, "image", "inspect", "--format", "{{.Id}}", release.image):
        refuse(f"The image of {release.revision} is not here any more: deploy it anew from its commit.")
    labelled(project, where, release, in_order(before, release.at)[1:])
    bring_needed(project, where, release)
    roll(project, where, release)


def variables(project: Project, where: Where, release: Release) -> dict[str, str]:
    """Return the variables that the site has in a deployment."""
    return docker.site_variables(project, where, release, OVERLAYS)


def exec_command(project: Project, where: Where, words: tuple[str, ...], terminal: bool) -> Command:
    """Return the command that runs words in a replica."""
    replica = "CONTAINER" if project.dry else containers(project, where)[0][:12]
    return docker.command(project, where, "exec", *engine.with_input(terminal), replica, *words)


def logs_commands(project: Project, where: Where) -> list[Command]:
    """Return the command that shows the log of the replicas, which Compose finds by the project's name."""
    words = ("compose", "--project-name", where.name, "logs", WEB)
    return [docker.command(project, where, *words, cwd=Path(project.root.anchor))]


def look(project: Project, where: Where) -> Command:
    """Return the command that shows a deployment."""
    return docker.command(project, where, "ps", *engine.of_compose(where.name))


def status(project: Project, where: Where) -> Status:
    """Return what is deployed, and how many of its replicas are healthy."""
    found = containers(project, where)
    known = releases(project, where)
    if not found:
        return Status(None)
    states = docker.ask(project, where, "inspect", "--format", "{{.State.Health.Status}}", *found).split()
    wanted = known[0].replicas if known else len(found)
    return Status(known[0] if known else None, wanted, states.count("healthy"), "rolling" * (len(found) > wanted))
