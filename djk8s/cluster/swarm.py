"""A Docker Swarm: the Compose files as a stack, rolled by Swarm itself. It keeps each release as a config."""

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from djk8s import engine
from djk8s.cluster import docker, lock, settings, stackfile
from djk8s.cluster.patience import Patience
from djk8s.cluster.release import Release, Status, Where, dumps, in_order, loads
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import run, taking_back
from djk8s.shell.talk import refuse, say

OVERLAYS = ("proxy", "swarm")
SERVICE = "com.docker.swarm.service.name"  # a label of each container of a Swarm
STACK = "com.docker.stack.namespace"  # `docker stack rm` removes what has this label
KEPT = 10  # releases that can be gone back to
CONTENT = '{{printf "%s" .Spec.Data}}'  # of a config
LOG = "20"  # lines
WEB = "web"
UNCHANGED = 3  # seconds in which Swarm begins to roll, if it has anything to roll
SHARE = "give the volume `data` a driver in docker-compose.yaml that all nodes share"
BY_ITSELF = "rollback_"  # how Swarm calls what it takes back
locked = lock.held


def require(project: Project, where: Where) -> None:
    """Raise `Exit` unless the engine manages a Swarm."""
    if project.dry:
        return
    docker.require(project, where)
    if docker.ask(project, where, "info", "--format", "{{.Swarm.ControlAvailable}}") != "true":
        refuse("This engine manages no Swarm: `docker swarm init` makes it a manager, or --context names one.")


def several_nodes(project: Project, where: Where) -> bool:
    return len(docker.ask(project, where, "node", "ls", "--quiet").split()) > 1


def needs_registry(project: Project, where: Where) -> bool:
    """Return whether other nodes have to get the image."""
    return several_nodes(project, where)


def shares_files(project: Project, where: Where) -> bool:
    """Return whether the replicas see the same uploads: on one node, or in a volume that is elsewhere."""
    volume = docker.config(project, where, "site", OVERLAYS)["volumes"].get("data", {})
    return not several_nodes(project, where) or "driver" in volume or "driver_opts" in volume


def releases(project: Project, where: Where) -> list[Release]:
    """Return what can be gone back to: what is deployed now, then what was before it, and then what came after."""
    return in_order(records(project, where), deployed_record(project, where))


def deployed_record(project: Project, where: Where) -> str:
    """Return the name of the config that keeps the release of now; "" if the service is not there."""
    label = f'{{{{index .Spec.Labels "{stackfile.RELEASE}"}}}}'
    return docker.ask(project, where, "service", "inspect", f"{where.name}_{WEB}", "--format", label)


def records(project: Project, where: Where) -> list[Release]:
    """Return the releases that the Swarm keeps."""
    form = f'{{{{.Name}}}}\t{{{{.Label "{stackfile.RELEASE}"}}}}'
    listed = docker.ask(project, where, "config", "ls", "--filter", f"label={STACK}={where.name}", "--format", form)
    pairs = (line.partition("\t") for line in listed.splitlines())
    return [one for name, _, label in pairs if (one := loads(label, name))]


def migrate(project: Project, where: Where, release: Release, allow_unsafe: bool) -> None:
    """Run the jobs of a new release and wait for them; raises `Exit` with the last lines of one that failed."""
    keep_volumes_here(project, where)
    files = docker.folder(project)
    allowed = {"UP_MIGRATE": "--allow-unsafe"} if allow_unsafe else {}
    reading = docker.config_command(project, where, release.image, OVERLAYS, allowed, files / "compose.json")
    env_file = project.shown(where.env_file)
    run(project, reading)
    run(project, Command((Path(sys.executable), "-m", "djk8s.cluster.settings", env_file), writes=files / "settings"))
    for stage in stackfile.STAGES:
        run(project, stage_command(project, where, release, stage))
    names = ["migrate", "static"] if project.dry else services(files / "jobs.json")
    try:
        if project.dry or services(files / "needed.json"):
            deploy_stage(project, where, "needed")
            wait_for_all(project, where, services(files / "needed.json"))
        remove_jobs(project, where, names)
        deploy_stage(project, where, "jobs")
        wait_for_jobs(project, where, names)
    finally:
        remove_jobs(project, where, names)


def stage_command(project: Project, where: Where, release: Release, stage: str) -> Command:
    """Return the command that writes one stage of a deployment."""
    files = docker.FOLDER
    whole = project.root / files
    name = settings_name(where, release)
    words = (stage, release.image, name, "settings", release.record)
    return Command(
        (Path(sys.executable), "-m", "djk8s.cluster.stackfile", *words),
        reads=whole / "compose.json",
        writes=whole / f"{stage}.json",
    )


