"""What is measured: each function measures once, and notes values under the keys of the report's rows."""

from __future__ import annotations

import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from engine import BASE, Engine, docker, run
from recipes import OURS, ROOT, TUTORIAL, Recipe, Sites, append, context

from load import requests_per_second

Note = Callable[[str, str, float], None]  # takes the key of a row, a column and a value

CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--user", "12345:0")
# The smallest server that Python can be: two modules, both in C.
FLOOR = """import _socket, posix
server = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
server.bind(("0.0.0.0", int(posix.environ[b"PORT"])))
server.listen()
while True:
    client = _socket.socket(fileno=server._accept()[0])
    client.recv(4096)
    client.send(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    client.close()
"""
NOTES = "from board.models import Note; Note.objects.bulk_create(Note(text=f'Note {n}', words=2) for n in range(20))"


def floor(engine: Engine, note: Note) -> None:
    """Start the smallest possible server in the base image."""
    with engine.serve(BASE, command=["python3", "-I", "-S", "-c", FLOOR]) as running:
        note("floor", "base", running.answered)


def recipe_on_plain_site(engine: Engine, recipe: Recipe, sites: Sites, note: Note) -> None:
    """Build a recipe's image from nothing, after an edit and after a new dependency; run the second of these."""
    folder = context(sites.plain, recipe, engine.name)
    note("first", recipe.name, seconds(lambda: engine.build(recipe.name, folder, "--no-cache")))
    append(folder / "src" / "myproj" / "views.py", comment())
    note("edit", recipe.name, seconds(lambda: engine.build(recipe.name, folder)))
    image = engine.image(recipe.name)
    note("size", recipe.name, (image_bytes(image) - image_bytes(BASE)) / 1e6)
    run_image(engine, recipe, image, note)
    shutil.copytree(sites.more, folder, dirs_exist_ok=True)
    for name in ("requirements.txt", "uv.lock"):  # so that no earlier round has built the same
        append(folder / name, comment())
    note("dependency", recipe.name, seconds(lambda: engine.build(recipe.name, folder)))


def run_image(engine: Engine, recipe: Recipe, image: str, note: Note) -> None:
    """Run an image quiet, confined and logging, and ours with its other server too."""
    with engine.serve(image, recipe.quiet) as running:
        note("answer", recipe.name, running.answered)
        note("memory", recipe.name, megabytes(running.name))
        note("requests", recipe.name, requests_per_second(running.port))
        note("stop", recipe.name, seconds(lambda: docker("stop", running.name)))
        note("exit", recipe.name, float(docker("inspect", "--format", "{{.State.ExitCode}}", running.name)))
    try:
        with engine.serve(image, CONFINED) as running:
            note("confined", recipe.name, running.answered)
    except TimeoutError as error:
        print(f"confined: {error}", file=sys.stderr)
    with engine.serve(image, recipe.logging) as running:
        note("logged", recipe.name, requests_per_second(running.port))
    if recipe is OURS:
        with engine.serve(image, (*recipe.quiet, "--env", "SERVER=asgi")) as running:
            note("requests", "asgi", requests_per_second(running.port))


class OwnSite(NamedTuple):
    """This project's site as a recipe makes it, with a database of its own."""

    column: str
    image: str
    options: tuple[str, ...]


def own_site(engine: Engine, recipe: Recipe, sites: Sites) -> OwnSite:
    """Build this project's site by a recipe, and put twenty notes on its board."""
    image = engine.build(f"{recipe.name}-own", context(sites.own, recipe, engine.name))
    key, data = secrets.token_hex(32), engine.volume(recipe.name)
    options: tuple[str, ...] = ("--env", f"SECRET_KEY={key}", "--volume", f"{data}:/app/data")
    commands = [("migrate", "--no-input"), ("shell", "-c", NOTES)]
    if recipe is TUTORIAL:  # it gathers no static files, and this site's pages name them
        options += ("--volume", f"{engine.volume('static')}:/app/staticfiles")
        commands.append(("collectstatic", "--no-input"))
    for words in commands:
        engine.run(image, "/opt/venv/bin/python", "/app/src/manage.py", *words, options=options)
    return OwnSite(recipe.name, image, (*options, *recipe.quiet))


def requests_on_own_site(engine: Engine, site: OwnSite, note: Note) -> None:
    """Ask this project's site for its first page and for the board, which reads the database."""
    with engine.serve(site.image, site.options) as running:
        note("home", site.column, requests_per_second(running.port))
        note("board", site.column, requests_per_second(running.port, "/board/"))


def inv(note: Note) -> None:
    """Let ./inv load the tasks and list them, and take off the time that Invoke alone takes to start."""
    python = ROOT / ".tools" / "bin" / "python"
    listing = seconds(lambda: run(sys.executable, str(ROOT / "inv"), "--list"))
    note("inv", OURS.name, listing - seconds(lambda: run(str(python), "-m", "invoke", "--version")))


def seconds(act: Callable[[], object]) -> float:
    """Return how long something takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def comment() -> str:
    """Return a line that is in no file yet."""
    return f"\n# {secrets.token_hex(4)}\n"


def image_bytes(image: str) -> int:
    """Return the size of an image."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image))


def megabytes(container: str) -> float:
    """Return the memory of a container's control group without file cache, as `docker stats` has it after a second."""
    usage = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container)
    number, unit = re.findall(r"^([\d.]+)([KMG])iB", usage)[0]
    return float(number) * {"K": 2**10, "M": 2**20, "G": 2**30}[unit] / 1e6
