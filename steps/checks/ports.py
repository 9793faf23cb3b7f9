"""The ports on which the site shows, and who holds them."""

from __future__ import annotations

from contextlib import suppress

from invoke import Exit

from steps import compose, holder, ports, server
from steps.checks import dotenv
from steps.checks.found import WRONG, Found, fine, note, wrong
from steps.project import Project


def served(project: Project) -> Found:
    """Is the port of `inv serve` and `inv run` free?"""
    values = dotenv.given(project)
    if values is None:
        return note("Not looked at: .env may name it, and is to be mended first.")
    port = server.chosen_port(project, None, values)
    return free(project, ports.Published("127.0.0.1", port), "serve and run", "--port")


def up(project: Project) -> Found:
    """Is the port of `inv up` free, or its own?"""
    port = ports.parse(project.up_port, "up.port")
    found = free(project, ports.Published("0.0.0.0", port), "up", "INVOKE_UP_PORT")
    with suppress(Exit):  # which the check of the engine says
        if found.state == WRONG and compose.is_up(project):
            return fine(f"{port}, on which `inv up` serves now.")
    return found


def free(project: Project, address: ports.Published, steps: str, choice: str) -> Found:
    """Return whether nothing holds the port of some steps; else who does, and what chooses another."""
    if ports.is_free(address):
        return fine(f"{address.port}, for {steps}, is free.")
    by = holder.of(project, address.port)
    return wrong(f"{address.port}, for {steps}, is held by {by.name}: {by.remedy(f'choose another with {choice}')}.")
