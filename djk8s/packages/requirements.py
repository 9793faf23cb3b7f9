"""Where a project's packages are named, and how they become a hashed requirements.txt for its Python.

What a lock pins is taken as it is, hashes included; uv resolves the rest. What serving needs is added to it in versions
that go with it.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from djk8s.adopt.found import Found, Unsure
from djk8s.packages import locks, pins, resolver
from djk8s.packages.python import allows, read
from djk8s.shell.talk import refuse

SERVING = ("gunicorn", "whitenoise", "python-json-logger", "dj-database-url")  # what serving/ imports
LOCKS = ("uv.lock", *locks.READERS)
NOT_FOR_SERVING = re.compile("dev|test|local|ci|doc|lint|debug", re.IGNORECASE)
HEADER = "# What the site installs: the packages of {}, and what serving needs. `inv lock` writes this.\n"
OF = "# They are those of sha256:{}.\n"  # the source's digest, by which a later change of it is seen
WITHOUT_HASH = "\n# These have no hash, because no index keeps them, or say where packages are.\n"
# https://pip.pypa.io/en/stable/reference/requirements-file-format/#global-options
OPTION = re.compile(r"^(?:-i|-f|--(?:extra-)?index-url|--find-links|--no-binary|--only-binary|--trusted-host)[ =].*")
# What `pip freeze` also lists on Windows, and on Debian, and what no Linux can install or needs.
NOT_FOR_LINUX = (
    "pkg-resources", "pypiwin32", "pywin32", "pywinpty", "twisted-iocpsupport", "wincertstore", "windows-curses",
)  # fmt: skip
# One file for every system, and one version of a package for every Python from the given one on.
COMPILE = ("pip", "compile", "--quiet", "--universal", "--fork-strategy=fewest", "--generate-hashes", "--no-annotate")


@dataclass(frozen=True)
class Export:
    """The text of a requirements.txt, its lines that have no hash, and the version of each package that is pinned."""

    text: str
    kept: tuple[str, ...]
    pins: dict[str, str]
    django: bool = True  # whether the site's own packages lead to it

    @property
    def hashed(self) -> bool:
        """Whether every package has a hash, so that `--require-hashes` accepts the file."""
        return all(line.startswith("-") for line in self.kept)


def source(root: Path, given: str | None, src: str = ".") -> Found[str]:
    """Return the file that names the site's packages, relative to the project's folder, with `/` between the parts.

    It is there, in a folder of it, or in `src`, the one of manage.py. Raises `Unsure` if there are several, and `Exit`
    if there is none.
    """
    root = root.resolve()  # as included files are
    if given:
        return Found(checked(root, given), "--packages")
    folders = [*dict.fromkeys((root, *below(root), root / src))]
    found = list(candidates(root)) or [file for folder in folders[1:] for file in candidates(folder)]
    found = found or next(filter(None, map(named_otherwise, folders)), [])
    names = tuple(file.relative_to(root).as_posix() for file in found)
    if not names:
        refuse(nothing(root))
    if len(names) > 1:
        raise Unsure("--packages", "Which file names the packages of the site in production?", names)
    return Found(names[0], names[0])


def below(root: Path) -> list[Path]:
    return [folder for folder in sorted(root.iterdir()) if folder.is_dir() and folder.name[0] not in "._"]


def named_otherwise(folder: Path) -> list[Path]:
    """Return the lists in a folder, as requirements/base.txt or requirements-prod.txt, that are for production."""
    found = [*sorted(folder.glob("req*/*.txt")), *sorted(folder.glob("req*.txt"))]
    found = [file for file in found if not NOT_FOR_SERVING.search(file.stem)]
    return [file for file in found if "prod" in file.stem] or found


def checked(root: Path, given: str) -> str:
    """Return the path that a person gave; raises `Exit` unless it is a file of a known kind in the project."""
    file = (root / given).resolve()
    if not file.is_file() or not file.is_relative_to(root):
        refuse(f"There is no {given} in the project: name a file in it, for example --packages requirements.txt.")
    if file.name not in (*LOCKS, "pyproject.toml") and file.suffix not in (".txt", ".in"):
        refuse(f"--packages {given} is of no known kind: name a {', '.join(LOCKS)}, pyproject.toml, .txt or .in.")
    return file.relative_to(root).as_posix()


def candidates(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder that name packages, but none that is made from another or leads to it."""
    found = [folder / name for name in LOCKS if (folder / name).is_file()]
    yield from found
    production = sorted(folder.glob("requirements/prod*.txt"))
    yield from map(asked, production)
    plain = asked(folder / "requirements.txt")
    comments = "".join(re.findall("^#.*", read(plain), re.MULTILINE)[:5])
    exported = HEADER.partition("{")[0] in comments or (found and "uv export" in comments)
    part_of_production = production and any(folder / "requirements" in file.parents for file in included(plain))
    part_of_production = part_of_production or any(plain in included(file) for file in production)
    if plain.is_file() and not exported and not part_of_production:
        yield plain
        if "pyproject.toml" in comments:
            return
    locked = {"uv.lock", "poetry.lock", "pdm.lock"} & {file.name for file in found}
    if dependencies(folder) and not locked:
        yield folder / "pyproject.toml"


