"""The tasks of a Swarm, each a replica of a service, and what they say of it."""

import re
from typing import NamedTuple

FORM = "{{.ID}}\t{{.Name}}\t{{.Image}}\t{{.DesiredState}}\t{{.CurrentState}}\t{{.Error}}"


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
    def why(self) -> str:
        return self.error or self.state


def task_of(line: str, stack: str) -> Task:
    """Return the task in a line of `docker stack ps`, in this form."""
    task, name, image, wanted, state, error = [*line.split("\t"), ""][:6]
    return Task(task, name.removeprefix(f"{stack}_").partition(".")[0], image, wanted, state, error.strip())


def is_whole(said: str) -> bool:
    """Return whether as many replicas run as are wanted, such as 3/3, or a job is done, such as 0/1 (1/1 completed)."""
    counts = re.findall(r"(\d+)/(\d+)", said)
    return bool(counts) and counts[-1][0] == counts[-1][1] and not said.endswith("0/0 completed)")


def latest(found: list[Task], names: list[str]) -> str:
    """Return the state of some services, as a sentence about their newest replicas."""
    newest = {task.service: task for task in reversed(found) if task.service in names}
    return ", ".join(f"{name}: {task.state} {task.error}".strip() for name, task in sorted(newest.items()))


def is_hopeless(failed: list[Task]) -> bool:
    """Return whether a first deployment has failed. Swarm itself goes on trying, and an engine may stumble once."""
    return len(failed) > 1 or any("starting container failed" not in task.error for task in failed)
