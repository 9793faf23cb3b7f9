"""One machine, with Compose: new containers beside the old ones, and then without them. nginx in front asks them all.

Compose keeps no history, so each container of the site has, in a label, its release and those before it.
"""

import json
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from invoke import Exit

from djk8s import engine, ports
from djk8s.cluster.docker import KEPT, WEB, Docker
from djk8s.cluster.release import RELEASE, Release, Status, dumps, in_order, loads
from djk8s.cluster.target import FOLDER
from djk8s.project import PROJECT
from djk8s.shell.command import Command
from djk8s.shell.run import taking_back
from djk8s.shell.talk import refuse

LABELS = "labels.json"
BEFORE = "djk8s.before"
NOT_ONE_OFF = ("--filter", "label=com.docker.compose.oneoff=False")  # not of `docker compose run`
TRIAL = 15  # seconds that a new version has to stay healthy before it gets requests; compose/swarm.yaml has the same
UP = ("up", "--detach", "--wait", "--no-build", "--no-deps")
BESIDE = (*UP, "--no-recreate")
BACKUP = ("up", "--detach", "--wait", "--no-deps", "--build", "backup")
STEP = 0.5  # seconds between two looks
ALONE = {"worker", "backup"}  # overlays without which a migration can run


class Machine(Docker):
    """This machine, with Compose."""

    to = "compose"
    files = ("proxy",)

    def require(self) -> None:
        """Raise `Exit` unless the engine is this machine's, which has the files that Compose mounts."""
        if self.project.dry:
            return
        self.require_engine()
        if self.context and self.is_elsewhere():
            another = "`inv deploy --to swarm` is for another one, even if it is alone"
            refuse(f"Compose mounts files of this machine: {another}.")

    def require_settings(self, first: bool) -> None:
        """Raise `Exit` for another password, or if something else than this deployment has its port."""
        super().require_settings(first)
        if not first or self.project.dry:
            return
        number = ports.parse(self.project.deploy_port, "deploy.port")
        if not self.ask("ps", "--quiet", *engine.of_compose(self.name), "--filter", f"publish={number}"):
            again = "INVOKE_DEPLOY_PORT={} inv deploy" + "".join(f" --with {name}" for name in self.overlays)
            ports.require_free(self.project, ports.Published("0.0.0.0", number), again)

    def needs_registry(self) -> bool:
        return False

    def shares_files(self) -> bool:
        return True

    def containers(self) -> list[str]:
        """Return the containers of the site, those of one-off commands left out."""
        which = (*engine.of_compose(self.name, WEB), *NOT_ONE_OFF)
        return self.ask("ps", "--quiet", "--no-trunc", *which).split()

    def releases(self) -> list[Release]:
        found = self.containers()
        if not found:
            return []
        form = f'{{{{index .Config.Labels "{RELEASE}"}}}}\t{{{{index .Config.Labels "{BEFORE}"}}}}'
        now, _, before = self.ask("inspect", "--format", form, found[0]).partition("\t")
        earlier = json.loads(before) if before.startswith("[") else []
        return [replace(one, record=one.at) for label in (now, *earlier) if (one := loads(label))]

    def run_compose(self, release: Release, *words: str, failed: str = "") -> None:
        """Run a Compose command on the files of a deployment and its labels."""
        labels = self.project.root / FOLDER / LABELS
        shown = {"UP_ENV_FILE": self.env.name}
        self.run(self.compose(release.image, *words, more=self.files, files=(labels,), shown=shown), failed)

    def prepare(self, release: Release, before: list[Release]) -> None:
        """Write the labels of the site's containers, and bring up what the site cannot be without.

        A database that is up stays as it is, others follow their file.
        """
        labels = {RELEASE: dumps(release), BEFORE: json.dumps([dumps(one) for one in before[:KEPT]])}
        self.write_overlay(LABELS, {"services": {WEB: {"labels": labels}}})
        for name in self.overlays:
            if name not in ALONE:
                self.run_compose(release, *(BESIDE if name == "db" else UP), name)

    def migrate(self, release: Release, allow_unsafe: bool) -> None:
        self.prepare(release, [one for one in self.releases() if one.revision != release.revision])
        once = ("run", "--rm", "--no-deps", "--no-TTY")
        words = (WEB, "python", "-m", "serving.migrate", *(["--allow-unsafe"] if allow_unsafe else []))
        self.run_compose(release, *once, *words, failed="It was not migrated, see above; the old version serves.")
        self.run_compose(release, *once, "static")

    def roll(self, release: Release) -> None:
        """Try the new version without requests, then put as many of it beside the old ones, and then stop those."""
        old = self.containers()
        with taking_back(self.project, lambda: self.take_back(old)):
            self.trial(release)
            for count in range(1, self.replicas + 1):  # one by one, as a start takes a processor
                words = (*BESIDE, "--scale", f"web={len(old) + count}", WEB)
                self.run_compose(release, *words, failed=f"{release.revision} did not get healthy.")
        self.remove(old)
        services = {} if self.project.dry else self.services()
        # Nothing that serves is made anew: nginx, or a database, would be away for a moment.
        failed = "Not all of it is healthy, see above."
        self.run_compose(release, *BESIDE, "--scale", f"web={self.replicas}", WEB, "proxy", failed=failed)
        if others := self.workers(services):
            self.run_compose(release, *UP, *others, failed=failed)
        if "backup" in self.overlays:
            self.run_compose(release, *BACKUP, failed=failed)
        self.remove(self.left_over(services))

    def remove(self, containers: list[str]) -> None:
        """Stop containers, one by one, and remove them, with their volumes that have no name."""
        for container in containers:
            self.run(self.command("stop", container[:12]))
            self.run(self.command("rm", "--volumes", container[:12]))

    def services(self) -> dict[str, Any]:
        """Return the services that join."""
        found = self.config(self.files)["services"]
        return {name: one for name, one in found.items() if one.get("scale") != 0}

    def left_over(self, services: dict[str, Any]) -> list[str]:
        """Return the containers of services that joined an earlier release and not this one.

        A person's own Compose file may bring up a project of the same name, without our label.
        """
        which = (*engine.of_compose(self.name), "--filter", f"label={PROJECT}={self.name}", *NOT_ONE_OFF)
        listed = self.ask("ps", "--all", *which, "--format", f'{{{{.ID}}}} {{{{.Label "{engine.COMPOSE_SERVICE}"}}}}')
        return [line.split()[0] for line in listed.splitlines() if line.split()[-1] not in services]

    def workers(self, services: dict[str, Any]) -> list[str]:
        """Return the services that run the site's image beside it, and do not end by themselves."""
        if self.project.dry:
            return [name for name in self.overlays if name == "worker"]
        of_site = {name: one for name, one in services.items() if one["image"] == services[WEB]["image"]}
        return sorted(name for name, one in of_site.items() if name != WEB and one.get("restart") != "no")

    def trial(self, release: Release) -> None:
        """Run one container that nginx does not find, until it was healthy for a while; raises `Exit` if it was not."""
        name = f"{self.name}-trial"
        try:
            self.run_compose(release, "run", "--detach", "--no-deps", "--name", name, WEB)
            if not self.project.dry:
                self.watch(release, name)
        finally:
            self.run(self.command("rm", "--force", "--volumes", name))

    def watch(self, release: Release, container: str) -> None:
        """Wait until a container was healthy for a while; raises `Exit` with its last log lines otherwise."""
        healthy_since, states = None, "{{.State.Status}} {{.State.Health.Status}}"
        late = time.monotonic() + self.project.ready_within
        while healthy_since is None or time.monotonic() - healthy_since < TRIAL:
            state = self.ask("inspect", "--format", states, container)
            if state == "running healthy":
                healthy_since = healthy_since or time.monotonic()
            elif healthy_since or not state.startswith("running") or time.monotonic() > late:
                self.show_last("logs", container)
                refuse(f"{release.revision} did not stay healthy ({state}), see above; the old version serves.")
            time.sleep(STEP)

    def take_back(self, old: list[str]) -> None:
        """Remove the new containers of the site."""
        if new := [container[:12] for container in self.containers() if container not in old]:
            with suppress(Exit):
                self.run(self.command("rm", "--force", "--volumes", *new))

    def back(self, release: Release) -> None:
        """Deploy a release that was deployed before; its settings are those of today."""
        if not self.project.dry and not self.ask("image", "inspect", "--format", "{{.Id}}", release.image):
            refuse(f"The image of {release.revision} is not here any more: deploy it anew from its commit.")
        self.prepare(release, in_order(self.releases(), release.at)[1:])
        self.roll(release)

    def exec_command(self, words: tuple[str, ...], terminal: bool) -> Command:
        replica = "CONTAINER" if self.project.dry else self.containers()[0][:12]
        return self.command("exec", *engine.attached(terminal), replica, *words)

    def logs_commands(self) -> list[Command]:
        """Return the command that shows the log of the replicas, which Compose finds by the project's name."""
        command = self.command("compose", "--project-name", self.name, "logs", WEB)
        return [replace(command, cwd=Path(self.project.root.anchor))]

    def look(self) -> Command:
        return self.command("ps", *engine.of_compose(self.name))

    def status(self) -> Status:
        found, known = self.containers(), self.releases()
        if not found:
            return Status(None)
        states = self.ask("inspect", "--format", "{{.State.Health.Status}}", *found).split()
        wanted = known[0].replicas if known else len(found)
        return Status(known[0] if known else None, wanted, states.count("healthy"), "rolling" * (len(found) > wanted))
