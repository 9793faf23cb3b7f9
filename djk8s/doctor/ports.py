"""The ports on which the site is published, and who holds them."""

from contextlib import suppress

from invoke import Exit

from djk8s import ports
from djk8s.compose import stack
from djk8s.doctor.dotenv import usable
from djk8s.doctor.finding import WRONG, Finding, fine, note, wrong
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project


def served(env: EnvFile) -> Finding:
    """Check that the port of `inv serve` and `inv run` is free."""
    given = usable(env)
    if given is None:
        return note("Not looked at: .env may name it, and has to be mended first.")
    port = ports.chosen(env.project, None, given)
    return free(env.project, ports.Published("127.0.0.1", port), "serve and run", "--port")


def up(project: Project) -> Finding:
    """Check that the port of `inv up` is free, or used by `inv up` itself."""
    port = ports.parse(project.up_ports["port"], "up.port")
    found = free(project, ports.Published("0.0.0.0", port), "up", "INVOKE_UP_PORT")
    with suppress(Exit):  # the check of the engine reports it
        if found.state == WRONG and stack.is_up(project):
            return fine(f"{port}, on which `inv up` serves now.")
    return found


def free(project: Project, address: ports.Published, steps: str, choice: str) -> Finding:
    """Check that the port of some steps is free, or say who holds it and how to choose another."""
    if ports.is_free(address):
        return fine(f"{address.port}, for {steps}, is free.")
    by = ports.holder(project, address.port)
    return wrong(f"{address.port}, for {steps}, is held by {by.name}: {by.remedy(f'choose another with {choice}')}.")