def settings_name(where: Where, release: Release) -> str:
    return stackfile.digested(f"{where.name}-settings", settings.secret(release.settings).encode())


def services(file: Path) -> list[str]:
    """Return the names of the services in a stack's file; none if --dry did not write it."""
    return sorted(json.loads(file.read_text(encoding="utf-8"))["services"]) if file.is_file() else []


def deploy_stage(project: Project, where: Where, stage: str) -> None:
    """Deploy one stage. The image is named by its digest already, so no registry is asked."""
    options = ("--detach=true", "--resolve-image", "never", "--with-registry-auth")
    file = docker.FOLDER / f"{stage}.json"  # relative, as docker takes commas and quotes apart
    words = ("stack", "deploy", *options, "--compose-file", str(file), where.name)
    failed = "Swarm did not take the stack, see above; the old version serves."
    run(project, docker.command(project, where, *words), failed)


def remove_left_over(project: Project, where: Where, stage: str) -> None:
    """Remove the services that joined another release and not this one, now that no replica needs them."""
    joined = {f"{where.name}_{name}" for name in services(docker.folder(project) / f"{stage}.json")}
    words = ("service", "ls", "--filter", f"label={STACK}={where.name}", "--format", "{{.Name}}")
    if others := sorted({*docker.ask(project, where, *words).split()} - joined):
        run(project, docker.command(project, where, "service", "rm", *others))


def keep_volumes_here(project: Project, where: Where) -> None:
    """Choose the node that keeps the volumes of the database, unless one was chosen before."""
    label = stackfile.volumes_label(where.name).replace(" == ", "=")
    if project.dry or not docker.ask(project, where, "node", "ls", "--quiet", "--filter", f"node.label={label}"):
        here = "NODE" if project.dry else docker.ask(project, where, "info", "--format", "{{.Swarm.NodeID}}")
        run(project, docker.command(project, where, "node", "update", "--label-add", label, here))


def remove_jobs(project: Project, where: Where, names: list[str]) -> None:
    """Remove jobs that have ended, so that the next ones of the same name begin from nothing."""
    there = "" if project.dry else docker.ask(project, where, "service", "ls", "--format", "{{.Name}}")
    if jobs := [name for one in names if (name := f"{where.name}_{one}") in there.split()]:
        run(project, docker.command(project, where, "service", "rm", *jobs))


class Task(NamedTuple):
    """One replica of a service, now or earlier, as `docker stack ps` shows it."""

    id: str
    service: str
    image: str
    wanted: str  # the state that it should have
    state: str
    error: str

    @property
    def runs(self) -> bool:
        """Return whether it is healthy; what ran on a node that is gone should be shut down."""
        return self.wanted == "Running" and self.state.startswith("Running")

    @property
    def failed(self) -> bool:
        return self.state.startswith(("Failed", "Rejected"))

    @property
    def never_started(self) -> bool:
        """Return whether the engine failed to start it, in SwarmKit's words."""
        return "starting container failed" in self.error

    @property
    def why(self) -> str:
        return self.error or self.state


def tasks(project: Project, where: Where) -> list[Task]:
    """Return the replicas of all services, the newest of each first."""
    form = "{{.ID}}\t{{.Name}}\t{{.Image}}\t{{.DesiredState}}\t{{.CurrentState}}\t{{.Error}}"
    listed = docker.ask(project, where, "stack", "ps", where.name, "--no-trunc", "--format", form)
    found = []
    for line in listed.splitlines():
        task, name, image, wanted, state, error = [*line.split("\t"), ""][:6]
        service = name.removeprefix(f"{where.name}_").partition(".")[0]
        found.append(Task(task, service, image, wanted, state, error.strip()))
    return found


def replicas(project: Project, where: Where, found: list[Task] | None = None) -> dict[str, str]:
    """Return how many of each service run, such as 2/3, or (1/1 completed) after a job.

    `docker service ls` counts what ran on a node that is gone, too.
    """
    words = ("service", "ls", "--filter", f"label={STACK}={where.name}", "--format", "{{.Name}} {{.Replicas}}")
    running = Counter(task.service for task in found or tasks(project, where) if task.runs)
    counted = {}
    for line in docker.ask(project, where, *words).splitlines():
        name, _, said = line.removeprefix(f"{where.name}_").partition(" ")
        counted[name] = said if "completed" in said else f"{running[name]}/{said.partition('/')[2]}"
    return counted


def is_whole(said: str) -> bool:
    """Return whether as many replicas run as are wanted, which Swarm says as 3/3."""
    running, wanted = said.split()[0].split("/")
    return running == wanted


