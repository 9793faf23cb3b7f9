"""Run the list in clean environments. A session calls `inv` under names of its own, and leaves nothing behind."""

from __future__ import annotations

import sys
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
sys.path += map(str, [ROOT, *ROOT.glob(".tools-wheels/djk8s-*.whl")])  # for a Nox that is installed elsewhere

from djk8s import sessions  # noqa: E402

nox.needs_version = ">=2026.10"
ENGINE = sessions.prepare(ROOT)

# The files of compose/ without which the site does not get ready, such as "db".
NEEDS: list[str] = []
# Your own tests of a place run after those of djk8s, which hold for any site: by session, where they are and the
# packages that they need, as {"container_smoke": sessions.OwnTests("tests/container", ["requests==2.32.5"])}.
OWN_TESTS: dict[str, sessions.OwnTests] = {}
# What may differ between the places, as a pattern, and why: {"setting CACHE_DIR": "each place has its own"}.
REASONS: dict[str, str] = {}


@nox.session(allow_parallel=True)
def local_smoke(session: nox.Session) -> None:
    """Run the list on this machine in a fresh environment: venv, install, serve, stop."""
    sessions.local_smoke(session, NEEDS, OWN_TESTS.get("local_smoke"))


@nox.session(default=ENGINE, allow_parallel=True)
def container_smoke(session: nox.Session) -> None:
    """Build the image and check what is in it, and the site in a container: pages, probes, confinement, stop."""
    sessions.container_smoke(session, NEEDS, OWN_TESTS.get("container_smoke"))


@nox.session(default=ENGINE, allow_parallel=True)
def compose_smoke(session: nox.Session) -> None:
    """Bring the project up with Compose, alone and with the files of compose/."""
    sessions.compose_smoke(session, NEEDS, OWN_TESTS.get("compose_smoke"))


@nox.session(default=ENGINE, allow_parallel=True)
def parity(session: nox.Session) -> None:
    """Run the site in each place and compare what it is and what it answers; `-- --json` prints JSON."""
    sessions.parity(session, NEEDS, REASONS)


@nox.session(default=False, allow_parallel=True)
def site_tests(session: nox.Session) -> None:
    """Run the site's own tests with Django's runner, in a fresh environment; `-- shop.tests` runs some."""
    sessions.site_tests(session)


@nox.session(default=False)
def audit(session: nox.Session) -> None:
    """Look for known vulnerabilities of what is pinned; needs the internet, and fails on what cannot be looked up."""
    sessions.audit(session, "requirements.txt", "requirements-pip.txt", "requirements-uv.txt")


# From here on, this is for the repository of djk8s alone.

import os  # noqa: E402
import shutil  # noqa: E402

PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT, max_version="3.14")  # from requires-python to the newest that we test
SITE = ("tests/serving", "tests/site", "src")
ADOPT = ("tests/adopt/test_adopt.py", "tests/adopt/test_new.py")


def group(name: str) -> list[str]:
    """Return the packages of a dependency group of pyproject.toml."""
    return list(nox.project.dependency_groups(PROJECT, name))


OWN_TESTS |= {
    "local_smoke": sessions.OwnTests("tests/local", group("smoke")),
    "container_smoke": sessions.OwnTests("tests/container", group("smoke")),
    "compose_smoke": sessions.OwnTests("tests/compose", group("compose")),
}
REASONS |= {
    "setting PLACE": "each place says what it is",
    "setting PORT": "Compose has a port of its own inside, 8023, as the tutorial",
    "GET / (body|content-length)": "the page says where it runs, on what, and on which port",
}


def test_site(session: nox.Session, *words: str) -> None:
    """Run pytest with the packages of the site."""
    session.install("--quiet", "--require-hashes", "-r", "requirements.txt", "-r", "requirements-tools.txt")
    session.install("--quiet", *group("tests"))
    site = {
        "DJANGO_SETTINGS_MODULE": "myproj.settings",
        "SECRET_KEY": "only-for-tests-" + "0123456789" * 4,
        "PYTHON_DOTENV_DISABLED": "1",
        "PYTHONUTF8": "1",  # as ./inv has it
    }
    session.run("pytest", *words, *session.posargs, env=site)


