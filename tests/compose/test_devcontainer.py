"""The devcontainer, brought up by the command that stands for VS Code and others: @devcontainers/cli."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import Checkout
from stack import shows
from support import run, wait_until

CLI = "@devcontainers/cli@0.89.0"
SOMEBODY = 1000  # `you` of editor/install.sh, as long as who runs this is root; anybody else has a number of their own


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose devcontainer is up."""
    name = f"djk8s-editor-{secrets.token_hex(3)}"
    checkout = Checkout(tmp_path_factory.mktemp("editor"), name)
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("editor"))  # the CLI reads Compose's $$ as it is
    checkout.environment |= {"COMPOSE_PROJECT_NAME": name, "UP_PORT": str(checkout.up_port)}
    checkout.environment["UP_IMAGE"] = f"{name}:not-built"  # as where nobody has typed `inv up` yet
    subprocess.run(["git", "init", "--quiet"], cwd=checkout.folder, check=True)
    checkout.inv("env")
    if not os.getuid():
        run("chown", "-R", f"{SOMEBODY}:{SOMEBODY}", str(checkout.folder))
    # The directive asks a registry for what this engine has by itself.
    done = devcontainer(checkout, "up", "--omit-syntax-directive")
    try:
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1])["outcome"] == "success"
        yield checkout
    finally:
        run("docker", "compose", "--project-name", name, "down", "--volumes", "--rmi", "all")


def devcontainer(site: Checkout, command: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the CLI for a checkout."""
    npx = Path(sys.executable).with_name("npx")
    return subprocess.run(
        [npx, "--yes", CLI, command, "--workspace-folder", ".", *words],
        cwd=site.folder,
        env=site.environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_site_is_served_and_an_edit_is_seen(site: Checkout) -> None:
    url, page = f"http://localhost:{site.up_port}", site.folder / "src/myproj/views.py"
    wait_until(lambda: shows(url, "in a container, with Compose"))
    page.write_text(page.read_text().replace("in a container, with Compose", "as it was just edited"))
    wait_until(lambda: shows(url, "as it was just edited"))


def test_terminal_of_the_editor_is_that_of_who_owns_the_files(site: Checkout) -> None:
    typed = "cd src && python manage.py startapp made && git -C .. status --short src && touch ~/mine && id -un"
    done = devcontainer(site, "exec", "bash", "-c", typed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["??", "src/", "you"]
    made, page = (site.folder / name for name in ("src/made/models.py", "src/manage.py"))
    assert made.stat().st_uid == page.stat().st_uid


def test_database_is_that_of_this_machine(site: Checkout) -> None:
    assert (site.folder / "data/db.sqlite3").is_file()
    done = devcontainer(site, "exec", "python", "src/manage.py", "migrate", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
