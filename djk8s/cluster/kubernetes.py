"""Kubernetes: the manifests of kubernetes/, rolled by Kubernetes itself. It keeps each release as a ReplicaSet."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from djk8s.cluster import docker, kubectl, kustomization, lease
from djk8s.cluster.patience import Patience
from djk8s.cluster.release import Release, Status, Where, dumps, in_order, loads
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import run, taking_back
from djk8s.shell.talk import refuse, say

OVERLAYS = Path("kubernetes", "overlays")
FOLDER = docker.FOLDER / "kubernetes"
WEB = "deployment/web"
FIRST = "apply=first"  # the label of what the migration needs
REVISION = "deployment.kubernetes.io/revision"
LOG = "20"  # lines
# Reasons to wait that never pass: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states
IN_VAIN = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "ErrImageNeverPull",
    "ImagePullBackOff",
    "InvalidImageName",
}
STEP = 2  # seconds between two looks
DONE = "successfully rolled out"
HASH = "pod-template-hash"
SHARE = "mount a claim that all nodes may write to for the volume `data` in kubernetes/"


def require(project: Project, where: Where) -> None:
    """Raise `Exit` unless the cluster answers and the overlay is there."""
    if not (project.root / OVERLAYS / where.overlay / "kustomization.yaml").is_file():
        there = OVERLAYS / where.overlay
        refuse(f"There is no {there}: copy {OVERLAYS / 'example'} to it, or correct `deploy.overlay` in invoke.yaml.")
    if project.dry:
        return
    answer = kubectl.question(project, where, "version", "--output", "json")
    if answer.returncode:
        say(answer.stderr.strip())
        refuse("The cluster does not answer, see above: `kubectl config get-contexts` shows those for --context.")


def manifests(project: Project, where: Where) -> list[dict[str, Any]]:
    """Return the objects of the overlay; raises `Exit` if kubectl cannot read it."""
    words = ("create", "--dry-run=client", "--validate=false", "--output", "json")
    answer = kubectl.question(project, where, *words, "--kustomize", str(OVERLAYS / where.overlay))
    if answer.returncode:
        say(answer.stderr.strip())
        refuse(f"kubectl cannot read {OVERLAYS / where.overlay}, see above.")
    return list(objects(answer.stdout))


def objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects that are written one after another."""
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        found, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        yield from found["items"] if found["kind"] == "List" else [found]


def variables(project: Project, where: Where, release: Release) -> dict[str, str]:
    """Return the variables that the site has in a deployment: its settings, and what the overlay adds."""
    maps = [one for one in manifests(project, where) if one["kind"] == "ConfigMap"]
    return {**release.settings, **{name: value for one in maps for name, value in one.get("data", {}).items()}}


def needs_registry(project: Project, where: Where) -> bool:
    """Return True: the nodes have no other way to the image."""
    return True


def shares_files(project: Project, where: Where) -> bool:
    """Return whether the replicas see the same uploads: if `data` is more than a folder of each."""
    web = [one for one in manifests(project, where) if (one["kind"], one["metadata"]["name"]) == ("Deployment", "web")]
    volumes = [volume for one in web for volume in one["spec"]["template"]["spec"].get("volumes", [])]
    return any(volume["name"] == "data" and "emptyDir" not in volume for volume in volumes)


@contextmanager
def locked(project: Project, where: Where, image: str, by: str) -> Iterator[None]:
    """Keep others from deploying; raises `Exit` with the name of somebody who does."""
    if project.dry or not kubectl.get(project, where, "namespace", where.name):
        run(project, kubectl.command(where, "create", "namespace", where.name))
    with lease.held(project, where, by):
        yield


def replica_sets(project: Project, where: Where) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = kubectl.get(project, where, "replicasets", "--selector", "app=web").get("items", [])
    return found


def releases(project: Project, where: Where) -> list[Release]:
    """Return what can be gone back to: what is deployed now, then what was before it, and then what came after."""
    notes = [one["metadata"].get("annotations", {}) for one in replica_sets(project, where)]
    known = [one for note in notes if (one := release_of(note))]
    return in_order(known, annotations(project, where).get(REVISION, ""))


def annotations(project: Project, where: Where) -> dict[str, str]:
    """Return the annotations of the site's Deployment, one of which is its release."""
    found: dict[str, str] = kubectl.get(project, where, WEB).get("metadata", {}).get("annotations", {})
    return found