def latest(found: list[Task], names: list[str]) -> str:
    """Return the state of some services, as a sentence about their newest replicas."""
    newest = {task.service: task for task in reversed(found) if task.service in names}
    return ", ".join(f"{name}: {task.state} {task.error}".strip() for name, task in sorted(newest.items()))


def wait_for_all(project: Project, where: Where, names: list[str]) -> None:
    """Wait until every replica of some services is healthy."""
    patience = Patience()
    while not project.dry:
        found = tasks(project, where)
        said = replicas(project, where, found)
        missing = [name for name in names if not is_whole(said.get(name, "0/1"))]
        if not missing:
            return
        patience.step(latest(found, missing) or "Swarm starts them")


def wait_for_jobs(project: Project, where: Where, names: list[str]) -> None:
    """Wait until jobs are done; raises `Exit` with the last lines of one that failed."""
    patience = Patience()
    while not project.dry:
        found = tasks(project, where)
        said = replicas(project, where, found)
        done = [re.search(r"\((\d+)/(\d+) completed\)", said.get(name, "")) for name in names]
        if all(one and one[1] == one[2] != "0" for one in done):
            return
        for task in found:
            if task.service in names and task.failed:
                show_log(project, where, task.id)
                refuse(f"The job {task.service} failed ({task.why}), see above; the old version serves.")
        patience.step(latest(found, names))


def show_log(project: Project, where: Where, task: str) -> None:
    """Show the last lines of the log of a task."""
    engine.show_last(project, "service", "logs", "--raw", "--tail", LOG, task, variables=docker.variables(where))


def roll(project: Project, where: Where, release: Release) -> None:
    """Replace the replicas one by one; a version that is not healthy is taken back, and then raises `Exit`."""
    before = None if project.dry else current(project, where)
    label = f"{stackfile.RELEASE}={dumps(release)}"
    labels = ("--label", f"{STACK}={where.name}", "--label", label)
    record = str(docker.FOLDER / "record.json")
    run(project, stage_command(project, where, release, "record"))
    run(project, docker.command(project, where, "config", "create", *labels, release.record, record))
    change(project, where, release, before, "site")
    forget(project, where)


def back(project: Project, where: Where, release: Release) -> None:
    """Replace the replicas by those of a release that was deployed before, with the settings of then."""
    before = None if project.dry else current(project, where)
    fetch(project, where, release)
    change(project, where, release, before, "record")


def fetch(project: Project, where: Where, release: Release) -> None:
    """Write the stack of a release as it was deployed."""
    words = ("config", "inspect", "--format", CONTENT, release.record)
    run(project, docker.command(project, where, *words, writes=docker.folder(project) / "record.json"))


def current(project: Project, where: Where) -> Release | None:
    """Return the release that is deployed, if the service is there."""
    name = deployed_record(project, where)
    return next((one for one in records(project, where) if one.record == name), None)


def change(project: Project, where: Where, release: Release, before: Release | None, stage: str) -> None:
    """Deploy the site's stage and wait for it; what fails, or is interrupted, is taken back."""
    with taking_back(project, lambda: take_back(project, where, release, before)):
        deploy_stage(project, where, stage)
        if not project.dry:
            wait_for_roll(project, where, release)
            remove_left_over(project, where, stage)


def is_hopeless(failed: list[Task]) -> bool:
    """Return whether a first deployment has failed. Swarm itself goes on trying, and an engine may stumble once."""
    return len(failed) > 1 or any(not task.never_started for task in failed)


def wait_for_roll(project: Project, where: Where, release: Release) -> None:
    """Wait until Swarm has replaced every replica; raises `Exit` where it takes the new version back."""
    begun, patience = time.monotonic(), Patience()
    while True:
        service, found = inspect(project, where), tasks(project, where)
        state = (service.get("UpdateStatus") or {}).get("State", "")
        failed = [task for task in found if task.service == WEB and task.failed and task.image == release.image]
        settled = state == "completed" or (not state and time.monotonic() - begun > UNCHANGED)
        if state.startswith(BY_ITSELF) or state == "paused" or (not state and is_hopeless(failed)):
            if failed:
                show_log(project, where, failed[0].id)
            why = failed[0].why if failed else service["UpdateStatus"].get("Message", state)
            refuse(f"{release.revision} did not get healthy ({why}){', see above' if failed else ''}.")
        if settled and is_whole(replicas(project, where, found).get(WEB, "0/1")):
            break
        patience.step(f"{latest(found, [WEB])}, {state or 'starting'}")
    there = replicas(project, where)
    wait_for_all(project, where, [name for name, said in there.items() if name != WEB and "completed" not in said])


