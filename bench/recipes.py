"""The recipes that are compared, and the sites that each of them is given."""

from __future__ import annotations

import functools
import json
import re
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from engine import BASE, docker, run

ROOT = Path(__file__).resolve().parent.parent
NEW_DEPENDENCY = "six==1.17.0"
# What is added to what `startproject` makes, by file.
PAGE = {
    "myproj/settings.py": """
SECRET_KEY = "only-for-measuring-0123456789012345678901234567890123456789"
DEBUG = False
ALLOWED_HOSTS = ["*"]
STATIC_ROOT = BASE_DIR / "staticfiles"
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
""",
    "myproj/urls.py": """
from myproj import views
urlpatterns.append(path("", views.page))
""",
    "myproj/views.py": """from django.shortcuts import render

def page(request):
    return render(request, "page.html", {"numbers": range(20)})
""",
    "templates/page.html": """<!doctype html>
<title>A page</title>
<h1>This is {{ request.path }}</h1>
<ul>{% for number in numbers %}<li>Line {{ number }}{% endfor %}</ul>
""",
}


class Recipe(NamedTuple):
    """A way to make an image of a site, and to run it."""

    name: str
    files: tuple[Path, ...]  # what it adds to a site
    quiet: tuple[str, ...] = ()  # options of `docker run` that turn the access log off
    logging: tuple[str, ...] = ("--env", "GUNICORN_CMD_ARGS=--access-logfile=-")  # and on


def peer(name: str) -> Recipe:
    """Return a recipe of somebody else."""
    return Recipe(name, tuple((ROOT / "bench" / "recipes" / name).iterdir()))


FILES = ("Dockerfile", "entrypoint.sh", ".dockerignore", "requirements-uv.txt", "serving")
TUTORIAL = peer("tutorial")
OURS = Recipe("ours", tuple(ROOT / name for name in FILES), quiet=("--env", "ACCESS_LOG=0"), logging=())
RECIPES = (TUTORIAL, peer("docker-guide"), peer("uv-example"), OURS)


class Sites(NamedTuple):
    """Folders that a recipe can be added to."""

    plain: Path  # as `startproject` lays it out, with one page
    more: Path  # only the files that name its packages, with one package more
    own: Path  # this project's site


def make_sites(folder: Path) -> Sites:
    """Make the sites in a folder."""
    sites = Sites(*(folder / name for name in Sites._fields))
    source = sites.plain / "src"
    source.mkdir(parents=True)
    run(sys.executable, "-m", "django", "startproject", "myproj", str(source))
    for name, text in PAGE.items():
        (source / name).parent.mkdir(exist_ok=True)
        append(source / name, text)
    lock(sites.plain, "django", "gunicorn")
    lock(sites.more, "django", "gunicorn", NEW_DEPENDENCY)
    add(sites.own, ROOT / "src", ROOT / "requirements.txt")
    return sites


def lock(site: Path, *packages: str) -> None:
    """Pin packages at this project's versions, in requirements.txt and for `uv sync`."""
    site.mkdir(exist_ok=True)
    pins = re.findall(r"^[\w.-]+==[\w.]+", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    project = '[project]\nname = "site"\nversion = "0"\nrequires-python = ">=3.10"\n'
    tool = f"[tool.uv]\nconstraint-dependencies = {json.dumps(pins)}\n"
    append(site / "pyproject.toml", f"{project}dependencies = {json.dumps(packages)}\n{tool}")
    run("uv", "lock", "--quiet", cwd=site)
    run("uv", "export", "--quiet", "--frozen", "--no-emit-project", "--output-file=requirements.txt", cwd=site)


def add(folder: Path, *sources: Path) -> None:
    """Copy files and folders into a folder."""
    folder.mkdir(exist_ok=True)
    for source in sources:
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)


def append(file: Path, text: str) -> None:
    """Add to a file, which may be new."""
    with file.open("a", encoding="utf-8") as opened:
        opened.write(text)


def context(site: Path, recipe: Recipe, run_name: str) -> Path:
    """Return a new folder with a site and a recipe, whose cache mounts nobody has used yet."""
    folder = Path(tempfile.mkdtemp(dir=site.parent, prefix=f"{recipe.name}-"))
    add(folder, *site.iterdir(), *recipe.files)
    dockerfile = folder / "Dockerfile"
    text = with_own_caches(dockerfile.read_text(encoding="utf-8"), f"{run_name}-{secrets.token_hex(4)}")
    # Debian's Python keeps packages elsewhere than that of the official image.
    text = text.replace("/usr/local/lib/python3.13/site-packages", base_packages())
    dockerfile.write_text(text, encoding="utf-8")
    return folder


def with_own_caches(dockerfile: str, name: str) -> str:
    """Return a Dockerfile whose cache mounts have a name in their id, so that they begin empty."""

    def renamed(mount: re.Match[str]) -> str:
        options = dict(option.partition("=")[::2] for option in mount[0].split(","))
        if options.get("type") != "cache":
            return mount[0]
        options["id"] = name + (options.get("id") or options["target"])
        return ",".join(f"{key}={value}" if value else key for key, value in options.items())

    return re.sub(r"(?<=--mount=)\S+", renamed, dockerfile)


@functools.cache
def base_packages() -> str:
    """Return the folder where pip installs in the base image."""
    return docker("run", "--rm", BASE, "python3", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
