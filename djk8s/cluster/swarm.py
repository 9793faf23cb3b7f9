"""A Docker Swarm: the Compose files as a stack, rolled by Swarm itself. It keeps each release as a config."""

import json
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from djk8s import engine
from djk8s.cluster import settings, stackfile
from djk8s.cluster.docker import KEPT, WEB, Docker
from djk8s.cluster.patience import Patience
from djk8s.cluster.release import RELEASE, Release, Status, dumps, in_order, loads
from djk8s.cluster.target import FOLDER
from djk8s.cluster.task import FORM, Task, is_hopeless, is_whole, latest, task_of
from djk8s.shell.command import Command
from djk8s.shell.run import taking_back
from djk8s.shell.talk import refuse, say

SERVICE = "com.docker.swarm.service.name"  # a label of each container of a Swarm
STACK = "com.docker.stack.namespace"  # `docker stack rm` removes what has this label
CONTENT = '{{printf "%s" .Spec.Data}}'  # of a config
UNCHANGED = 3  # seconds in which Swarm begins to roll, if it has anything to roll
BY_ITSELF = "rollback_"  # how Swarm calls what it takes back


class Swarm(Docker):
    """A Docker Swarm."""

    to = "swarm"
    share = "give the volume `data` a driver in docker-compose.yaml that all nodes share"
    files = ("proxy", "swarm")

    @property
    def of_stack(self) -> tuple[str, ...]:
        """The filter for what belongs to the stack."""
        return ("--filter", f"label={STACK}={self.name}", "--format")

    def require(self) -> None:
        """Raise `Exit` unless the engine manages a Swarm."""
        if self.project.dry:
            return
        self.require_engine()
        if self.ask("info", "--format", "{{.Swarm.ControlAvailable}}") != "true":
            refuse("This engine manages no Swarm: `docker swarm init` makes it a manager, or --context names one.")

    def require_overlays(self) -> None:
        if "backup" in self.overlays:
            refuse("--with backup is for Compose: let cron type `inv backup --deployed swarm` every night.")
        super().require_overlays()

    def needs_registry(self) -> bool:
        """Return whether other nodes have to get the image."""
        return len(self.ask("node", "ls", "--quiet").split()) > 1

    def shares_files(self) -> bool:
        """Return whether the replicas see the same uploads: on one node, or in a volume that is elsewhere."""
        volume = self.config(self.files)["volumes"].get("data", {})
        return not self.needs_registry() or "driver" in volume or "driver_opts" in volume

    def releases(self) -> list[Release]:
        return in_order(self.records(), self.deployed_record())

    def records(self) -> list[Release]:
        """Return the releases that the Swarm keeps."""
        form = f'{{{{.Name}}}}\t{{{{.Label "{RELEASE}"}}}}'
        pairs = (line.partition("\t") for line in self.ask("config", "ls", *self.of_stack, form).splitlines())
        return [one for name, _, label in pairs if (one := loads(label, name))]

    def deployed_record(self) -> str:
        """Return the name of the config that keeps the release of now; "" if the service is not there."""
        label = f'{{{{index .Spec.Labels "{RELEASE}"}}}}'
        return self.ask("service", "inspect", f"{self.name}_{WEB}", "--format", label)

    def current(self) -> Release | None:
        """Return the release that is deployed, if the service is there."""
        name = self.deployed_record()
        return next((one for one in self.records() if one.record == name), None)

    def migrate(self, release: Release, allow_unsafe: bool) -> None:
        """Run the jobs of a new release and wait for them; raises `Exit` with the last lines of one that failed."""
        self.keep_volumes_here()
        files = self.folder()
        allowed = {"UP_MIGRATE": "--allow-unsafe"} if allow_unsafe else {}
        self.run(replace(self.config_command(release.image, self.files, **allowed), writes=files / "compose.json"))
        writing = (Path(sys.executable), "-m", "djk8s.cluster.settings", self.env.name)
        self.run(Command(writing, writes=files / "settings"))
        for stage in stackfile.STAGES:
            self.run(self.stage_command(release, stage))
        names = ["migrate", "static"] if self.project.dry else self.services("jobs")
        needed = self.services("needed")
        try:
            if self.project.dry or needed:
                self.deploy_stage("needed")
                self.wait_for(needed)
            self.remove_jobs(names)
            self.deploy_stage("jobs")
            self.wait_for(names, jobs=True)
        finally:
            self.remove_jobs(names)

    def stage_command(self, release: Release, stage: str) -> Command:
        """Return the command that writes one stage of a deployment."""
        files = self.project.root / FOLDER
        secret = stackfile.digested(f"{self.name}-settings", settings.secret(release.settings).encode())
        words = (stage, release.image, secret, "settings", release.record)
        argv = (Path(sys.executable), "-m", "djk8s.cluster.stackfile", *words)
        return Command(argv, reads=files / "compose.json", writes=files / f"{stage}.json")

    def services(self, stage: str) -> list[str]:
        """Return the names of the services of a stage; none if --dry did not write it."""
        file = self.folder() / f"{stage}.json"
        return sorted(json.loads(file.read_text(encoding="utf-8"))["services"]) if file.is_file() else []

    def deploy_stage(self, stage: str) -> None:
        """Deploy one stage. The image is named by its digest already, so no registry is asked."""
        options = ("--detach=true", "--resolve-image", "never", "--with-registry-auth")
        file = FOLDER / f"{stage}.json"  # relative, as docker takes commas and quotes apart
        command = self.command("stack", "deploy", *options, "--compose-file", str(file), self.name)
        self.run(command, "Swarm did not take the stack, see above; the old version serves.")

    def remove_left_over(self, stage: str) -> None:
        """Remove the services that joined another release and not this one, now that no replica needs them."""
        joined = {f"{self.name}_{name}" for name in self.services(stage)}
        there = self.ask("service", "ls", *self.of_stack, "{{.Name}}").split()
        if others := sorted({*there} - joined):
            self.run(self.command("service", "rm", *others))

    def keep_volumes_here(self) -> None:
        """Choose the node that keeps the volumes of the database, unless one was chosen before."""
        label = stackfile.volumes_label(self.name).replace(" == ", "=")
        if not self.ask("node", "ls", "--quiet", "--filter", f"node.label={label}"):
            here = "NODE" if self.project.dry else self.ask("info", "--format", "{{.Swarm.NodeID}}")
            self.run(self.command("node", "update", "--label-add", label, here))

    def remove_jobs(self, names: list[str]) -> None:
        """Remove jobs that have ended, so that the next ones of the same name begin from nothing."""
        there = self.ask("service", "ls", "--format", "{{.Name}}").split()
        if jobs := [name for one in names if (name := f"{self.name}_{one}") in there]:
            self.run(self.command("service", "rm", *jobs))

    def tasks(self) -> list[Task]:
        """Return the replicas of all services, the newest of each first."""
        listed = self.ask("stack", "ps", self.name, "--no-trunc", "--format", FORM)
        return [task_of(line, self.name) for line in listed.splitlines()]

    def counted(self, found: list[Task]) -> dict[str, str]:
        """Return how many of each service run, such as 2/3, or (1/1 completed) after a job.

        `docker service ls` counts what ran on a node that is gone, too.
        """
        running = Counter(task.service for task in found if task.runs)
        counted = {}
        for line in self.ask("service", "ls", *self.of_stack, "{{.Name}} {{.Replicas}}").splitlines():
            name, _, said = line.removeprefix(f"{self.name}_").partition(" ")
            counted[name] = said if "completed" in said else f"{running[name]}/{said.partition('/')[2]}"
        return counted

    def wait_for(self, names: list[str], jobs: bool = False) -> None:
        """Wait until every replica of some services is healthy, or is done; raises `Exit` for a job that failed."""
        patience = Patience()
        while not self.project.dry:
            found = self.tasks()
            said = self.counted(found)
            missing = [name for name in names if not is_whole(said.get(name, "0/1"))]
            if not missing:
                return
            for task in found if jobs else ():
                if task.service in names and task.failed:
                    self.show_last("service", "logs", "--raw", task.id)
                    refuse(f"The job {task.service} failed ({task.why}), see above; the old version serves.")
            patience.step(latest(found, missing) or "Swarm starts them")

    def roll(self, release: Release) -> None:
        before = self.current()
        labels = ("--label", f"{STACK}={self.name}", "--label", f"{RELEASE}={dumps(release)}")
        self.run(self.stage_command(release, stackfile.RECORD))
        self.run(self.command("config", "create", *labels, release.record, str(FOLDER / "record.json")))
        self.change(release, before, "site")
        self.forget()

    def back(self, release: Release) -> None:
        """Replace the replicas by those of a release that was deployed before, with the settings of then."""
        before = self.current()
        self.fetch(release)
        self.change(release, before, stackfile.RECORD)

    def fetch(self, release: Release) -> None:
        """Write the stack of a release as it was deployed."""
        command = self.command("config", "inspect", "--format", CONTENT, release.record)
        self.run(replace(command, writes=self.folder() / "record.json"))

    def change(self, release: Release, before: Release | None, stage: str) -> None:
        """Deploy the site's stage and wait for it; what fails, or is interrupted, is taken back."""
        with taking_back(self.project, lambda: self.take_back(release, before)):
            self.deploy_stage(stage)
            if not self.project.dry:
                self.wait_for_roll(release)
                self.remove_left_over(stage)

    def wait_for_roll(self, release: Release) -> None:
        """Wait until Swarm has replaced every replica; raises `Exit` where it takes the new version back."""
        begun, patience = time.monotonic(), Patience()
        while True:
            update, found = self.update(), self.tasks()
            state = update.get("State", "")
            failed = [task for task in found if task.service == WEB and task.failed and task.image == release.image]
            settled = state == "completed" or (not state and time.monotonic() - begun > UNCHANGED)
            if state.startswith(BY_ITSELF) or state == "paused" or (not state and is_hopeless(failed)):
                if failed:
                    self.show_last("service", "logs", "--raw", failed[0].id)
                why = failed[0].why if failed else update.get("Message", state)
                refuse(f"{release.revision} did not get healthy ({why}){', see above' if failed else ''}.")
            said = self.counted(found)
            if settled and is_whole(said.get(WEB, "0/1")):
                break
            patience.step(f"{latest(found, [WEB])}, {state or 'starting'}")
        self.wait_for([name for name, count in said.items() if name != WEB and "completed" not in count])

    def update(self) -> dict[str, str]:
        """Return what Swarm says of the replacement of the site's replicas; nothing if there was none."""
        said = self.ask("service", "inspect", f"{self.name}_{WEB}", "--format", "{{json .UpdateStatus}}")
        found: dict[str, str] = json.loads(said or "null") or {}
        return found

    def take_back(self, release: Release, before: Release | None) -> None:
        """Bring back what was deployed before, where Swarm did not do so, and forget the release that failed."""
        if before is None:
            self.run(self.command("stack", "rm", self.name))
            say("Nothing was deployed before, so nothing is now; the volumes stay.")
            return
        self.fetch(before)
        self.deploy_stage(stackfile.RECORD)
        patience = Patience()
        while self.rolling() or not is_whole(self.counted(self.tasks()).get(WEB, "0/1")):
            patience.step("the old version comes back")
        self.remove_left_over(stackfile.RECORD)
        if release.record != before.record and release.settings:
            self.run(self.command("config", "rm", release.record))
        say(f"{before.revision} serves, as before.")

    def rolling(self) -> str:
        """Return "rolling" or "rolling back" if Swarm is replacing replicas, else ""."""
        return {"updating": "rolling", "rollback_started": "rolling back"}.get(self.update().get("State", ""), "")

    def forget(self) -> None:
        """Remove the oldest releases, and the settings and files that no release has any more."""
        newest = sorted(self.records(), key=lambda one: one.at, reverse=True)
        names = [one.record for one in newest][:KEPT]
        kept = self.ask("config", "inspect", "--format", CONTENT, *names)
        for kind in ("config", "secret") if kept else ():
            there = self.ask(kind, "ls", *self.of_stack, "{{.Name}}").split()
            if old := [name for name in there if name not in names and f'"{name}"' not in kept]:
                self.ask(kind, "rm", *old)  # but for those that something else still has

    def exec_command(self, words: tuple[str, ...], terminal: bool) -> Command:
        """Return the command that runs words in a replica, with the settings that its entrypoint reads."""
        site, form = self.container(WEB), '{{join .Config.Entrypoint " "}}'
        before = "ENTRYPOINT" if self.project.dry else self.ask("inspect", "--format", form, site)
        return self.command("exec", *engine.attached(terminal), site, *before.split(), *words)

    def container(self, service: str) -> str:
        """Return a container of a service on the node whose engine answers; raises `Exit` if there is none."""
        if self.project.dry:
            return "CONTAINER"
        name = f"{self.name}_{service}"
        here = self.ask("ps", "--quiet", "--filter", f"label={SERVICE}={name}").split()
        if here:
            return here[0]
        there = ("--filter", "desired-state=running", "--format", "{{.Node}}")
        nodes = self.ask("service", "ps", *there, name).split()
        if not nodes:
            refuse(f"{name} does not run: `inv status --to swarm` says more.")
        return refuse(f"{name} runs on {nodes[0]}: --context has to name the engine there, and the node be a manager.")

    def logs_commands(self) -> list[Command]:
        # One for each, as that of the whole service never ends where it is long (Docker 26).
        web = [task for task in self.tasks() if task.service == WEB]
        shown = [task.id for task in web if task.wanted == "Running"] or [task.id for task in web[:1]]
        return [self.command("service", "logs", name) for name in (["TASK"] if self.project.dry else shown)]

    def look(self) -> Command:
        return self.command("stack", "services", self.name)

    def status(self) -> Status:
        counted = self.counted(self.tasks()).get(WEB)
        if not counted:
            return Status(None)
        running, wanted = counted.split()[0].split("/")
        return Status(self.current(), int(wanted), int(running), self.rolling())