def inspect(project: Project, where: Where) -> dict[str, Any]:
    """Return what Swarm says of the site's service."""
    said = docker.ask(project, where, "service", "inspect", f"{where.name}_{WEB}", "--format", "{{json .}}")
    found: dict[str, Any] = json.loads(said) if said else {}
    return found


def take_back(project: Project, where: Where, release: Release, before: Release | None) -> None:
    """Bring back what was deployed before, where Swarm did not do so, and forget the release that failed."""
    if before is None:
        run(project, docker.command(project, where, "stack", "rm", where.name))
        say("Nothing was deployed before, so nothing is now; the volumes stay.")
        return
    fetch(project, where, before)
    deploy_stage(project, where, "record")
    patience = Patience()
    while rolling(project, where) or not is_whole(replicas(project, where).get(WEB, "0/1")):
        patience.step("the old version comes back")
    remove_left_over(project, where, "record")
    if release.record != before.record and release.settings:
        run(project, docker.command(project, where, "config", "rm", release.record))
    say(f"{before.revision} serves, as before.")


def rolling(project: Project, where: Where) -> str:
    """Return "rolling" or "rolling back" if Swarm is replacing replicas, else ""."""
    state = (inspect(project, where).get("UpdateStatus") or {}).get("State", "")
    return {"updating": "rolling", "rollback_started": "rolling back"}.get(state, "")


def forget(project: Project, where: Where) -> None:
    """Remove the oldest releases, and the settings and files that no release has any more."""
    if project.dry:
        return
    names = [one.record for one in sorted(records(project, where), key=lambda one: one.at, reverse=True)]
    kept = docker.ask(project, where, "config", "inspect", "--format", CONTENT, *names[:KEPT])
    for kind in ("config", "secret") if kept else ():
        of_stack = ("--filter", f"label={STACK}={where.name}", "--format", "{{.Name}}")
        there = docker.ask(project, where, kind, "ls", *of_stack)
        old = [name for name in there.split() if name not in names[:KEPT] and f'"{name}"' not in kept]
        if old:
            docker.ask(project, where, kind, "rm", *old)  # but for those that something else still has


def variables(project: Project, where: Where, release: Release) -> dict[str, str]:
    """Return the variables that the site has in a deployment."""
    return docker.site_variables(project, where, release, OVERLAYS)


def exec_command(project: Project, where: Where, words: tuple[str, ...], terminal: bool) -> Command:
    """Return the command that runs words in a replica, with the settings that its entrypoint reads."""
    replica = container(project, where, WEB)
    entrypoint = ("inspect", "--format", '{{join .Config.Entrypoint " "}}', replica)
    before = docker.ask(project, where, *entrypoint).split() if not project.dry else ["ENTRYPOINT"]
    return docker.command(project, where, "exec", *engine.with_input(terminal), replica, *before, *words)


def container(project: Project, where: Where, service: str) -> str:
    """Return a container of a service on the node whose engine answers; raises `Exit` if there is none."""
    if project.dry:
        return "CONTAINER"
    name = f"{where.name}_{service}"
    here = docker.ask(project, where, "ps", "--quiet", "--filter", f"label={SERVICE}={name}").split()
    if here:
        return here[0]
    there = ("--filter", "desired-state=running", "--format", "{{.Node}}")
    nodes = docker.ask(project, where, "service", "ps", *there, name).split()
    if not nodes:
        refuse(f"{name} does not run: `inv status --to swarm` says more.")
    return refuse(f"{name} runs on {nodes[0]}: --context has to name the engine there, and the node be a manager.")


def logs_commands(project: Project, where: Where) -> list[Command]:
    """Return the commands that show the log of each replica.

    That of the whole service never ends where it is long (Docker 26).
    """
    if project.dry:
        return [docker.command(project, where, "service", "logs", "TASK")]
    web = [task for task in tasks(project, where) if task.service == WEB]
    shown = [task for task in web if task.wanted == "Running"] or web[:1]
    return [docker.command(project, where, "service", "logs", task.id) for task in shown]


def look(project: Project, where: Where) -> Command:
    """Return the command that shows a deployment."""
    return docker.command(project, where, "stack", "services", where.name)


def status(project: Project, where: Where) -> Status:
    """Return what is deployed, and how many of its replicas are healthy."""
    counted = replicas(project, where).get(WEB)
    if not counted:
        return Status(None)
    running, wanted = counted.split()[0].split("/")
    return Status(current(project, where), int(wanted), int(running), rolling(project, where))