def asked(file: Path) -> Path:
    """Return the requirements.in beside a requirements.txt, or else that."""
    return file.with_suffix(".in") if file.with_suffix(".in").is_file() else file


def dependencies(folder: Path) -> bool:
    return bool(locks.table(folder / "pyproject.toml", "project").get("dependencies"))


def nothing(root: Path) -> str:
    """Return the sentence for a project without any of the files."""
    for folder in (root, *below(root)):
        at = f"{folder.relative_to(root).as_posix()}/" if folder != root else ""
        if (folder / "Pipfile").is_file():
            return f"There is {at}Pipfile without its lock: type `pipenv lock` there, and commit Pipfile.lock."
        if locks.table(folder / "pyproject.toml", "tool", "poetry", "dependencies"):
            return f"{at}pyproject.toml is Poetry's, and has no lock: type `poetry lock` there, and commit poetry.lock."
    if named := sorted(file.name for file in root.glob("*.txt") if re.search("pip|dep", file.name, re.IGNORECASE)):
        return f"There is no requirements.txt: if {named[0]} names the packages of the site, add --packages {named[0]}."
    return (
        "No file names the packages of the site: type `pip freeze > requirements.txt` in its virtual environment, and "
        "commit that, or name another file with --packages."
    )


def included(file: Path) -> list[Path]:
    """Return the requirements files that one includes with `-r`, and those that they include."""
    found, rest = [file.resolve()], [file.resolve()]
    while rest:
        one = rest.pop()
        for name in re.findall(r"^(?:-r|--requirement)[ =]*(\S+)", read(one), re.MULTILINE):
            path = (one.parent / name).resolve()
            if path not in found:  # one that includes the first again ends here
                found.append(path)
                rest.append(path)
    return found[1:]


def options(file: Path) -> list[str]:
    """Return the lines of a requirements file, and of those that it includes, that say where packages are."""
    lines = [line for path in (file, *included(file)) for line in read(path).splitlines()]
    return [line.partition(" #")[0].strip() for line in lines if OPTION.match(line)]


def export(root: Path, source: str, python: str, before: str | None = None, run: resolver.Run | None = None) -> Export:
    """Return the hashed requirements of what a file names and of what serving needs, for a Python as 3.13.

    `before` is an older export, whose versions stay where they can; by default the .txt beside a .in. Raises `Exit`
    with uv's own reason if the packages cannot be resolved.
    """
    file = root / source
    if before is None:
        before = read(file.with_suffix(".txt")) if file.suffix == ".in" else ""
    with tempfile.TemporaryDirectory(prefix="djk8s-lock-") as folder:
        uv = Resolution(Path(folder), root, source, python, before, run or resolver.quiet(root))
        theirs, indexes = uv.theirs()
        added = uv.added(theirs, indexes)
    whole = sorted((block for block in (*theirs, *added) if pins.is_hashed(block)), key=str.lower)
    kept = (*indexes, *(block for block in theirs if not pins.is_hashed(block)))
    lines = [HEADER.format(source), OF.format(digest(file)), *(f"{block}\n" for block in whole)]
    if kept:
        lines += [WITHOUT_HASH, *(f"{line}\n" for line in kept)]
    django = any(re.match(r"django\b(?!-)|.*[/=]django(?:\b(?!-)|-\d)", one, re.IGNORECASE) for one in theirs)
    return Export("".join(lines), kept, pins.versions((*theirs, *added)), django)