def release_of(annotations: Mapping[str, str]) -> Release | None:
    return loads(annotations.get(kustomization.RELEASE, ""), annotations.get(REVISION, ""))


def migrate(project: Project, where: Where, release: Release, allow_unsafe: bool) -> None:
    """Run the migration of a new release and wait; raises `Exit` with its last lines if it failed."""
    docker.folder(project)
    write(project, where, release, allow_unsafe)
    run(project, kubectl.command(where, "delete", "job", "migrate", "--ignore-not-found"))
    run(project, kubectl.command(where, "apply", "-k", FOLDER, "--selector", FIRST))
    if project.dry:
        run(project, kubectl.command(where, "wait", "--for", "condition=complete", "--timeout", "1h", "job/migrate"))
    else:
        wait_for_job(project, where)


def write(project: Project, where: Where, release: Release, allow_unsafe: bool) -> None:
    """Write the settings, and the kustomization that names them."""
    settings = project.root / FOLDER / "settings"
    writing = (Path(sys.executable), "-m", "djk8s.cluster.settings", project.shown(where.env_file), settings)
    run(project, Command(writing))
    overlay = Path("..", "..", "..", OVERLAYS, where.overlay)
    known = (settings, overlay.as_posix(), where.name, release.image, str(where.replicas), dumps(release))
    words = ["--allow-unsafe"] * allow_unsafe
    file = project.root / FOLDER / "kustomization.yaml"
    run(project, Command((Path(sys.executable), "-m", "djk8s.cluster.kustomization", *known, *words), writes=file))


def wait_for_job(project: Project, where: Where) -> None:
    """Wait until the migration is done; raises `Exit` with its last lines if it failed."""
    patience = Patience()
    while True:
        state = kubectl.get(project, where, "job", "migrate").get("status", {})
        if state.get("succeeded"):
            return
        waiting = waits_for(project, where, "app=migrate")
        if state.get("failed") or waiting in IN_VAIN:
            show_log(project, where, "app=migrate")
            refuse(f"The migration failed{f' ({waiting})' * bool(waiting)}, see above; the old version serves.")
        if patience.step(f"migrate: {waiting or 'running'}"):
            show_log(project, where, "app=migrate")


def waits_for(project: Project, where: Where, selector: str) -> str:
    """Return why containers do not run yet, as ImagePullBackOff."""
    form = "jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason}"
    return kubectl.ask(project, where, "get", "pods", "--selector", selector, "--output", form).partition(" ")[0]


def show_log(project: Project, where: Where, selector: str) -> None:
    """Show the last lines of the newest pod, of its container before if that died, and what Kubernetes says of it."""
    newest = ("get", "pods", "--selector", selector, "--sort-by", ".metadata.creationTimestamp", "--output", "name")
    pod = kubectl.ask(project, where, *newest).rpartition("\n")[2]
    if not pod:
        return
    logs = (kubectl.ask(project, where, "logs", pod, "--tail", LOG, *more) for more in (("--previous",), ()))
    events = ("get", "events", "--field-selector", f"type=Warning,involvedObject.name={pod.partition('/')[2]}")
    columns = ("--no-headers", "--output", "custom-columns=:.reason,:.message")
    said = [*logs, kubectl.ask(project, where, *events, *columns)]
    say("\n".join(text for text in said if text))


def roll(project: Project, where: Where, release: Release) -> None:
    """Replace the replicas one by one; a version that is not healthy is taken back, and then raises `Exit`."""
    before = None if project.dry else current(project, where)
    with taking_back(project, lambda: take_back(project, where, release, before)):
        run(project, kubectl.command(where, "apply", "-k", FOLDER))
        scale(project, where)
        wait(project, where, release)
    forget(project, where)


def scale(project: Project, where: Where) -> None:
    """Scale to the number that was asked for; where there is an autoscaler, only upwards."""
    found = {} if project.dry else kubectl.get(project, where, WEB)["spec"]
    more = not project.dry and bool(kubectl.get(project, where, "horizontalpodautoscaler/web"))
    if found.get("replicas", 1) < where.replicas or (not more and found.get("replicas") != where.replicas):
        run(project, kubectl.command(where, "scale", WEB, f"--replicas={where.replicas}"))


