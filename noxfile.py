"""Run the list in clean environments. A session calls `inv` under names of its own, and leaves nothing behind."""

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
# A bare `nox` skips a Python that this machine does not have, and its summary says so. `inv test --session`, which the
# hosted workflow uses, fails instead.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

# Nox handles only Ctrl-C; a session that gets SIGTERM has to clean up too.
signal.signal(signal.SIGTERM, signal.default_int_handler)

ROOT = Path(__file__).parent
ENVIRONMENTS = "DJK8S_NOX_ENVIRONMENTS"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT, max_version="3.14")  # from requires-python to the newest that we test


def environments() -> str:
    """Return the folder of the environments: .nox, or a temporary one if .nox is in use or cannot be written.

    A parallel Nox starts another Nox for each session, which uses the same folder.
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
        print(f"Cannot use .nox ({why}); using {chosen} for this run.", file=sys.stderr)
    os.environ[ENVIRONMENTS] = chosen
    return chosen


nox.options.envdir = environments()


def engine_answers() -> bool:
    """Return True if an engine answers, for the sessions that need one."""
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
    """Run pytest with the packages of the site."""
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
    """Run an `inv` command, as a person types it."""
    session.run(sys.executable, str(ROOT / "inv"), *words, external=True)


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


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check style, types, shell, Dockerfile, Compose file and workflow."""
    session.install("--quiet", "--require-hashes", "-r", "requirements.txt", "-r", "requirements-tools.txt")
    install_group(session, "lint")
    # Without a cache, which is stale when another file beside a checked one is new.
    session.run("ruff", "check", "--no-cache", ".")
    session.run("ruff", "format", "--no-cache", "--check", ".")
    session.run("mypy")
    session.run("hadolint", "Dockerfile")
    session.run("shellcheck", "entrypoint.sh", ".ci/run", "completion/inv.bash")
    session.run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yaml")
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", ".github/workflows/ci.yml")


@nox.session(python=PYTHONS, allow_parallel=True)
def tests(session: nox.Session) -> None:
    """Test djk8s, the tasks, the site and the agreement of the files; needs no engine."""
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
    """Run the site in each place and compare the answers; `-- --json` prints JSON."""
    install_group(session, "smoke")
    with own_containers(session):
        session.run("python", "tests/parity", *session.posargs, env={"PYTHONPATH": "tests"}, stderr=None)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure this recipe against the tutorial's and two others; needs wrk."""
    session.install("--quiet", "--require-hashes", "-r", "requirements-uv.txt", "-r", "requirements.txt")
    # This machine's indexes would be in uv.lock, and the recipes' builds do not know them.
    indexes = {name: None for name in os.environ if name.startswith("UV_")}
    session.run("python", "bench", *session.posargs, env=indexes, stderr=None)  # so that --json is all of its output


@nox.session(python=False, default=False)
def lock(session: nox.Session) -> None:
    """Pin what requirements*.in ask for, for each Python of pyproject.toml; `-- --upgrade` takes newer versions."""
    uv = Path(sys.executable).with_name("uv")  # of .tools/, as Nox
    for source in sorted(ROOT.glob("requirements*.in")):
        session.run(
            str(uv),
            "pip",
            "compile",
            "--quiet",
            "--universal",
            f"--python={sys.executable}",
            f"--python-version={PYTHONS[0]}",
            "--fork-strategy=fewest",  # one version of a package for every Python
            "--generate-hashes",
            "--no-annotate",
            "--custom-compile-command=inv lock",
            f"--output-file={source.with_suffix('.txt').name}",
            *session.posargs,
            source.name,
            external=True,
        )