@nox.session(default=ENGINE, allow_parallel=True)
def adopt_smoke(session: nox.Session) -> None:
    """Adopt projects of every shape, which the tests make, start new ones, and run each in its container."""
    session.install("--quiet", "--require-hashes", "-r", "requirements-tools.txt", "-r", "requirements-uv.txt")
    session.install("--quiet", *group("adopt"))
    session.run("pytest", "-v", "--numprocesses=2", *ADOPT, *session.posargs)


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check style, types, shell, Dockerfile, Compose file, workflow and manifests of Kubernetes."""
    session.install("--quiet", "--require-hashes", "-r", "requirements.txt", "-r", "requirements-tools.txt")
    session.install("--quiet", *group("lint"))
    # Without a cache, which is stale when another file beside a checked one is new.
    session.run("ruff", "check", "--no-cache", ".")
    session.run("ruff", "format", "--no-cache", "--check", ".")
    session.run("mypy")
    session.run("hadolint", "Dockerfile")
    session.run("shellcheck", "entrypoint.sh", "compose/backup.sh", ".ci/run", "completion/inv.bash")
    session.run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yaml")
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", ".github/workflows/ci.yml")
    session.run("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")
    session.run("pytest", "--quiet", "tests/kubernetes")  # with kubectl


@nox.session(allow_parallel=True)
def docs(session: nox.Session) -> None:
    """Make a site of docs/ and README, in dist/docs/; a link that leads nowhere fails."""
    session.install("--quiet", "--require-hashes", "-r", "requirements-tools.txt")
    session.install("--quiet", *group("docs"))
    strictly = ("--quiet", "--nitpicky", "--fail-on-warning", "--keep-going", "--fresh-env")
    session.run("sphinx-build", *strictly, "--doctree-dir", session.create_tmp(), "docs", "dist/docs")


@nox.session(python=PYTHONS[::-1], allow_parallel=True)  # the longest first
def tests(session: nox.Session) -> None:
    """Test djk8s, the tasks, the site and the agreement of the files; needs no engine.

    Where several Pythons are installed, the newest tests all, and the others only the site and its server:
    mypy knows what the oldest has, and ci.yml gives each a machine of its own, on which all is tested. With tests named
    after `--`, these.
    """
    installed = [version for version in PYTHONS if shutil.which(f"python{version}")]
    alone = "GITHUB_ACTIONS" in os.environ or session.posargs
    other = session.python in installed[:-1] and not alone
    test_site(session, *(SITE if other else ()))


@nox.session(default=ENGINE, allow_parallel=True)
def postgres(session: nox.Session) -> None:
    """Test the site, and how it is migrated, once more with PostgreSQL for the database."""
    test_site(session, "-p", "on_postgres", "tests/site", "tests/serving/test_migrate.py", "src")


@nox.session(default=ENGINE)  # alone, as it counts what a machine that is busy would lose
def cluster_smoke(session: nox.Session) -> None:
    """Deploy under load, with Compose and on a Swarm: new versions, broken ones, and back; no request may fail."""
    with sessions.own_containers(session):
        sessions.own_tests(session, sessions.OwnTests("tests/cluster", group("cluster")))


@nox.session(default=False)
def wheel(session: nox.Session) -> None:
    """Build the package djk8s, to be used elsewhere, in dist/."""
    session.install("--quiet", "--require-hashes", "-r", "requirements-uv.txt")
    session.run("uv", "build", "--quiet", "--wheel", "--out-dir", "dist", ".")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure this recipe against the tutorial's and two others; needs wrk."""
    session.install("--quiet", "--require-hashes", "-r", "requirements-uv.txt", "-r", "requirements.txt")
    # This machine's indexes would be in uv.lock, and the recipes' builds do not know them.
    indexes = {name: None for name in os.environ if name.startswith("UV_")}
    session.run("python", "bench", *session.posargs, env=indexes, stderr=None)  # so that --json is all of its output