def wait(project: Project, where: Where, release: Release) -> None:
    """Wait until Kubernetes has replaced every replica; raises `Exit` with the last log lines where it cannot.

    Kubernetes itself would go on for long with a version that dies again and again but is ready for a moment each time.
    """
    if project.dry:
        run(project, kubectl.command(where, "rollout", "status", WEB))
        return
    said, failures = "", 0
    while DONE not in said:
        answer = kubectl.question(project, where, "rollout", "status", WEB, "--watch=false")
        if (now := answer.stdout.strip() or answer.stderr.strip()) != said:
            say(now)
        said, failures = now, failures + 1 if answer.returncode else 0
        its = replicas_of(project, where, release)
        waiting = waits_for(project, where, its) if its else ""
        if failures == kubectl.ATTEMPTS or waiting in IN_VAIN:
            show_log(project, where, its or "app=web")
            refuse(f"{release.revision} did not get healthy{f' ({waiting})' * bool(waiting)}, see above.")
        time.sleep(STEP)


def replicas_of(project: Project, where: Where, release: Release) -> str:
    """Return what selects the replicas of a release among those of others, or nothing if it has none yet."""
    labels = [one["metadata"]["labels"] for one in sets_of(project, where, release)]
    return f"app=web,{HASH}={labels[0][HASH]}" if labels else ""


def sets_of(project: Project, where: Where, release: Release) -> list[dict[str, Any]]:
    """Return the ReplicaSet of a release."""
    notes = ((one, one["metadata"].get("annotations", {})) for one in replica_sets(project, where))
    return [one for one, note in notes if (found := release_of(note)) and found.at == release.at]


def take_back(project: Project, where: Where, release: Release, before: Release | None) -> None:
    """Bring back what was deployed before, and forget the release that failed."""
    if before is None:
        run(project, kubectl.command(where, "delete", WEB, "--ignore-not-found"))
        say("Nothing was deployed before, so nothing is now.")
        return
    back_to(project, where, before)
    say(f"{before.revision} serves, as before.")
    failed = [one["metadata"]["name"] for one in sets_of(project, where, release) if not one["spec"]["replicas"]]
    if failed and release.settings:
        run(project, kubectl.command(where, "delete", "replicaset", *failed))


def back(project: Project, where: Where, release: Release) -> None:
    """Replace the replicas by those of a release that was deployed before, with the settings of then."""
    before = None if project.dry else current(project, where)
    with taking_back(project, lambda: back_to(project, where, before) if before else None):
        back_to(project, where, release)


def back_to(project: Project, where: Where, release: Release) -> None:
    run(project, kubectl.command(where, "rollout", "undo", WEB, f"--to-revision={release.record}"))
    wait(project, where, release)


def current(project: Project, where: Where) -> Release | None:
    """Return the release that is deployed."""
    return release_of(annotations(project, where))


def forget(project: Project, where: Where) -> None:
    """Remove the settings that no release has any more."""
    if project.dry:
        return
    used = json.dumps(replica_sets(project, where))
    for kind in ("secrets", "configmaps"):
        names = kubectl.ask(project, where, "get", kind, "--selector", FIRST, "--output", "name").split()
        if old := [name for name in names if f'"{name.partition("/")[2]}"' not in used]:
            run(project, kubectl.command(where, "delete", *old))


def exec_command(project: Project, where: Where, words: tuple[str, ...], terminal: bool) -> Command:
    """Return the command that runs words in a replica."""
    return kubectl.command(where, "exec", *(("--stdin", "--tty") if terminal else ("--stdin",)), WEB, "--", *words)


def logs_commands(project: Project, where: Where) -> list[Command]:
    """Return the command that shows the log of the replicas."""
    return [kubectl.command(where, "logs", "--selector", "app=web", "--prefix", "--tail", "-1")]


def look(project: Project, where: Where) -> Command:
    """Return the command that shows a deployment."""
    return kubectl.command(where, "get", WEB)


def status(project: Project, where: Where) -> Status:
    """Return what is deployed, and how many of its replicas are healthy."""
    found = kubectl.get(project, where, WEB)
    if not found:
        return Status(None)
    wanted, state = found["spec"]["replicas"], found.get("status", {})
    rolling = state.get("updatedReplicas", 0) < wanted or state.get("replicas", 0) > wanted
    return Status(current(project, where), wanted, state.get("readyReplicas", 0), "rolling" * rolling)
