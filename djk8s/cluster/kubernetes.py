"""Kubernetes: the manifests of kubernetes/, rolled by Kubernetes itself. It keeps each release as a ReplicaSet."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from djk8s.cluster import lease
from djk8s.cluster.kubectl import ATTEMPTS, Kubectl
from djk8s.cluster.patience import Patience
from djk8s.cluster.release import RELEASE, Release, Status, dumps, in_order, loads
from djk8s.cluster.target import FOLDER, LOG
from djk8s.shell.command import Command
from djk8s.shell.run import taking_back
from djk8s.shell.talk import refuse, say

OVERLAYS = Path("kubernetes", "overlays")
MADE = FOLDER / "kubernetes"
WEB = "deployment/web"
FIRST = "apply=first"  # the label of what the migration needs
REVISION = "deployment.kubernetes.io/revision"
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


class Kubernetes(Kubectl):
    """A namespace of a Kubernetes cluster."""

    to = "kubernetes"
    share = "mount a claim that all nodes may write to for the volume `data` in kubernetes/"

    @property
    def overlay(self) -> Path:
        """The folder with what this cluster needs."""
        return OVERLAYS / self.project.overlay

    def require(self) -> None:
        """Raise `Exit` unless the cluster answers and the overlay is there."""
        if not (self.project.root / self.overlay / "kustomization.yaml").is_file():
            remedy = f"copy {OVERLAYS / 'example'} to it, or correct `deploy.overlay` in invoke.yaml"
            refuse(f"There is no {self.overlay}: {remedy}.")
        if self.project.dry:
            return
        answer = self.question("version", "--output", "json")
        if answer.returncode:
            say(answer.stderr.strip())
            refuse("The cluster does not answer, see above: `kubectl config get-contexts` shows those for --context.")

    def require_overlays(self) -> None:
        if self.overlays:
            refuse("--with is for Compose and Swarm: on Kubernetes, what the site needs is in kubernetes/overlays/.")

    def require_settings(self, first: bool) -> None:
        """Do nothing: no database comes along, and no port of this machine is taken."""

    def manifests(self) -> list[dict[str, Any]]:
        """Return the objects of the overlay; raises `Exit` if kubectl cannot read it."""
        words = ("create", "--dry-run=client", "--validate=false", "--output", "json")
        answer = self.question(*words, "--kustomize", str(self.overlay))
        if answer.returncode:
            say(answer.stderr.strip())
            refuse(f"kubectl cannot read {self.overlay}, see above.")
        return list(objects(answer.stdout))

    def variables(self, release: Release) -> dict[str, str]:
        maps = [one for one in self.manifests() if one["kind"] == "ConfigMap"]
        return {**release.settings, **{name: value for one in maps for name, value in one.get("data", {}).items()}}

    def needs_registry(self) -> bool:
        return True

    def shares_files(self) -> bool:
        """Return whether the replicas see the same uploads: if `data` is more than a folder of each."""
        web = [one for one in self.manifests() if (one["kind"], one["metadata"]["name"]) == ("Deployment", "web")]
        volumes = [volume for one in web for volume in one["spec"]["template"]["spec"].get("volumes", [])]
        return any(volume["name"] == "data" and "emptyDir" not in volume for volume in volumes)

    def locked(self, image: str, by: str) -> AbstractContextManager[None]:
        if not self.get("namespace", self.name):
            self.run(self.command("create", "namespace", self.name))
        return lease.held(self, by)

    def replica_sets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("replicasets", "--selector", "app=web").get("items", [])
        return found

    def releases(self) -> list[Release]:
        now, known = self.current(), [one for each in self.replica_sets() if (one := release_of(each))]
        return in_order(known, now.record if now else "")

    def current(self) -> Release | None:
        """Return the release that is deployed."""
        return release_of(self.get(WEB))

    def migrate(self, release: Release, allow_unsafe: bool) -> None:
        """Run the migration of a new release and wait; raises `Exit` with its last lines if it failed."""
        self.write(release, allow_unsafe)
        self.run(self.command("delete", "job", "migrate", "--ignore-not-found"))
        self.run(self.command("apply", "-k", MADE, "--selector", FIRST))
        if self.project.dry:
            self.run(self.command("wait", "--for", "condition=complete", "--timeout", "1h", "job/migrate"))
        else:
            self.wait_for_job()

    def write(self, release: Release, allow_unsafe: bool) -> None:
        """Write the settings, and the kustomization that names them."""
        folder = self.folder() / "kubernetes"
        settings = folder / "settings"
        writing = (Path(sys.executable), "-m", "djk8s.cluster.settings", self.env.name, settings)
        self.run(Command(writing))
        overlay = Path("..", "..", "..", self.overlay)
        known = (settings, overlay.as_posix(), self.name, release.image, str(self.replicas), dumps(release))
        words = ("--allow-unsafe",) if allow_unsafe else ()
        argv = (Path(sys.executable), "-m", "djk8s.cluster.kustomization", *known, *words)
        self.run(Command(argv, writes=folder / "kustomization.yaml"))

    def wait_for_job(self) -> None:
        """Wait until the migration is done; raises `Exit` with its last lines if it failed."""
        patience = Patience()
        while True:
            state = self.get("job", "migrate").get("status", {})
            if state.get("succeeded"):
                return
            waiting = self.waits_for("app=migrate")
            if state.get("failed") or waiting in IN_VAIN:
                self.show_log("app=migrate")
                refuse(f"The migration failed{f' ({waiting})' * bool(waiting)}, see above; the old version serves.")
            if patience.step(f"migrate: {waiting or 'running'}"):
                self.show_log("app=migrate")

    def waits_for(self, selector: str) -> str:
        """Return why containers do not run yet, as ImagePullBackOff."""
        form = "jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason}"
        return self.ask("get", "pods", "--selector", selector, "--output", form).partition(" ")[0]

    def show_log(self, selector: str) -> None:
        """Show the last lines of the newest pod, of its container before if that died, and what is said of it."""
        newest = ("get", "pods", "--selector", selector, "--sort-by", ".metadata.creationTimestamp", "--output", "name")
        pod = self.ask(*newest).rpartition("\n")[2]
        if not pod:
            return
        logs = (self.ask("logs", pod, "--tail", LOG, *more) for more in (("--previous",), ()))
        events = ("get", "events", "--field-selector", f"type=Warning,involvedObject.name={pod.partition('/')[2]}")
        columns = ("--no-headers", "--output", "custom-columns=:.reason,:.message")
        said = [*logs, self.ask(*events, *columns)]
        say("\n".join(text for text in said if text))

    def roll(self, release: Release) -> None:
        before = self.current()
        with taking_back(self.project, lambda: self.take_back(release, before)):
            self.run(self.command("apply", "-k", MADE))
            self.scale()
            self.wait(release)
        self.forget()

    def scale(self) -> None:
        """Scale to the number that was asked for; where there is an autoscaler, only upwards."""
        found, more = self.get(WEB).get("spec", {}), self.get("horizontalpodautoscaler/web")
        if found.get("replicas", 1) < self.replicas or (not more and found.get("replicas") != self.replicas):
            self.run(self.command("scale", WEB, f"--replicas={self.replicas}"))

    def wait(self, release: Release) -> None:
        """Wait until Kubernetes has replaced every replica; raises `Exit` with the last log lines where it cannot.

        Kubernetes itself would go on for long with a version that dies again and again but is ready for a moment each
        time.
        """
        if self.project.dry:
            self.run(self.command("rollout", "status", WEB))
            return
        said, failures = "", 0
        while DONE not in said:
            answer = self.question("rollout", "status", WEB, "--watch=false")
            if (now := answer.stdout.strip() or answer.stderr.strip()) != said:
                say(now)
            said, failures = now, failures + 1 if answer.returncode else 0
            its = self.replicas_of(release)
            waiting = self.waits_for(its) if its else ""
            if failures == ATTEMPTS or waiting in IN_VAIN:
                self.show_log(its or "app=web")
                refuse(f"{release.revision} did not get healthy{f' ({waiting})' * bool(waiting)}, see above.")
            time.sleep(STEP)

    def replicas_of(self, release: Release) -> str:
        """Return what selects the replicas of a release among those of others, or nothing if it has none yet."""
        labels = [one["metadata"]["labels"] for one in self.sets_of(release)]
        return f"app=web,{HASH}={labels[0][HASH]}" if labels else ""

    def sets_of(self, release: Release) -> list[dict[str, Any]]:
        """Return the ReplicaSet of a release."""
        return [one for one in self.replica_sets() if (found := release_of(one)) and found.at == release.at]

    def take_back(self, release: Release, before: Release | None) -> None:
        """Bring back what was deployed before, and forget the release that failed."""
        if before is None:
            self.run(self.command("delete", WEB, "--ignore-not-found"))
            say("Nothing was deployed before, so nothing is now.")
            return
        self.back_to(before)
        say(f"{before.revision} serves, as before.")
        failed = [one["metadata"]["name"] for one in self.sets_of(release) if not one["spec"]["replicas"]]
        if failed and release.settings:
            self.run(self.command("delete", "replicaset", *failed))

    def back(self, release: Release) -> None:
        """Replace the replicas by those of a release that was deployed before, with the settings of then."""
        before = self.current()
        with taking_back(self.project, lambda: self.back_to(before) if before else None):
            self.back_to(release)

    def back_to(self, release: Release) -> None:
        self.run(self.command("rollout", "undo", WEB, f"--to-revision={release.record}"))
        self.wait(release)

    def forget(self) -> None:
        """Remove the settings that no release has any more."""
        used = json.dumps(self.replica_sets())
        for kind in ("secrets", "configmaps"):
            names = self.ask("get", kind, "--selector", FIRST, "--output", "name").split()
            if old := [name for name in names if f'"{name.partition("/")[2]}"' not in used]:
                self.run(self.command("delete", *old))

    def exec_command(self, words: tuple[str, ...], terminal: bool) -> Command:
        return self.command("exec", *(("--stdin", "--tty") if terminal else ("--stdin",)), WEB, "--", *words)

    def logs_commands(self) -> list[Command]:
        return [self.command("logs", "--selector", "app=web", "--prefix", "--tail", "-1")]

    def look(self) -> Command:
        return self.command("get", WEB)

    def status(self) -> Status:
        found = self.get(WEB)
        if not found:
            return Status(None)
        wanted, state = found["spec"]["replicas"], found.get("status", {})
        rolling = state.get("updatedReplicas", 0) < wanted or state.get("replicas", 0) > wanted
        return Status(release_of(found), wanted, state.get("readyReplicas", 0), "rolling" * rolling)


def objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects that are written one after another."""
    while text := text.lstrip():
        found, end = json.JSONDecoder().raw_decode(text)
        text = text[end:]
        yield from found["items"] if found["kind"] == "List" else [found]


def release_of(found: dict[str, Any]) -> Release | None:
    """Return the release that an object of the cluster has among its annotations."""
    notes = found.get("metadata", {}).get("annotations", {})
    return loads(notes.get(RELEASE, ""), notes.get(REVISION, ""))
