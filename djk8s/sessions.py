"""What the sessions of a noxfile do: names and an environment of their own, and tests that hold for any site.

A Nox that is installed elsewhere imports this, so it needs only Nox itself.
"""

from __future__ import annotations

import atexit
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import nox

if TYPE_CHECKING:
    from importlib.abc import Traversable  # elsewhere in newer Pythons

ENVIRONMENTS = "DJK8S_NOX_ENVIRONMENTS"
AUDITOR = "pip-audit==2.10.1"
NO_TEST_CHOSEN = 5  # pytest's exit code, as when `-- -k word` means a test of the other run


class OwnTests(NamedTuple):
    """A project's own tests of a place: where they are, and what to install for them besides pytest."""

    path: str
    packages: Sequence[str] = ()


def prepare(root: Path) -> bool:
    """Set Nox up for the project in a folder, and return whether a Docker engine answers here."""
    # A bare `nox` skips a Python that this machine does not have, and its summary says so. `inv test --session`, which
    # a hosted workflow uses, fails instead.
    nox.options.error_on_missing_interpreters = False
    nox.options.download_python = "never"
    nox.options.envdir = environments(root)
    # Nox handles only Ctrl-C; a session that gets SIGTERM has to clean up too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    engine = engine_answers()
    if not engine and not any(word in {"-s", "-e", "--session", "--sessions"} for word in sys.argv):
        print("No Docker engine answers here: the sessions that need one are left out.", file=sys.stderr)
    return engine


def environments(root: Path) -> str:
    """Return the folder of the environments: .nox, or a temporary one if .nox is in use or cannot be written.

    A parallel Nox starts another Nox for each session, which uses the same folder.
    """
    if ENVIRONMENTS in os.environ or os.name == "nt":
        return os.environ.get(ENVIRONMENTS, ".nox")
    import fcntl

    try:
        (root / ".nox").mkdir(exist_ok=True)
        lock = os.open(root / ".nox", os.O_RDONLY)  # held until this process ends
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        chosen = ".nox"
    except OSError as error:
        why = "another Nox works there" if isinstance(error, BlockingIOError) else error.strerror
        chosen = tempfile.mkdtemp(prefix="djk8s-nox-")
        atexit.register(shutil.rmtree, chosen, ignore_errors=True)
        print(f"Cannot use .nox ({why}); using {chosen} for this run.", file=sys.stderr)
    os.environ[ENVIRONMENTS] = chosen
    return chosen


