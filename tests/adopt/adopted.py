"""Projects that `djk8s` made or adopted, run as their people would: by the commands."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adopt.shapes import make
from support import ROOT, free_port, run, wait_until

# Not the variables of this session's own `inv`.
THEIRS = {name: value for name, value in os.environ.items() if not name.startswith(("INVOKE_", "DJANGO_", "SECRET_"))}
SERVERS = {  # image, the variables of its user, its port, and what asks whether it is ready
    "postgres": ("postgres:17", "POSTGRES_PASSWORD POSTGRES_USER POSTGRES_DB", 5432, "pg_isready --host 127.0.0.1"),
    "mysql": (
        "mariadb:11.8",
        "MARIADB_PASSWORD MARIADB_USER MARIADB_DATABASE MARIADB_RANDOM_ROOT_PASSWORD",
        3306,
        "mariadb --host=127.0.0.1 --user=site --password=site --execute=SELECT(1) site",
    ),
}


class Project:
    """A project in a folder of its own, with its own commands."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        image = f"djk8s-adopt-{folder.name}-{secrets.token_hex(3)}"
        up = {"INVOKE_UP_PORT": str(free_port()), "INVOKE_UP_IMAGE": f"{image}-compose:v1"}
        self.variables = {**THEIRS, "INVOKE_IMAGE": image, **up}
        self.tools = tools

    def djk8s(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Type a `djk8s` command of this repository."""
        return self.typed(sys.executable, "-m", "djk8s.command", *words, PYTHONPATH=str(ROOT))

    def inv(self, *words: str) -> str:
        """Type an `inv` command of the project, which has to succeed, and return what it said."""
        if not (self.folder / ".tools").exists() and self.tools.exists():
            (self.folder / ".tools").symlink_to(self.tools)
        done = self.typed(str(self.folder / "inv"), *words)
        assert done.returncode == 0, done.stdout + done.stderr
        if not self.tools.exists():
            self.tools.symlink_to(self.folder / ".tools")
        return done.stdout + done.stderr

    def typed(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.folder,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    @property
    def developed(self) -> str:
        """Where `inv up` has the site."""
        return f"http://127.0.0.1:{self.variables['INVOKE_UP_PORT']}"


class Adopted(Project):
    """One that was made to be adopted."""

    def __init__(self, name: str, folder: Path, tools: Path) -> None:
        super().__init__(folder / name, tools)
        self.shape = make(name, self.folder)

    def adopt(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Type `djk8s adopt`, which does not run anything of its own afterwards."""
        return self.djk8s("adopt", str(self.folder), "--yes", "--no-smoke", *words)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the site as its people do, with a database where it has one, and leave nothing behind."""
        try:
            with server(self.shape.database) as url:
                if url:
                    self.inv("env", "--set", f"DATABASE_URL={url}")
                    self.inv("manage", "--place", "container", "--", "migrate", "--no-input")
                self.inv("run", "--detach", "--publish", str(self.port))
                yield
        finally:
            self.inv("clean", "--volumes")


@contextmanager
def server(kind: str) -> Iterator[str]:
    """Run a database's server if one is asked for, and yield its address for other containers."""
    if not kind:
        yield ""
        return
    image, names, port, ready = SERVERS[kind]
    named = [word for name in names.split() for word in ("--env", f"{name}=site")]
    started = run("docker", "run", "--detach", "--label", "djk8s.adopt-smoke=1", *named, image)
    assert started.returncode == 0, started.stderr
    container = started.stdout.strip()
    try:
        wait_until(lambda: run("docker", "exec", container, *ready.split()).returncode == 0, 120)
        address = run("docker", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", container).stdout.strip()
        yield f"{kind}://site:site@{address}:{port}/site"
    finally:
        run("docker", "rm", "--force", "--volumes", container)
