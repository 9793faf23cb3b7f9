"""One deployment at a time on Kubernetes: a Lease, as controllers elect their leader with. Who holds it renews it.

https://kubernetes.io/docs/concepts/architecture/leases/
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import Any

from invoke import Exit

from djk8s.cluster.kubectl import Kubectl
from djk8s.shell.talk import refuse, say

NAME = "deploying"
RENEWED = 5  # seconds
DEAD = 15  # seconds without a renewal, after which the next one takes it
STEP = 1  # seconds between two looks


@contextmanager
def held(target: Kubectl, by: str) -> Iterator[None]:
    """Hold the lease of a deployment; raises `Exit` with the holder's name where somebody else does."""
    if target.project.dry:
        say(f"# While this goes on, the Lease `{NAME}` of the namespace keeps others from deploying.")
        yield
        return
    take(target, by)
    done = threading.Event()
    renewing = threading.Thread(target=renew, args=(target, done), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        done.set()
        renewing.join()
        target.ask("delete", "lease", NAME)


def take(target: Kubectl, by: str) -> None:
    """Take the lease, from whoever has not renewed it for long; raises `Exit` where somebody does."""
    begun = time.monotonic()
    answer = write(target, "create", lease(by))
    seen = there = target.get("lease", NAME) if answer.returncode else {}
    if answer.returncode and not there:
        say(answer.stderr.strip())
        refuse("The lease that keeps others from deploying could not be taken, see above; nothing was changed.")
    # Renewals are watched, as the clocks of two machines may differ.
    while there and time.monotonic() - begun < DEAD:
        if there["spec"].get("renewTime") != seen["spec"].get("renewTime"):
            who, since = there["spec"].get("holderIdentity", "Somebody"), there["spec"].get("acquireTime", "")[11:19]
            refuse(f"{who} is deploying {target.name} since {since} UTC: try again when that is done.")
        time.sleep(STEP)
        there = target.get("lease", NAME)
    if answer.returncode == 0:
        return
    # With the version that was seen, so that only one of several gets it.
    version = {"resourceVersion": there["metadata"]["resourceVersion"]} if there else {}
    if write(target, "replace" if there else "create", lease(by, version)).returncode:
        take(target, by)


def lease(by: str, version: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the lease as it is written; `version` is of the one to replace."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, **(version or {})},
        "spec": {"holderIdentity": by, "leaseDurationSeconds": DEAD, "acquireTime": now(), "renewTime": now()},
    }


def write(target: Kubectl, verb: str, what: dict[str, Any]) -> Any:
    return target.question(verb, "--filename", "-", given=json.dumps(what))


def renew(target: Kubectl, done: threading.Event) -> None:
    """Renew the lease until it is done."""
    while not done.wait(RENEWED):
        with suppress(Exit):  # the next one may be heard
            patch = json.dumps({"spec": {"renewTime": now()}})
            target.ask("patch", "lease", NAME, "--type", "merge", "--patch", patch)


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
