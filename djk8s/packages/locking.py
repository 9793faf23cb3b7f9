"""`inv lock`: pin in requirements*.txt, with hashes, what requirements*.in or another project's own lock name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from djk8s import dockerfile, tools
from djk8s.facts import Facts
from djk8s.packages import pins, requirements, resolver
from djk8s.packages.python import read
from djk8s.project import Project
from djk8s.recorded import recorded_in
from djk8s.shell.command import Command
from djk8s.shell.run import run
from djk8s.shell.talk import say

MADE_BY = "--custom-compile-command=inv lock"


def lock(project: Project, upgrade: bool = False) -> None:
    """Write each requirements*.txt again; with `upgrade`, in the newest versions that are allowed.

    Raises `Exit` with uv's own reason, and then the file in question is as it was.
    """
    for source in sources(project):
        ask(project, compile_command(project, source, upgrade), compiled(source))
    if known := exported(project):
        export(project, known, upgrade)


def commands(project: Project) -> list[Command]:
    """Return the commands that pin what each requirements*.in asks for."""
    return [compile_command(project, source) for source in sources(project)]


def sources(project: Project) -> list[Path]:
    """Return the files that are compiled as they are."""
    known = exported(project)
    return [file for file in sorted(project.root.glob("requirements*.in")) if not known or file.name != known.packages]


def stale(project: Project) -> str:
    """Return the file whose packages requirements.txt does not have yet, or "" if it has."""
    recorded = recorded_in(project.root)
    if recorded and requirements.is_older(project.root, recorded.facts.packages, read(project.requirements)):
        return recorded.facts.packages
    compiled_from = project.requirements.with_suffix(".in")
    return compiled_from.name if compiled_from in sources(project) and asks_for_more(compiled_from) else ""


def asks_for_more(source: Path) -> bool:
    """Return whether a requirements*.in names a package that is not pinned, or in no version that it allows.

    What is for some Pythons only, or comes from an address, is left to uv.
    """
    pinned: dict[str, list[str]] = {}
    for name, version in map(pins.pin, pins.blocks(read(source.with_suffix(".txt")))):
        pinned.setdefault(name, []).append(version)
    for line in read(source).splitlines():
        try:
            asked = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:  # nothing, or an option of pip
            continue
        versions = pinned.get(canonicalize_name(asked.name), [])
        allowed = any(asked.specifier.contains(version, prereleases=True) for version in versions)
        if not (asked.marker or asked.url or allowed):
            return True
    return False


def mention_stale(project: Project) -> None:
    """Say so if the project's own list of packages has changed since requirements.txt was made of it."""
    if hint := stale_hint(project):
        say(hint)


def stale_hint(project: Project) -> str:
    """Return what to do if that list has changed since; "" if it has not."""
    source, name = stale(project), project.requirements.name
    return f"{source} has changed since {name} was made of it: `inv lock` takes the packages over." if source else ""


def exported(project: Project) -> Facts | None:
    """Return the facts, unless what serving needs is in requirements.in, as after `djk8s new`."""
    recorded = recorded_in(project.root)
    if not recorded:
        return None
    asked = read(project.root / recorded.facts.packages)
    whole = recorded.facts.packages == "requirements.in" and all(name in asked for name in requirements.SERVING)
    return None if whole else recorded.facts


def compile_command(project: Project, source: Path, upgrade: bool = False) -> Command:
    """Return the command that pins what a requirements*.in asks for, for every Python of the project."""
    words = (*requirements.COMPILE, "--python", resolver.PYTHON, f"--python-version={oldest_python(project)}", MADE_BY)
    upgrading = ("--upgrade",) if upgrade else ()
    return uv(project, (*words, "--output-file", source.with_suffix(".txt"), *upgrading, source))


def oldest_python(project: Project) -> str:
    """Return the oldest Python that pyproject.toml allows, or else the image's."""
    return ".".join(map(str, project.oldest_python())) or dockerfile.python_version(project)


def uv(project: Project, words: resolver.Words) -> Command:
    return Command((tools.program(project, "uv"), *words))


def ask(project: Project, command: Command, failed: resolver.Explain) -> None:
    """Run uv, with the indexes of the user that the image and other machines may reach too."""
    indexes = {} if project.dry else resolver.for_everyone(resolver.index_variables())
    run(project, replace(command, hidden=indexes), failed, unattended=True)


def compiled(source: Path) -> resolver.Explain:
    return lambda said: f"{source.name} cannot be locked, correct it there: {resolver.reason(said)}."


def export(project: Project, known: Facts, upgrade: bool) -> None:
    """Write requirements.txt from the file that the project's packages are locked in or asked for."""
    before = "" if upgrade else read(project.requirements)

    def run_uv(words: resolver.Words, failed: resolver.Explain) -> None:
        ask(project, uv(project, words), failed)

    made = requirements.export(project.root, known.packages, known.python, before=before, run=run_uv)
    if not project.dry:
        new = project.requirements.with_name(f"{project.requirements.name}.new")
        new.write_text(made.text, encoding="utf-8")
        new.replace(project.requirements)
