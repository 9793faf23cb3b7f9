"""What a project is, as far as the files that it gets depend on it; kept in .djk8s.toml, for `djk8s update`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

FILE = ".djk8s.toml"
KEPT = "kept"


@dataclass(frozen=True)
class Facts:
    """One project. Paths are relative to its folder, or to /app in its container, and have `/` on every system."""

    name: str  # of its image and containers: a-z, 0-9, _ and -
    settings: str  # the module, such as shop.settings
    application: str  # as shop.wsgi:application, or of asgi where `server` is
    src: str = "src"  # the folder of manage.py; "." is the project's own
    path: tuple[str, ...] = ()  # more folders to import from than "." and `src`, as that of a package's sources
    python: str = "3.13"
    server: str = "threads"  # or asgi
    packages: str = "requirements.in"  # the file that its packages are locked in or asked for
    hashed: bool = True  # whether each of them has a hash; one from git has none
    system_build: tuple[str, ...] = ()  # Debian packages that only an installation needs
    system_run: tuple[str, ...] = ()  # Debian packages that the site needs
    node: str = ""  # the folder of package.json, where its script `build` makes static files
    node_packages: str = "npm"  # what installs them, as the package that npm gets it from: pnpm@9, yarn@1
    watch: str = "build"  # the words after `npm run` that make them while developing, again after each edit or once
    static: tuple[str, ...] = ("collectstatic --no-input",)  # manage.py commands, in order
    static_root: str = "staticfiles"
    # The variables without which the settings cannot be imported, for the commands of the build.
    build_variables: dict[str, str] = field(default_factory=lambda: {"SECRET_KEY": "for-this-line-only"})
    tests: bool = False  # whether `inv test` runs its own, with Django's runner
    devcontainer: bool = False  # whether it has ours
    csp: bool = False  # whether its pages have a policy by default, as those of a new project have
    database: str = "sqlite"  # or postgres, postgis, mysql
    offered: tuple[str, ...] = ()  # files of compose/ that it can do without, such as db
    after_migrate: tuple[str, ...] = ()  # more manage.py commands, such as createcachetable
    cache: str = ""  # or redis, memcached
    cache_variables: dict[str, str] = field(default_factory=dict)  # the variables that hold its address, with it
    cache_names: tuple[str, ...] = ()  # by which its settings look for it besides, as redis
    workers: dict[str, str] = field(default_factory=dict)  # command by the name of its service, such as worker or beat
    tracked_data: bool = False  # its own files are in data/
    uploads: str = ""  # the folder of uploads on this machine, which stays out of the image
    private: tuple[str, ...] = ()  # files that git ignores, as local_settings.py: they stay out of the image
    writes: tuple[str, ...] = ()  # what its settings write to: files, and folders with a / at the end
    oldest_python: str = ""  # for which the packages are pinned; without one, pyproject.toml says
    renamed: dict[str, str] = field(default_factory=dict)  # our files beside theirs, as Dockerfile: Dockerfile.djk8s


class Recorded(NamedTuple):
    """What .djk8s.toml says: the facts, the version of djk8s that wrote it, and whether the project keeps its wheel."""

    facts: Facts
    version: str
    keep: bool


def dumps(facts: Facts, version: str, keep: bool = True) -> str:
    """Return the text of .djk8s.toml; `keep` for a project that keeps the wheel of djk8s."""
    lines = [
        "# What `djk8s update` needs to bring later versions of the files here; it keeps your changes to them.",
        f"version = {json.dumps(version)}",
        "# Where djk8s comes from: kept, as a wheel in .tools-wheels/, or index. `djk8s update` follows a change.",
        f"wheel = {json.dumps(KEPT if keep else 'index')}",
        "",
        "[project]",
    ]
    for name, value in asdict(facts).items():
        if isinstance(value, dict):
            pairs = ", ".join(f"{json.dumps(key)} = {json.dumps(text)}" for key, text in value.items())
            value = f"{{ {pairs} }}" if pairs else "{}"
        else:
            value = json.dumps(value)
        lines.append(f"{name} = {value}")
    return "\n".join(lines) + "\n"


def loads(text: str) -> Recorded:
    """Return what a .djk8s.toml says; raises `ValueError` for another file."""
    whole = parsed(text)
    kept = whole.get("wheel", KEPT)
    if kept not in {KEPT, "index"}:
        raise ValueError(f"wheel is {kept!r}: write kept or index")
    known = {one.name for one in fields(Facts)}
    project: dict[str, Any] = {name: value for name, value in whole["project"].items() if name in known}
    project.update({name: tuple(value) for name, value in project.items() if isinstance(value, list)})
    return Recorded(Facts(**project), str(whole["version"]), kept == KEPT)


def parsed(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    found: dict[str, Any] = tomllib.loads(text)
    return found