def engine_answers() -> bool:
    """Return True if an engine answers, for the sessions that need one."""
    if not shutil.which("docker"):
        return False
    try:
        return subprocess.run(["docker", "version"], capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def inv(session: nox.Session, *words: str) -> None:
    """Run an `inv` command in the project's folder, as a person types it."""
    session.run(sys.executable, "inv", *words, external=True)


@contextmanager
def own_names(session: nox.Session) -> Iterator[Path]:
    """Give the session's `inv` a venv, an env file, names and a port of its own; remove them afterwards."""
    name = f"djk8s-nox-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory(prefix=name) as folder:
        session.env.update(
            INVOKE_PROJECT=name,
            INVOKE_IMAGE=name,
            INVOKE_VENV=f"{folder}/venv",
            INVOKE_ENV_FILE=f"{folder}/.env",
            INVOKE_UP_IMAGE=f"{name}-compose:v1",
            INVOKE_UP_PORT=str(free_port()),
            DATABASE_URL="",  # not the one of the person's shell
        )
        yield Path(folder)


@contextmanager
def own_containers(session: nox.Session) -> Iterator[None]:
    """Remove the session's containers, images and volumes at its end, however it ends."""
    with own_names(session):
        inv(session, "ps")  # without an engine, this ends the session in one sentence
        try:
            yield
        finally:
            inv(session, "clean", "--volumes")


def free_port() -> int:
    """Return a free port outside the ranges from which the system and the engine pick."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def local_smoke(session: nox.Session, needs: Sequence[str], own: OwnTests | None) -> None:
    """Prove that the site is served on this machine, which takes a site that needs no other service."""
    if needs:
        session.skip(f"the site needs {' and '.join(needs)}, which container_smoke and compose_smoke bring up")
    with own_names(session) as folder:
        smoke(session, "local")
        session.env["DATABASE_URL"] = f"sqlite:///{folder}/db.sqlite3"
        own_tests(session, own)


def container_smoke(session: nox.Session, needs: Sequence[str], own: OwnTests | None) -> None:
    """Prove that the image holds what it should and that a container of it serves."""
    with own_containers(session):
        smoke(session, "container", needs)
        own_tests(session, own)


def compose_smoke(session: nox.Session, needs: Sequence[str], own: OwnTests | None) -> None:
    """Prove that the project comes up with Compose, alone and with all of compose/."""
    with own_containers(session):
        smoke(session, "compose", needs)
        own_tests(session, own)


def parity(session: nox.Session, needs: Sequence[str], reasons: Mapping[str, str]) -> None:
    """Compare the site on this machine, in a container and with Compose; `reasons` says what may differ, and why."""
    if needs:
        session.skip(f"the site needs {' and '.join(needs)}, which this machine does not have")
    with own_containers(session):
        tests = tests_of_any_site()
        own = {"PYTHONPATH": str(tests), "SMOKE_REASONS": json.dumps(dict(reasons))}
        session.run("python", str(tests / "parity"), *session.posargs, env=own, stderr=None)  # --json is all its output


def site_tests(session: nox.Session) -> None:
    """Run the tests of the site as a person does, with the words that follow `--`."""
    with own_names(session):
        inv(session, "manage", "--", "test", *session.posargs)


def audit(session: nox.Session, *files: str) -> None:
    """Look each package of these files up in PyPI's list of vulnerabilities, or where the words after `--` say."""
    session.install("--quiet", AUDITOR)
    for file in files:
        pinned = "--require-hashes" if "--hash" in Path(file).read_text(encoding="utf-8") else "--no-deps"
        # --strict, so that a package that nobody knows is not taken for a safe one.
        session.run("pip-audit", "--strict", "--disable-pip", pinned, "-r", file, *session.posargs)


def smoke(session: nox.Session, place: str, needs: Sequence[str] = ()) -> None:
    """Run the tests of a place that hold for any site. They have an environment file of their own."""
    tests = tests_of_any_site()
    session.install("--quiet", "--require-hashes", "-r", str(tests / "requirements.txt"))
    own = {"SMOKE_NEEDS": " ".join(needs), "INVOKE_ENV_FILE": f"{session.env['INVOKE_ENV_FILE']}.smoke"}
    run_pytest(session, "-c", str(tests / "pytest.ini"), str(tests / f"test_{place}.py"), env=own)


def own_tests(session: nox.Session, own: OwnTests | None) -> None:
    """Run the project's own tests of a place, if it has some; they can import the helpers of those above."""
    if own:
        session.install("--quiet", *own.packages)
        run_pytest(session, "--verbose", own.path, env={"PYTHONPATH": str(tests_of_any_site())})


def run_pytest(session: nox.Session, *words: str, env: dict[str, str] | None = None) -> None:
    """Run pytest with the words that follow `--`; they may choose tests of another run."""
    codes = [0, NO_TEST_CHOSEN] if session.posargs else [0]
    session.run("pytest", *words, *session.posargs, env=env, success_codes=codes)


def tests_of_any_site() -> Path:
    """Return the folder djk8s/smoke, unpacked for this run where the package is a wheel that is not installed."""
    packed = resources.files("djk8s") / "smoke"
    if isinstance(packed, Path):
        return packed
    folder = Path(tempfile.mkdtemp(prefix="djk8s-smoke-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    unpack(packed, folder)
    return folder


def unpack(packed: Traversable, folder: Path) -> None:
    """Write the files of a folder in a wheel to a folder."""
    for entry in packed.iterdir():
        target = folder / entry.name
        if entry.is_dir():
            target.mkdir()
            unpack(entry, target)
        else:
            target.write_bytes(entry.read_bytes())
