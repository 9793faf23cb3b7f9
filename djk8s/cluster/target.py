"""What a deployment needs of a place: Compose on one machine, a Swarm and Kubernetes each do it in their own way."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from djk8s.cluster.release import Release, Status
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import run

FOLDER = Path(".tools", "deploy")  # neither git nor the image takes what is in .tools
LOG = "20"  # lines


@dataclass(frozen=True)
class Target(ABC):
    """Where a project is deployed, or will be, and with what."""

    to: ClassVar[str]  # how --to calls it
    share: ClassVar[str] = ""  # what lets all replicas see the same uploads

    project: Project
    env: EnvFile  # the settings
    context: str = ""  # docker's or kubectl's own; "" is the current one
    overlays: tuple[str, ...] = ()  # files of compose/ to join, such as db
    replicas: int = 3
    backup: Mapping[str, str] = field(default_factory=dict)  # what compose/backup.yaml takes for the place, if it joins

    @property
    def name(self) -> str:
        """The name of the Compose project, the stack or the namespace, which every checkout of the project shares."""
        return self.project.name

    @property
    def backup_name(self) -> str:
        """What its backups are found by, which are not those of `inv up`."""
        return f"{self.name}-deployed"

    @property
    def docker_context(self) -> dict[str, str]:
        """The variable that leads docker to the engine of the deployment."""
        return {"DOCKER_CONTEXT": self.context} if self.context else {}

    def run(self, command: Command, failed: str = "") -> None:
        """Print a command and run it; raises `Exit` with the sentence `failed` if it fails."""
        run(self.project, command, failed)

    def folder(self) -> Path:
        """Return the folder for what a deployment writes for itself."""
        if not self.project.dry:
            (self.project.root / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.project.root / FOLDER

    @abstractmethod
    def command(self, *words: str | Path) -> Command:
        """Return a command of the program that deploys: docker, or kubectl."""

    @abstractmethod
    def ask_always(self, *words: str) -> str:
        """Return what that program answers, even with --dry; nothing if it fails."""

    def ask(self, *words: str) -> str:
        """Return what that program answers; nothing if it fails, or with --dry."""
        return "" if self.project.dry else self.ask_always(*words)

    @abstractmethod
    def require(self) -> None:
        """Raise `Exit` unless the place answers and can be deployed to."""

    @abstractmethod
    def require_overlays(self) -> None:
        """Raise `Exit` if what is to join cannot be deployed there."""

    @abstractmethod
    def require_settings(self, first: bool) -> None:
        """Raise `Exit` if the settings do not fit what is there; `first` says that nothing is deployed yet."""

    @abstractmethod
    def needs_registry(self) -> bool:
        """Return whether nodes can get the image from a registry only."""

    @abstractmethod
    def shares_files(self) -> bool:
        """Return whether all replicas see the same uploads."""

    @abstractmethod
    def variables(self, release: Release) -> dict[str, str]:
        """Return the variables that the site has there: its settings, and what the files of the deployment add."""

    @abstractmethod
    def locked(self, image: str, by: str) -> AbstractContextManager[None]:
        """Keep others from deploying; raises `Exit` with the name of somebody who does."""

    @abstractmethod
    def releases(self) -> list[Release]:
        """Return what can be gone back to: what is deployed now, then what was before it, and then what came after."""

    @abstractmethod
    def migrate(self, release: Release, allow_unsafe: bool) -> None:
        """Migrate with the image of a new release; raises `Exit` if that fails, and then the old version serves."""

    @abstractmethod
    def roll(self, release: Release) -> None:
        """Replace the replicas one by one; a version that is not healthy is taken back, and then raises `Exit`."""

    @abstractmethod
    def back(self, release: Release) -> None:
        """Replace the replicas by those of a release that was deployed before."""

    @abstractmethod
    def exec_command(self, words: tuple[str, ...], terminal: bool) -> Command:
        """Return the command that runs words in a replica, with its settings."""

    @abstractmethod
    def logs_commands(self) -> list[Command]:
        """Return the commands that show the log of the replicas."""

    @abstractmethod
    def look(self) -> Command:
        """Return the command that shows a deployment."""

    @abstractmethod
    def status(self) -> Status:
        """Return what is deployed, and how many of its replicas are healthy."""
