"""kubectl, asked in a deployment's context and namespace."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from djk8s.cluster.target import Target
from djk8s.shell.command import Command
from djk8s.shell.run import output
from djk8s.shell.talk import refuse, say

PATIENCE = 10  # seconds
ATTEMPTS = 3  # a second apart, as a control plane is away for a moment when it is upgraded


class Kubectl(Target):
    """A target that kubectl deploys to."""

    def command(self, *words: str | Path) -> Command:
        context = ("--context", self.context) if self.context else ()
        return Command(("kubectl", *context, "--namespace", self.name, *words))

    def question(self, *words: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a kubectl command with `given` as its input; raises `Exit` without kubectl, or an answer in time."""
        argv = self.command(f"--request-timeout={PATIENCE}s", *words).argv
        try:
            return output(self.project, argv, timeout=3 * PATIENCE, given=given)
        except subprocess.TimeoutExpired:
            refuse("The cluster did not answer in time: `kubectl cluster-info` says more.")
        except OSError:
            refuse("There is no kubectl here: install it (https://kubernetes.io/docs/tasks/tools/).")

    def ask_always(self, *words: str) -> str:
        answer = self.question(*words)
        return "" if answer.returncode else answer.stdout.strip()

    def get(self, *words: str) -> dict[str, Any]:
        """Return objects of the cluster, nothing if they are not there; raises `Exit` if that cannot be told."""
        if self.project.dry:
            return {}
        for _ in range(ATTEMPTS):
            answer = self.question("get", *words, "--ignore-not-found", "--output", "json")
            if answer.returncode == 0:
                found: dict[str, Any] = json.loads(answer.stdout or "{}")
                return found
            time.sleep(1)
        say(answer.stderr.strip())
        return refuse("The cluster does not say how the deployment is, see above.")
