"""The Debian packages that a project's Python packages need, apart for installing them and for the running site."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from djk8s.adopt.found import Found
from djk8s.facts import parsed
from djk8s.packages import pins, resolver
from djk8s.packages.python import read
from djk8s.packages.requirements import Export, written
from djk8s.shell.talk import refuse

COMPILER = ("build-essential", "python3-dev")  # with the headers of a Python that is Debian's own
PLATFORMS = ("x86_64-manylinux_2_40", "aarch64-manylinux_2_40")  # of Debian 13, as far as uv knows names
NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")  # https://www.debian.org/doc/debian-policy/ch-controlfields.html#source


@dataclass(frozen=True)
class System:
    """Debian packages: those that an installation needs, and those that the site needs."""

    build: tuple[str, ...] = ()
    run: tuple[str, ...] = ()


# A package that is compiled needs what is listed for it; a wheel brings its own libraries along.
COMPILED: Mapping[str, System] = {
    "gdal": System(("libgdal-dev",), ("gdal-bin",)),
    "lxml": System(("libxml2-dev", "libxslt1-dev"), ("libxml2", "libxslt1.1")),
    "mysqlclient": System(("default-libmysqlclient-dev", "pkg-config"), ("libmariadb3",)),
    "pillow": System(("libjpeg-dev", "zlib1g-dev"), ("libjpeg62-turbo",)),
    "psycopg-c": System(("libpq-dev",), ("libpq5",)),
    "psycopg2": System(("libpq-dev",), ("libpq5",)),
    "pycairo": System(("libcairo2-dev", "pkg-config"), ("libcairo2",)),
    "pylibmc": System(("libmemcached-dev", "zlib1g-dev"), ("libmemcached11t64",)),
    "python-ldap": System(("libldap-dev", "libsasl2-dev"), ("libldap2", "libsasl2-2")),
}
# These are Python, and look for a library of the system when they are imported.
LOADS: Mapping[str, tuple[str, ...]] = {
    "cairocffi": ("libcairo2",),
    "psycopg": ("libpq5",),
    "python-magic": ("libmagic1t64",),
    "weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
}
# By what code names; gdal-bin brings GEOS and PROJ.
NAMED: Mapping[str, tuple[str, ...]] = {
    "django.contrib.gis": ("gdal-bin",),
    "django.contrib.gis.db.backends.spatialite": ("libsqlite3-mod-spatialite",),
}


def system(
    root: Path, export: Export, python: str, named: Collection[str] = (), run: resolver.Run | None = None
) -> Found[System]:
    """Return the Debian packages for an export, for what of `NAMED` the code names, and those that apt.txt asks for.

    Raises `Exit` if uv cannot say which packages have a wheel.
    """
    compiled = without_wheel(export, python, run or resolver.quiet(root))
    found = needed(export, compiled, named)
    listed = from_file(root / "apt.txt")
    where = "; ".join(
        part
        for part in (
            f"no wheel of {', '.join(sorted(compiled))}" if compiled else "",
            *sorted(named)[:1],
            "apt.txt" if listed else "",
        )
        if part
    )
    # A library's headers are for the compiler, and may bring the library along that the site needs.
    build = unique((*found.build, *listed)) if found.build else ()
    return Found(System(build, unique((*found.run, *listed))), where or "the packages")


def needed(export: Export, compiled: Collection[str], named: Collection[str] = ()) -> System:
    """Return the Debian packages for an export, given which of its packages have no wheel."""
    build: list[str] = list(COMPILER if compiled else ())
    run: list[str] = []
    if any("git+" in line for line in export.kept):
        build.append("git")
    for name in sorted(compiled):
        more = COMPILED.get(name, System())
        build += more.build
        run += more.run
    for name in sorted(export.pins):
        if not (name == "psycopg" and {"psycopg-binary", "psycopg-c"} & set(export.pins)):
            run += LOADS.get(name, ())
    for name in named:
        run += NAMED[name]
    return System(unique(build), unique(run))


def unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def without_wheel(export: Export, python: str, run: resolver.Run) -> frozenset[str]:
    """Return the packages that have no wheel for a Python on Linux, on either of two kinds of processors.

    uv lists in a pylock.toml only the wheels that fit the platform.
    """
    pinned = pins.constraints(pins.blocks(export.text))
    options = [line for line in export.kept if line.startswith("-")]
    found: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="djk8s-wheels-") as folder:
        asked = written(Path(folder) / "requirements.in", [*options, *pinned])
        for platform in PLATFORMS:
            lock = Path(folder) / f"pylock.{platform.partition('-')[0]}.toml"
            words = ("pip", "compile", "--quiet", "--no-deps", "--format=pylock.toml", "--python", resolver.PYTHON)
            for_it = (f"--python-platform={platform}", f"--python-version={python}")
            run((*words, *for_it, "--output-file", lock, asked), failed)
            packages = parsed(read(lock)).get("packages", [])
            found |= {package["name"] for package in packages if "sdist" in package and not package.get("wheels")}
    return frozenset(found)


def failed(said: str) -> str:
    return f"uv cannot say which packages have to be compiled: {resolver.reason(said)}."


def from_file(file: Path) -> tuple[str, ...]:
    """Return the Debian packages that a file lists; raises `Exit` for a line that is none."""
    names = [name for line in read(file).splitlines() for name in line.partition("#")[0].split()]
    for name in names:
        if not NAME.fullmatch(name):
            refuse(f"{file.name} asks for {name!r}, which is no name of a Debian package: name one in each line.")
    return tuple(names)
