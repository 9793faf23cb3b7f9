"""`djk8s adopt`: look at a project, ask Django, say what was found, write the files, run container_smoke."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from djk8s import files, writing
from djk8s.adopt import installing, layout, services, static, table
from djk8s.adopt.look import EXAMPLE, Look, Texts
from djk8s.adopt.questions import confirm
from djk8s.adopt.trial import BuildError, Trial, require_engine, trial_of
from djk8s.dotenv import file as dotenv
from djk8s.dotenv.file import from_flags
from djk8s.dotenv.line import with_line
from djk8s.facts import FILE, Facts
from djk8s.shell.talk import refuse, say


def run(options: Namespace) -> None:
    """Adopt the project in a folder; raises `Exit` with one sentence where that cannot be done, and writes nothing."""
    root = Path(options.folder).resolve()
    if not root.is_dir():
        refuse(f"There is no folder {options.folder}: name that of the project, for example ../shop.")
    if (root / FILE).exists():
        say(f"{root.name} is adopted already: `./inv test --session container_smoke` there tries it.")
        say("A later djk8s brings its files with `djk8s update`. To begin again, undo this one with git first.")
        return
    check(options)
    layout.check(root)
    require_engine()
    with trial_of(root) as trial:
        look = Look(root, options, trial)
        facts = look.at_all()
        print(table.text(look.found), flush=True)
        for remark in look.remarks:
            say(remark)
        texts = look.texts(facts)
        if options.dry:
            print("\nIt would write these files:\n" + "\n".join(f"  {path}" for path in sorted(texts)))
            return
        say(what_it_writes(root, facts, texts))
        confirm(options)
        build_whole(trial, facts, texts)
    writing.write(root, texts, options.replace)
    written = f"{len(texts)} files, which are yours"
    if write_env(root, str(texts[files.renamed(EXAMPLE, facts)]), from_flags(options.env, os.environ, "--env")):
        say(f"Written: {written}, and .env. `git add . && git commit` keeps them.")
    else:
        say(f"Written: {written}; your .env stays, and `./inv env --check` says what it lacks.")
        if has_debug_on((root / ".env").read_text(encoding="utf-8", errors="replace")):
            say("It has DEBUG on, and a container would show debug pages to everybody: `./inv env --set DEBUG=0`.")
    if not options.no_smoke:
        verdict(root, options)
    say(next_step(facts))


def next_step(facts: Facts) -> str:
    """Return what to type next, with the files of compose/ for all that the site was found to need."""
    found = {"cache": facts.cache, "db": facts.database != "sqlite", "worker": facts.workers}
    needs = " ".join(f"--with {name}" for name, needed in found.items() if needed)
    if not needs:
        return "Next: `./inv serve` on this machine, or `./inv run` in a container."
    own = ", or DATABASE_URL in .env and `./inv serve`" if found["db"] else ""
    return f"Next: `./inv up {needs}`, which brings what it needs{own}."


def check(options: Namespace) -> None:
    """Raise `Exit` for an option that cannot be, before anything takes its time."""
    from_flags(options.env, os.environ, "--env")
    if options.server not in {None, "threads", "asgi"}:
        refuse(f"--server is {options.server}: write threads or asgi.")
    if options.database not in {None, *services.KINDS}:
        refuse(f"--database is {options.database}: write {', '.join(services.KINDS[:-1])} or {services.KINDS[-1]}.")
    if not re.fullmatch("[1-9][0-9]{0,4}", options.ready_within or "60"):
        refuse(f"--ready-within {options.ready_within!r} is no number of seconds: write it as --ready-within 300.")


def what_it_writes(root: Path, facts: Facts, texts: Texts) -> str:
    """Return what is to be written, in a few lines: what is at the top, and which of ours stand beside theirs."""
    top = dict.fromkeys(path.partition("/")[0] + "/" * ("/" in path) for path in sorted(texts))
    lines = textwrap.wrap(f"It writes {', '.join(top)}.", 80, break_on_hyphens=False)
    if there := {ours: theirs for ours, theirs in facts.renamed.items() if writing.exists(root, ours)}:
        pairs = ", ".join(f"{theirs} beside {ours}" for ours, theirs in there.items())
        kept = f"Your own files stay: {pairs}. --replace FILE takes ours instead."
        lines += textwrap.wrap(kept, 80, break_on_hyphens=False)
    return "\n".join(lines)


def build_whole(trial: Trial, facts: Facts, texts: Texts) -> None:
    """Build the whole image; raises `Exit` with the cause in one sentence if, say, the static files cannot be made."""
    say("Building the image …")
    writing.put(trial.folder, texts)
    try:
        trial.build(facts, whole=True)
    except BuildError as failure:
        say(str(failure)[-3000:])
        log = str(failure)
        refuse(
            f"The image cannot be built, and nothing was written: {installing.no_image(log) or static.classified(log)}"
        )


def write_env(root: Path, example: str, values: Mapping[str, str]) -> bool:
    """Write .env, with fresh secrets and the values that a person gave, unless there is one; return whether it did."""
    file, text = root / ".env", dotenv.with_secrets(example)
    for name, value in values.items():
        text = with_line(text, name, value)
    if file.exists():
        return False
    dotenv.write(file, file.name, text, lambda part, whole: whole.hardlink_to(part))
    return True


def has_debug_on(env: str) -> bool:
    """Return whether the text of an environment file turns DEBUG on, as serving/overlay.py reads it."""
    values = {line.name: line.value or "" for line in dotenv.parse(env)}
    return values.get("DEBUG", "").lower() in {"1", "true", "yes", "on"}


def verdict(root: Path, options: Namespace) -> None:
    """Run container_smoke in the project and say how it ended; raises `Exit` if the site does not serve."""
    say("Running `./inv test --session container_smoke` …")
    patience = {"INVOKE_READY_WITHIN": options.ready_within} if options.ready_within else {}
    argv = [sys.executable, "inv", "test", "--session", "container_smoke"]
    brief = {"PYTEST_ADDOPTS": "--exitfirst --tb=short"}  # what fails once mostly fails in every test
    ran = subprocess.run(argv, cwd=root, env={**os.environ, **brief, **patience}, check=False)
    if ran.returncode:
        again = "`./inv test --session container_smoke`"
        refuse(
            f"The files are written, and container_smoke failed, see above: mend that, then type {again}, "
            "which takes values from .env.example."
        )
    say("container_smoke passed: the site serves in its container.")
