"""`djk8s update`: bring what an earlier djk8s wrote to this version, with the project's own changes kept."""

from __future__ import annotations

import difflib
import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from djk8s import facts, files, git, wheel, writing
from djk8s.adopt import services, static, system
from djk8s.facts import Facts
from djk8s.packages import resolver
from djk8s.recorded import recorded_in
from djk8s.shell.talk import refuse, say

Texts = Mapping[str, str]
# For a Python that finds the recorded version first; it reads .djk8s.toml from its standard input.
RENDER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from djk8s import facts, files
print(json.dumps(files.rendered(facts.loads(sys.stdin.buffer.read().decode())[0])))
"""
PIN = re.compile(r"^(?:\./\.tools-wheels/djk8s-|djk8s==)(?:.*\\\n)*.*\n?", re.MULTILINE)


@dataclass
class Merged:
    """The files to write or, with None, to remove, those of them with conflicts, and sentences about the others."""

    texts: dict[str, str | None] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def run(folder: str, dry: bool = False, node: str | None = None, database: str | None = None) -> None:
    """Update the project in a folder, or print the difference; raises `Exit` if that cannot be done.

    With `node`, the static files are made by Node in this folder from now on, or with "" no more. `database` is the
    kind that the site has from now on.
    """
    root = Path(folder).resolve()
    project, recorded, keep = recorded_in(root) or refuse(
        f"There is no {facts.FILE} in {root}: `djk8s adopt` gives a project the files that this updates."
    )
    if number(recorded) > number(wheel.version()):
        refuse(f"djk8s {recorded} wrote these files, and this is {wheel.version()}: run the newer one.")
    if not dry:
        require_clean(root)
    base = earlier(root, recorded)
    if node is not None:
        project = static.with_node(root, project, static.node(root, node).value)
    if database is not None:
        project = with_database(root, project, database)
    merged = merge(root, base, files.rendered(project), recorded)
    contents = {**merged.texts, **pins(root, merged, project, keep)}
    if node and (added := writing.gitignore(root, project)):
        contents[writing.GITIGNORE] = added
    contents = {path: content for path, content in contents.items() if content != present(root, path)}
    if dry:
        print(difference(root, contents), end="")
    elif not contents:
        say(f"The files are those of djk8s {recorded}: nothing to do.")
    else:
        writing.write(root, contents, replace=list(contents))
        report(merged, recorded, len(contents))


def with_database(root: Path, project: Facts, kind: str) -> Facts:
    """Return the facts with another kind of database; raises `Exit` for an unknown one, or without its driver."""
    if kind not in services.KINDS:
        refuse(f"--database is {kind}: write {', '.join(services.KINDS[:-1])} or {services.KINDS[-1]}.")
    driver, package = ("mysqlclient|pymysql", "mysqlclient") if kind == "mysql" else ("psycopg", "psycopg[binary]")
    pinned = files.renamed("requirements.txt", project)
    text = (root / pinned).read_text(encoding="utf-8") if (root / pinned).is_file() else ""
    if kind != "sqlite" and not re.search(f"^({driver})", text, re.MULTILINE | re.IGNORECASE):
        refuse(f"No driver of {kind} is in {pinned}: add {package} to {project.packages}, type `./inv lock`, commit.")
    run = (*project.system_run, *system.NAMED["django.contrib.gis"]) if kind == "postgis" else project.system_run
    return replace(project, database=kind, system_run=system.unique(run))


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def require_clean(root: Path) -> None:
    """Raise `Exit` unless git has everything that an update changes."""
    status = git.at(root, "status", "--porcelain", "--", ".")
    if status.returncode == -1:
        refuse("There is no git here, which merges your changes with an update: install it.")
    if status.returncode:
        refuse(f"{root} is in no repository of git: `git init`, and commit what is there, so that nothing can be lost.")
    if status.stdout:
        refuse("There are changes that are not committed: commit them, or `git stash`; then type it again.")


def earlier(root: Path, recorded: str) -> dict[str, str]:
    """Return the files as the recorded version writes them; raises `Exit` if that version cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        if found := sorted((root / wheel.FOLDER).glob(f"djk8s-{recorded}-*.whl")):
            zipfile.ZipFile(io.BytesIO(found[0].read_bytes())).extractall(folder)
        else:
            install = ("pip", "install", "--quiet", "--no-deps", "--target", folder, f"djk8s=={recorded}")
            gone = f"The wheel of djk8s {recorded}, which wrote these files, is not in {wheel.FOLDER}"
            resolver.quiet(root)(install, lambda said: f"{gone}: `git checkout {wheel.FOLDER}`.")
        command, toml = (sys.executable, "-I", "-c", RENDER, folder), (root / facts.FILE).read_bytes()
        answer = subprocess.run(command, input=toml, capture_output=True, check=False)
    if answer.returncode:
        refuse(f"djk8s {recorded} cannot say what it wrote: {answer.stderr.decode().strip().rpartition(chr(10))[2]}")
    texts: dict[str, str] = json.loads(answer.stdout)
    return texts


