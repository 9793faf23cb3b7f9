"""Where the list is run clean. A session calls `inv`, under names of its own, and leaves nothing behind."""

from __future__ import annotations

import atexit
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nox

nox.needs_version = ">=2026.10"
# A bare `nox` leaves out a Python that is not on this machine, and its summary says so; `inv test --session`,
# which the hosted workflow types for each, does not.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

# So that a session that is ended removes what it made, as with Ctrl-C; Nox itself knows no other signal.
signal.signal(signal.SIGTERM, signal.default_int_handler)

ROOT = Path(__file__).parent
ENVIRONMENTS = "DJK8S_NOX_ENVIRONMENTS"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def environments() -> str:
    """Return where sessions keep their environments: in .nox, or aside where another Nox works there or none may.

    The Nox that a parallel one starts for each session keeps to what that chose.
    """
    if ENVIRONMENTS in os.environ or os.name == "nt":
        return os.environ.get(ENVIRONMENTS, ".nox")
    import fcntl

    try:
        (ROOT / ".nox").mkdir(exist_ok=True)
        lock = os.open(ROOT / ".nox", os.O_RDONLY)  # held until this process ends
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        chosen = ".nox"
    except OSError as error:
        why = "another Nox works there" if isinstance(error, BlockingIOError) else error.strerror
        chosen = tempfile.mkdtemp(prefix="djk8s-nox-")
        atexit.register(shutil.rmtree, chosen, ignore_errors=True)
        print(f".nox is not to be had ({why}): the environments are in {chosen} meanwhile.", file=sys.stderr)
    os.environ[ENVIRONMENTS] = chosen
    return chosen


nox.options.envdir = environments()


def engine_answers() -> bool:
    """Return whether the sessions that need an engine can run here."""
    if not shutil.which("docker"):
        return False
    try:
        return subprocess.run(["docker", "version"], capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


ENGINE = engine_answers()
if not ENGINE and not any(word in {"-s", "-e", "--session", "--sessions"} for word in sys.argv):
    print(
        "No Docker engine answers here: postgres, container_smoke, compose_smoke and parity are left out.",
        file=sys.stderr,
    )


def install_group(session: nox.Session, group: str) -> None:
    """Install a dependency group of pyproject.toml."""
    session.install("--quiet", *nox.project.dependency_groups(PROJECT, group))


def test_site(session: nox.Session, *words: str) -> None:
    """Run pytest where the site can be imported."""
    session.install("--quiet", "--require-hashes", "-r", "requirements.txt", "-r", "requirements-tools.txt")
    install_group(session, "tests")
    site = {
        "DJANGO_SETTINGS_MODULE": "myproj.settings",
        "SECRET_KEY": "only-for-tests-" + "0123456789" * 4,
        "PYTHON_DOTENV_DISABLED": "1",
        "PYTHONUTF8": "1",  # as ./inv has it
    }
    session.run("pytest", *words, *session.posargs, env=site)


def inv(session: nox.Session, *words: str) -> None:
    """Type an `inv` command, as a person does."""
    session.run(sys.executable, str(ROOT / "inv"), *words, external=True)


@contextmanager
def own_names(session: nox.Session) -> Iterator[Path]:
    """Give the session's `inv` an environment, an env file, names and a port of its own; remove them after."""
    name = f"djk8s-nox-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory(prefix=name) as folder:
        session.env.update(
            INVOKE_PROJECT=name,
            INVOKE_IMAGE=name,
            INVOKE_VENV=f"{folder}/venv",
            INVOKE_ENV_FILE=f"{folder}/.env",
            INVOKE_UP_IMAGE=f"{name}-compose:v1",
            INVOKE_UP_PORT=str(free_port()),
        )
        yield Path(folder)


@contextmanager
def own_containers(session: nox.Session) -> Iterator[None]:
    """Remove the session's containers, images and volumes at its end, however it ends."""
    with own_names(session):
        inv(session, "ps")  # without an engine this ends the session, and says what is missing
        try:
            yield
        finally:
            inv(session, "clean", "--volumes")


def free_port() -> int:
    """Return a port that nothing listens on, of those that neither the system nor the engine picks by itself."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check style, types, shell, Dockerfile, Compose file and workflow."""
    session.install("--quiet", "--require-hashes", "-r", "requirements.txt", "-r", "requirements-tools.txt")
    install_group(session, "lint")
    # Without a cache: what it keeps of a file is stale once another file beside it is new.
    session.run("ruff", "check", "--no-cache", ".")
    session.run("ruff", "format", "--no-cache", "--check", ".")
    session.run("mypy")
    session.run("hadolint", "Dockerfile")
    session.run("shellcheck", "entrypoint.sh", ".ci/run", "completion/inv.bash")
    session.run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yaml")
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", ".github/workflows/ci.yml")


@nox.session(python=PYTHONS, allow_parallel=True)
def tests(session: nox.Session) -> None:
    """Test the steps, the tasks, the site and the agreement of the files; needs no engine."""
    test_site(session)


@nox.session(default=ENGINE, allow_parallel=True)
def postgres(session: nox.Session) -> None:
    """Test the site once more, with PostgreSQL for its database."""
    test_site(session, "-p", "on_postgres", "tests/site", "src")


@nox.session(allow_parallel=True)
def local_smoke(session: nox.Session) -> None:
    """Run the list on this machine in a fresh environment: venv, install, serve, stop."""
    install_group(session, "smoke")
    with own_names(session) as folder:
        session.env["DATABASE_URL"] = f"sqlite:///{folder}/db.sqlite3"
        session.run("pytest", "-v", "tests/local", *session.posargs)


@nox.session(default=ENGINE, allow_parallel=True)
def container_smoke(session: nox.Session) -> None:
    """Build the image and check it, and a stranger's project in the same box, running."""
    install_group(session, "smoke")
    with own_containers(session):
        inv(session, "build", "--tag", "smoke")
        session.run("pytest", "-v", "tests/container", *session.posargs)


@nox.session(default=ENGINE, allow_parallel=True)
def compose_smoke(session: nox.Session) -> None:
    """Bring the project up with Compose, each overlay and all together, and look at it with a browser."""
    install_group(session, "smoke")
    install_group(session, "browser")
    with own_containers(session):
        session.run("pytest", "-v", "tests/compose", *session.posargs)


@nox.session(default=ENGINE, allow_parallel=True)
def parity(session: nox.Session) -> None:
    """Run the site in each place, and compare what it is and what it answers; `-- --json` for machines."""
    install_group(session, "smoke")
    with own_containers(session):
        session.run("python", "tests/parity", *session.posargs, env={"PYTHONPATH": "tests"}, stderr=None)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the tutorial's recipe and this one, with wrk or, where there is none, with Locust."""
    if not shutil.which("wrk"):
        install_group(session, "bench")
    session.run("python", "bench", *session.posargs, stderr=None)  # so that --json is all of its output


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Pin anew what requirements*.in ask for; `-- --upgrade` takes the newest versions."""
    session.install("--quiet", "--require-hashes", "-r", "requirements-uv.txt")
    for source in sorted(ROOT.glob("requirements*.in")):
        session.run(
            "uv",
            "pip",
            "compile",
            "--quiet",
            "--universal",
            f"--python-version={PYTHONS[0]}",
            "--fork-strategy=fewest",  # one version of a package for every Python
            "--generate-hashes",
            "--no-annotate",
            "--custom-compile-command=inv lock",
            f"--output-file={source.with_suffix('.txt').name}",
            *session.posargs,
            source.name,
        )
