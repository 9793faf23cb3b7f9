"""Measure recipes of one site against each other on this machine's engine, in turn, in one run."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import load
from load import Address

ROOT = Path(__file__).resolve().parent.parent
SITE = ("src", "requirements.txt")
FILES = ("Dockerfile", "entrypoint.sh", ".dockerignore")  # of every recipe
LABEL = "djk8s.bench"
ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
NEW_DEPENDENCY = """
six==1.17.0 \\
    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
"""


@dataclass(frozen=True)
class Recipe:
    """A way to make an image of the site, and to run it."""

    name: str
    folder: Path
    files: tuple[str, ...]  # of the folder: what it adds to the site
    options: tuple[str, ...] = ()  # of `docker run`
    quiet: tuple[str, ...] = ()  # what turns its access log off
    logging: tuple[str, ...] = ()  # what turns it on
    confined: tuple[str, ...] = ()  # what confines it as far as it goes
    without: tuple[str, ...] = ()  # files of the site that the recipe does not know
    packages_without: tuple[str, ...] = ()  # packages that only the other recipe needs


@dataclass(frozen=True)
class Bench:
    """One run: a folder and names of its own on the engine, removed at its end."""

    folder: Path
    base: str = "python:3.13-slim"
    name: str = field(default_factory=lambda: f"djk8s-bench-{secrets.token_hex(4)}")

    def image(self, recipe: Recipe) -> str:
        """Return the name of a recipe's image."""
        return f"{self.name}:{recipe.name}"


def docker(*words: str) -> str:
    """Return what the engine says; raises `RuntimeError` with its own words when it fails."""
    return load.run("docker", *words).strip()


def seconds(act: Callable[[], object]) -> float:
    """Return how long something takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def context(bench: Bench, recipe: Recipe) -> Path:
    """Return a fresh folder with the site and a recipe, as its user would have it."""
    folder = Path(tempfile.mkdtemp(dir=bench.folder, prefix=recipe.name))
    for source in [*(ROOT / name for name in SITE), *(recipe.folder / name for name in recipe.files)]:
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    for name in recipe.without:
        (folder / name).unlink()
    for package in recipe.packages_without:
        remove_package(folder / "requirements.txt", package)
    return folder


def remove_package(requirements: Path, name: str) -> None:
    """Take a package, with its hashes, out of a requirements file."""
    text, found = re.subn(rf"^{name}==.*\n(?:    --hash.*\n)+", "", requirements.read_text(), flags=re.MULTILINE)
    if not found:
        raise RuntimeError(f"requirements.txt has no {name} to leave out of the tutorial's recipe")
    requirements.write_text(text)


def cold_build(bench: Bench, recipe: Recipe, folder: Path) -> float:
    """Return the seconds of a first build: no layer and no package at hand, the base image is."""
    dockerfile = folder / "Dockerfile"
    # A cache of packages under a name that nobody used is an empty one; the real one stays as it is.
    fresh = dockerfile.read_text().replace("type=cache,", f"type=cache,id={secrets.token_hex(4)},")
    dockerfile.write_text(fresh)
    return seconds(lambda: build(bench, recipe, folder, "--no-cache"))


def edit_rebuild(bench: Bench, recipe: Recipe, folder: Path) -> float:
    """Return the seconds of a build after one line of one Python file changed."""
    with (folder / "src/myproj/views.py").open("a") as file:
        file.write(f"\n# {secrets.token_hex(4)}\n")
    return seconds(lambda: build(bench, recipe, folder))


def dependency_rebuild(bench: Bench, recipe: Recipe, folder: Path) -> float:
    """Return the seconds of a build after a package was added to requirements.txt."""
    with (folder / "requirements.txt").open("a") as file:
        file.write(f"# {secrets.token_hex(4)}{NEW_DEPENDENCY}")
    return seconds(lambda: build(bench, recipe, folder))


def build(bench: Bench, recipe: Recipe, folder: Path, *options: str) -> None:
    """Build a recipe's image."""
    docker("build", "--quiet", "--label", f"{LABEL}={bench.name}", "--tag", bench.image(recipe), *options, str(folder))


def megabytes_above_base(bench: Bench, recipe: Recipe) -> float:
    """Return what the image adds to its base, in MB (10^6 bytes)."""
    size, base = (
        int(docker("image", "inspect", "--format", "{{.Size}}", name)) for name in (bench.image(recipe), bench.base)
    )
    return (size - base) / 1e6


class Running(NamedTuple):
    """A container that has answered."""

    name: str
    published: Address
    own: Address  # past the engine's forwarding, where this machine can reach it
    answered: float  # seconds from `docker run` to the first good answer


@contextlib.contextmanager
def container(image: str, *options: str, words: tuple[str, ...] = (), port: int = 0) -> Iterator[Running]:
    """Run an image until its first good answer, and remove the container in the end.

    It listens on a port of its own where none is given: what closes every connection leaves this side without ports
    for a minute, but only towards the same one.
    """
    port = port or free_port()
    published = Address("127.0.0.1", free_port())
    options = ("--publish", f"{published.host}:{published.port}:{port}", "--env", f"PORT={port}", *options)
    start = time.perf_counter()
    name = docker("run", "--detach", "--label", LABEL, *options, image, *words)
    try:
        answered = first_answer(published) - start
        own = Address(docker("inspect", "--format", ADDRESS, name), port)
        yield Running(name, published, own if reachable(own) else published, answered)
    finally:
        docker("rm", "--force", "--volumes", name)


def reachable(address: Address) -> bool:
    """Return whether something listens there; the containers of a desktop's virtual machine are out of reach."""
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


def first_answer(address: Address, patience: float = 30) -> float:
    """Return the moment of the first answer of status 200."""
    end = time.perf_counter() + patience
    while time.perf_counter() < end:
        with contextlib.suppress(OSError):
            if load.ask(address).split(b" ")[1:2] == [b"200"]:
                return time.perf_counter()
        time.sleep(0.004)
    raise RuntimeError(f"no answer on port {address.port} within {patience} s")


def floor(bench: Bench) -> float:
    """Return the seconds to the first answer of the base image's own smallest server."""
    with container(bench.base, words=("python3", "-m", "http.server", "8000"), port=8000) as running:
        return running.answered


def stop(name: str) -> tuple[float, int]:
    """Return the seconds that `docker stop` takes, and the exit code."""
    took = seconds(lambda: docker("stop", name))
    return took, int(docker("inspect", "--format", "{{.State.ExitCode}}", name))


def idle_megabytes(name: str) -> float:
    """Return the memory of a container that has answered and now rests, in MB, as `docker stats` counts it."""
    said = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", name)
    number, unit = re.match(r"([\d.]+)(KiB|MiB|GiB)", said).groups()  # type: ignore[union-attr]
    return float(number) * {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit] / 1e6


def clean(bench: Bench, recipes: list[Recipe]) -> None:
    """Remove the images of a run, those that lost their name to a newer one too, and its volume.

    The build cache stays as it is.
    """
    for recipe in recipes:
        with contextlib.suppress(RuntimeError):
            docker("image", "rm", "--force", bench.image(recipe))
    with contextlib.suppress(RuntimeError):
        docker("image", "prune", "--force", "--filter", f"label={LABEL}={bench.name}")
    with contextlib.suppress(RuntimeError):
        docker("volume", "rm", bench.name)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
