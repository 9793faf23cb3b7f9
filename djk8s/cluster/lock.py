"""One deployment at a time: a container whose name is taken while somebody deploys, and which ends with them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from djk8s.cluster.target import Target
from djk8s.shell import processes
from djk8s.shell.run import environment
from djk8s.shell.talk import refuse, say

HOLDER = "djk8s.deploying"
PATIENCE = 5  # seconds for the container to go


@contextmanager
def held(target: Target, image: str, by: str) -> Iterator[None]:
    """Hold the lock of a deployment; raises `Exit` with the holder's name where somebody else does."""
    if target.project.dry:
        say("# While this goes on, a container with the name of the deployment keeps others from deploying.")
        yield
        return
    named = ("--name", f"{target.name}-deploying", "--label", f"{HOLDER}={by}", "--entrypoint", "sh")
    # It holds the lock as long as its standard input is open.
    words = ("run", "--rm", "--interactive", "--network", "none", *named, image, "-c", "echo held; exec cat")
    taking = target.command(*words)
    holder = subprocess.Popen(
        [str(word) for word in taking.argv],
        env=environment(taking.shown),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **processes.own_group(),  # a Ctrl-C is ours to act on, with the lock still held
    )
    assert holder.stdin and holder.stdout and holder.stderr
    try:
        if holder.stdout.readline() != b"held\n":
            refuse_lock(target, holder.stderr.read().decode(errors="replace"))
        yield
    finally:
        with suppress(OSError):
            holder.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            holder.wait(PATIENCE)


def refuse_lock(target: Target, complaint: str) -> None:
    """Raise `Exit` with the reason why the lock cannot be taken."""
    if "already in use" not in complaint:
        say(complaint.strip())
        refuse("The lock that keeps others from deploying could not be taken, see above; nothing was changed.")
    label = f'{{{{index .Config.Labels "{HOLDER}"}}}} since {{{{.Created}}}}'
    held_by = target.ask("inspect", "--format", label, f"{target.name}-deploying")
    who, _, since = held_by.partition(" since ")
    refuse(f"{who or 'Somebody'} is deploying {target.name} since {since[11:19]} UTC: try again when that is done.")