def merge(root: Path, base: Texts, new: Texts, recorded: str) -> Merged:
    """Return what becomes of each file, given what the earlier version writes and what this one writes."""
    merged = Merged()
    for path in sorted({*base, *new}):
        mine, before, after = own(root, path), base.get(path), new.get(path)
        if before == after or mine == after:
            continue
        if mine == before:
            merged.texts[path] = after
        elif before is None:
            merged.left.append(f"{path} is your own, and djk8s has one of that name now: compare them.")
        elif mine is None:
            merged.left.append(f"{path} is gone here, and stays so.")
        elif after is None:
            merged.left.append(f"{path} is of no use to djk8s any more, and has your changes: keep or remove it.")
        else:
            merge_text(merged, path, mine, before, after, recorded)
    return merged


def merge_text(merged: Merged, path: str, mine: str, before: str, after: str, recorded: str) -> None:
    """Add a file that both sides changed."""
    text, conflicts = three_way(mine, before, after, recorded)
    if conflicts and path.startswith(".env"):
        merged.left.append(f"{path} has your own settings, and stays as it is.")
        return
    merged.texts[path] = text
    merged.conflicts += [path] if conflicts else []


def three_way(mine: str, before: str, after: str, recorded: str) -> tuple[str, bool]:
    """Return the merged text, and whether it has conflicts, which are marked in it."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("mine", mine), ("before", before), ("after", after)):
            Path(folder, name).write_bytes(text.encode("utf-8", "surrogateescape"))
        labels = ("yours", f"djk8s {recorded}", f"djk8s {wheel.version()}")
        words = ["git", "merge-file", "-p", *(word for label in labels for word in ("-L", label))]
        answer = subprocess.run([*words, "mine", "before", "after"], cwd=folder, capture_output=True, check=False)
    if not 0 <= answer.returncode < 128:  # the number of conflicts: https://git-scm.com/docs/git-merge-file
        refuse(f"git cannot merge: {answer.stderr.decode().strip()}")
    return answer.stdout.decode("utf-8", "surrogateescape"), answer.returncode > 0


def present(root: Path, path: str) -> str | bytes | None:
    """Return the content of a file as it is now, or None; a text but for the wheel."""
    file = root / path
    if not file.is_file():
        return None
    return file.read_bytes() if file.suffix == ".whl" else file.read_text(encoding="utf-8", errors="surrogateescape")


def own(root: Path, path: str) -> str | None:
    """Return the text of a file as it is now, or None; without the pin of djk8s, which `pins` adds."""
    text = present(root, path)
    if not isinstance(text, str):
        return None
    return PIN.sub("", text) if path == writing.TOOLS else text


def pins(root: Path, merged: Merged, project: Facts, keep: bool) -> writing.Contents:
    """Return what pins djk8s: the line, the wheel in place of the earlier one, and the version."""
    kept = wheel.kept(keep)
    tools = merged.texts.get(writing.TOOLS) or own(root, writing.TOOLS) or ""
    return {
        **{f"{wheel.FOLDER}/{file.name}": None for file in (root / wheel.FOLDER).glob("djk8s-*.whl")},
        **kept,
        writing.TOOLS: tools + wheel.line(keep),
        facts.FILE: facts.dumps(project, wheel.version(), keep=bool(kept)),
    }


def difference(root: Path, contents: writing.Contents) -> str:
    """Return what an update would change, as git shows it."""
    return "".join(line for path in sorted(contents) for line in of_file(root, path, contents[path]))


def of_file(root: Path, path: str, content: str | bytes | None) -> Iterator[str]:
    """Yield the lines of one file's difference."""
    if path.startswith(wheel.FOLDER):
        yield f"{'Removed' if content is None else 'Added'}: {path}\n"
        return
    before = str(present(root, path) or "").splitlines(keepends=True)
    after = content.splitlines(keepends=True) if isinstance(content, str) else []
    yield from difflib.unified_diff(before, after, f"a/{path}", f"b/{path}")


def report(merged: Merged, recorded: str, count: int) -> None:
    """Say what was done; raises `Exit` with code 1 if there are conflicts."""
    versions = f" from djk8s {recorded} to {wheel.version()}" if recorded != wheel.version() else ""
    say(f"Updated{versions}: {count} files; `git diff` shows them.")
    for sentence in merged.left:
        say(sentence)
    if merged.conflicts:
        named = ", ".join(merged.conflicts)
        refuse(f"Your changes and those of djk8s meet in {named}: choose between the marked lines, then commit.")
