"""kubectl commands for a deployment's context and namespace."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from djk8s.cluster.release import Where
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import output
from djk8s.shell.talk import refuse, say

PATIENCE = 10  # seconds
ATTEMPTS = 3  # a second apart, as a control plane is away for a moment when it is upgraded
MISSING = "There is no kubectl here: install it (https://kubernetes.io/docs/tasks/tools/)."


def words(where: Where, *words: str | Path) -> tuple[str | Path, ...]:
    """Return the words of a kubectl command in the namespace of a deployment."""
    context = ("--context", where.context) if where.context else ()
    return ("kubectl", *context, "--namespace", where.name, *words)


def command(where: Where, *more: str | Path, **given: Any) -> Command:
    return Command(words(where, *more), **given)


def question(project: Project, where: Where, *more: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a kubectl command, with `given` as its input; raises `Exit` if there is no kubectl, or no answer in time."""
    try:
        return output(project, words(where, f"--request-timeout={PATIENCE}s", *more), timeout=3 * PATIENCE, given=given)
    except subprocess.TimeoutExpired:
        refuse("The cluster did not answer in time: `kubectl cluster-info` says more.")
    except OSError:
        refuse(MISSING)


def ask(project: Project, where: Where, *more: str | Path) -> str:
    """Return what kubectl answers, or nothing if it fails."""
    answer = question(project, where, *more)
    return "" if answer.returncode else answer.stdout.strip()


def get(project: Project, where: Where, *more: str) -> dict[str, Any]:
    """Return objects of the cluster, nothing if they are not there; raises `Exit` if that cannot be told."""
    for _ in range(ATTEMPTS):
        answer = question(project, where, "get", *more, "--ignore-not-found", "--output", "json")
        if answer.returncode == 0:
            found: dict[str, Any] = json.loads(answer.stdout or "{}")
            return found
        time.sleep(1)
    say(answer.stderr.strip())
    return refuse("The cluster does not say how the deployment is, see above.")