@dataclass(frozen=True)
class Resolution:
    """One export in the making, with a folder for the files that uv reads and writes."""

    folder: Path
    root: Path
    source: str
    python: str
    before: str
    run: resolver.Run

    def theirs(self) -> tuple[list[str], list[str]]:
        """Return the blocks of the site's own packages, and the lines that say where they are."""
        file = self.root / self.source
        indexes: list[str] = []
        if file.name == "uv.lock":
            self.check_python(locks.table(file).get("requires-python", ""))
            found = self.exported()
            indexes = [of_uv(index) for index in uv_indexes(file.parent)]
        elif file.name in locks.READERS:
            locked = locks.read(file)
            self.check_python(locked.pythons)
            indexes = list(locked.indexes)
            found = list(locked.blocks)
            if locked.asked:
                have = {pins.pin(block)[0] for block in found if pins.is_hashed(block)}
                more = self.compiled("theirs", [*indexes, *locked.asked], locked.limits)
                found += [block for block in more if pins.pin(block)[0] not in have]
        else:
            if path := path_of_a_machine(file):
                refuse(
                    f"{self.source} has a path of another machine ({path}): write the versions with "
                    f"`pip list --format=freeze > {self.source}` there, and commit that."
                )
            found = self.compiled("theirs", file)
            indexes = options(file)
        return list(without_itself(found)), list(dict.fromkeys(indexes))

    def added(self, theirs: Sequence[str], indexes: Sequence[str]) -> list[str]:
        """Return the blocks of what serving needs and the site has not, in versions that go with the site's."""
        have = pins.versions(theirs)
        # kombu needs it for redis, and asks for it only in an extra: https://github.com/celery/kombu
        wanted = (*SERVING, "packaging") if {"kombu", "redis"} <= have.keys() else SERVING
        missing = [name for name in wanted if name not in have]
        if not missing:
            return []
        found = self.compiled("serving", [*indexes, *missing], theirs)
        return [block for block in found if pins.pin(block)[0] not in have]

    def exported(self) -> list[str]:
        """Return the blocks of uv.lock."""
        output = self.folder / "theirs.txt"
        words = ("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-annotate", "--no-header")
        where = (self.root / self.source).parent
        project = ("--project", where) if where != self.root else ()
        groups = sorted(locks.PRODUCTION & locks.table(where / "pyproject.toml", "dependency-groups").keys())
        project = (*project, *(word for name in groups for word in ("--group", name)))
        self.run((*words, *project, "--python", resolver.PYTHON, "--output-file", output), self.failed)
        return pins.blocks(read(output))

    def compiled(self, name: str, asks: Path | Iterable[str], constraints: Iterable[str] = ()) -> list[str]:
        """Return the blocks of what a file or lines ask for, given the pins that they have to go with."""
        output, limits = self.folder / f"{name}.txt", self.folder / "pins.txt"
        asks = asks if isinstance(asks, Path) else written(self.folder / f"{name}.in", asks)
        written(output, pins.constraints(pins.blocks(self.before)))
        written(limits, pins.constraints(constraints))
        words = (*COMPILE, "--no-header", "--python", resolver.PYTHON, f"--python-version={self.python}")
        left_out = not_for_linux(asks)
        excluded = ("--excludes", written(self.folder / "excluded.txt", left_out)) if left_out else ()
        limited = ("--constraint", limits) if constraints else ()
        self.run((*words, *excluded, *limited, "--output-file", output, asks), self.failed)
        return pins.blocks(read(output))

    def check_python(self, allowed: str) -> None:
        if not allows(allowed, self.python):
            refuse(
                f"{self.source} is for Python {allowed}, and not for {self.python}: "
                "name a Python that it is for with --python, or lock the packages again."
            )

    def failed(self, said: str) -> str:
        """Return the sentence for what uv said."""
        remedy = "give this machine access to it" if "Git operation failed" in said else "correct it there"
        problem = f"The packages of {self.source} cannot be locked for Python {self.python}"
        return f"{problem}, {remedy}: {resolver.reason(said)}."


def not_for_linux(file: Path) -> list[str]:
    """Return what no Linux can install, as far as a requirements file, or one that it includes, names it for each."""
    lines = [line for path in (file, *included(file)) for line in read(path).splitlines() if ";" not in line]
    named = {canonicalize_name(re.split(r"[\[<>=!~ ]", line.strip())[0]) for line in lines}
    return [name for name in NOT_FOR_LINUX if name in named]


def path_of_a_machine(file: Path) -> str:
    """Return the first line of a requirements file that names an absolute path, as conda's pip writes; "" if none."""
    found = re.search(r"^\S+ @ file:///(?!\$).*", read(file), re.MULTILINE)
    return found[0].strip() if found else ""


def digest(file: Path) -> str:
    """Return a digest of a file and of the requirements files that it includes."""
    parts = [path.read_bytes() for path in (file, *included(file)) if path.is_file()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_older(root: Path, source: str, exported: str) -> bool:
    """Return True if an exported requirements.txt says that its source was another one than it is now."""
    said = re.search(OF.format("([0-9a-f]{64})").rstrip(".\n"), exported)
    return bool(said and (root / source).is_file() and said[1] != digest(root / source))


def written(file: Path, lines: Iterable[str]) -> Path:
    """Write lines to a file, and return its path."""
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


def without_itself(blocks: Iterable[str]) -> Iterator[str]:
    """Yield the blocks but for the project itself, whose code is in the image; nothing there is editable."""
    for block in blocks:
        block = re.sub(r"^(?:-e|--editable)[ =]+", "", block)
        if not re.match(r"(?:file:)?\.(?:\[[^\]]*\])?(?:\s|$)", block):
            yield block


def uv_indexes(folder: Path) -> list[locks.Table]:
    """Return the indexes that pyproject.toml names for uv."""
    found = locks.table(folder / "pyproject.toml", "tool", "uv").get("index", [])
    return [index for index in found if "url" in index]


def of_uv(index: locks.Table) -> str:
    return f"{'--index-url' if index.get('default') else '--extra-index-url'} {index['url']}"
