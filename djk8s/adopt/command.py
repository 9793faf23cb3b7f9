"""`djk8s adopt`: look at a project, ask Django, say what was found, write the files, run container_smoke."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from djk8s import files, writing
from djk8s.adopt import installing, layout, packages, python, services, static, system, table, variables
from djk8s.adopt.ask import Answer, Known, ask
from djk8s.adopt.found import Found, Unsure
from djk8s.adopt.trial import ENGINE, BuildError, Trial, require_engine, trial_of
from djk8s.dotenv import file as dotenv
from djk8s.dotenv.line import with_line
from djk8s.facts import FILE, Facts
from djk8s.git import tracked
from djk8s.shell.talk import at_terminal, refuse, say

# Modules that Django imports for a kind of database.
DRIVERS = {"postgres": ("psycopg", "psycopg2"), "mysql": ("MySQLdb", "pymysql")}
REQUIREMENTS, EXAMPLE = "requirements.txt", ".env.example"
Texts = dict[str, "str | bytes"]


def run(options: Namespace) -> None:
    """Adopt the project in a folder; raises `Exit` with one sentence where that cannot be done, and writes nothing."""
    root = Path(options.folder).resolve()
    if not root.is_dir():
        refuse(f"There is no folder {options.folder}: name that of the project, as ../shop.")
    if (root / FILE).exists():
        say(f"{root.name} is adopted already: nothing to do. `djk8s update` brings later versions of its files.")
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
        say(what_it_writes(facts, texts))
        confirm(options)
        build_whole(trial, facts, texts)
    writing.write(root, texts, options.replace)
    write_env(root, str(texts[files.renamed(EXAMPLE, facts)]), given(options.env))
    say(f"Written: {len(texts)} files, which are yours, and .env. `git add . && git commit` keeps them.")
    if not options.no_smoke:
        verdict(root, options)
    say("Next: `./inv serve` on this machine, or `./inv run` in a container.")


class Look:
    """One look at a project: what was found, each fact with where it was read, and what is worth a remark."""

    def __init__(self, root: Path, options: Namespace, trial: Trial) -> None:
        self.root, self.options, self.trial = root, options, trial
        self.found: dict[str, Found[str]] = {}
        self.remarks: list[str] = []
        self.answer: Answer | None = None

    def at_all(self) -> Facts:
        """Return the facts: first from the files, then from Django, in an image that has the packages."""
        facts = self.with_packages(self.at_files())
        self.trial.put(self.texts(facts))
        say("Building an image with its packages, to ask Django about the project …")
        try:
            image = self.trial.build(facts, whole=False)
        except BuildError as failure:
            say(str(failure)[-3000:])
            refuse(f"Nothing was written: {installing.classified(str(failure))}")
        say("Asking Django …")
        self.reads = variables.of(self.root)
        self.example = variables.described(variables.theirs(self.root))[1]
        self.answer = ask(ENGINE, image, facts, Known(given(self.options.env), self.example, self.reads))
        self.remarks += self.answer.notes
        return self.at_django(facts, self.answer)

    def note(self, fact: str, rule: Callable[[], Found[str]]) -> str:
        """Follow a rule and note what it found; a person is asked what the rule cannot know."""
        try:
            self.found[fact] = rule()
        except Unsure as unsure:
            self.found[fact] = Found(answered(unsure), "you")
        return self.found[fact].value

    def at_files(self) -> Facts:
        """Return what the files of the project say."""
        root, options = self.root, self.options
        if theirs := [path for path in tracked(root) if path.startswith("serving/")]:
            refuse(f"{theirs[0]} is in the folder that ours has to have, serving/: rename yours, and commit it.")
        src = self.note("manage.py", lambda: layout.manage(root, options.src))
        if files_that_force := layout.forced(root, src):
            refuse(
                f"{files_that_force[0]} sets DJANGO_SETTINGS_MODULE whatever the environment says: "
                'write os.environ.setdefault("DJANGO_SETTINGS_MODULE", …) there, and commit it.'
            )
        return Facts(
            src=src,
            path=self.path(src),
            settings=self.note("settings", lambda: layout.settings(root, src, options.settings)),
            name=self.note("name", lambda: layout.name(root, options.name)),
            python=self.note("Python", lambda: python.version(root, options.python)),
            packages=self.note("packages", lambda: packages.source(root, options.packages)),
            application="application:unknown",
            tracked_data=any(path.startswith("data/") for path in tracked(root)),
        )

    def path(self, src: str) -> tuple[str, ...]:
        """Return the folders to import from besides the usual ones."""
        found = layout.import_path(self.root, src)
        if found.value:
            self.found["PYTHONPATH"] = Found(", ".join(found.value), found.where)
        return found.value

    def with_packages(self, facts: Facts) -> Facts:
        """Return the facts with the Debian packages that the project's packages need."""
        say(f"Pinning the packages of {facts.packages} …")
        self.export = packages.export(self.root, facts.packages, facts.python)
        needed = system.system(self.root, self.export, facts.python)
        self.found["Debian"] = Found(" ".join((*needed.value.build, *needed.value.run)), needed.where)
        if self.export.kept:
            self.remarks.append(f"Kept without a hash, as no index has them: {', '.join(self.export.kept)}.")
        facts = replace(facts, system_build=needed.value.build, system_run=needed.value.run, hashed=self.export.hashed)
        return writing.beside(self.root, facts, self.options.replace)

    def at_django(self, facts: Facts, answer: Answer) -> Facts:
        """Return the facts with what Django said of the project."""
        root, options = self.root, self.options
        serves = self.note("server", lambda: services.server(answer, options.server))
        pinned = self.export.pins.get("gunicorn", "")
        if serves == "asgi" and pinned and int(pinned.split(".")[0]) < 25:
            refuse(f"The site needs gunicorn's ASGI worker, and pins gunicorn {pinned}: pin 25 or newer.")
        application = self.note("application", lambda: services.application(root, facts.src, answer, serves))
        address = self.example.get("DATABASE_URL", "")
        database = self.note("database", lambda: services.database(answer, address, options.database))
        cache = self.note("cache", lambda: services.cache(answer))
        workers, commands, after = (
            services.workers(root, facts.src, answer),
            static.commands(root, answer),
            services.after_migrate(answer),
        )
        self.found["workers"] = Found(", ".join(workers.value), workers.where)
        self.found["static files"] = Found(", ".join(commands.value), commands.where)
        static_root = self.note("STATIC_ROOT", lambda: static.static_root(answer))
        node = self.note("Node", lambda: static.node(root))
        self.found["variables"] = Found(", ".join(answer.required), "what its settings cannot do without")
        self.require_driver(database, answer)
        self.remarks += placeholders(answer, given(options.env))
        if answer.settings["MEDIA_URL"] not in (None, "", "/"):
            self.remarks.append(
                "Uploads are kept in the volume; a view of yours, or a server in front, has to show them."
            )
        if answer.settings["DEBUG"]:
            self.remarks.append(f"{facts.settings} has DEBUG on: serving/overlay.py turns it off.")
        facts = replace(
            facts,
            server=serves,
            application=application,
            database=database,
            cache=cache,
            cache_variables=services.cache_variables(self.reads, cache),
            workers=workers.value,
            static=commands.value,
            static_root=static_root,
            uploads=self.uploads(answer),
            node=node,
            build_variables={"SECRET_KEY": "for-this-line-only", **answer.for_build},
            after_migrate=after.value,
        )
        return writing.beside(root, replace(facts, renamed={}), options.replace)

    def require_driver(self, kind: str, answer: Answer) -> None:
        """Raise `Exit` if a kind of database that Django has itself is without its driver."""
        engine = answer.says["databases"].get("default", {}).get("ENGINE", "")
        own = not self.options.database and not engine.startswith("django.")
        needed = DRIVERS["mysql" if kind == "mysql" else "postgres"]
        if kind != "sqlite" and not own and not {*needed} & {*answer.says["installed"]}:
            refuse(
                f"Its database is {kind}, and no driver of it is among its packages: add {needed[0]}, and commit that."
            )

    def uploads(self, answer: Answer) -> str:
        """Return the folder in the project that uploads are in on this machine, if git tracks nothing there."""
        folder = PurePosixPath(answer.settings["MEDIA_ROOT"] or "/")
        if not folder.is_relative_to("/app") or folder == PurePosixPath("/app"):
            return ""
        inside = str(folder.relative_to("/app"))
        return "" if any(path.startswith(f"{inside}/") for path in tracked(self.root)) else inside

    def texts(self, facts: Facts) -> Texts:
        """Return the content of every file to write, by its path."""
        own = {files.renamed(REQUIREMENTS, facts): self.export.text}
        if self.answer:
            general = files.rendered(facts)[files.renamed(EXAMPLE, facts)]
            example = variables.example(self.answer.to_show, self.reads, variables.theirs(self.root), general)
            own[files.renamed(EXAMPLE, facts)] = example
        return writing.complete(self.root, facts, own)


def given(pairs: list[str]) -> dict[str, str]:
    """Return the variables of `--env NAME=value`; raises `Exit` for a word that is none."""
    for pair in pairs:
        if "=" not in pair:
            refuse(f"--env {pair} has no value: write --env {pair}=value.")
    return dict(pair.split("=", 1) for pair in pairs)


def check(options: Namespace) -> None:
    """Raise `Exit` for an option that cannot be, before anything takes its time."""
    given(options.env)
    if options.server not in {None, "threads", "asgi"}:
        refuse(f"--server is {options.server}: write threads or asgi.")
    if options.database not in {None, *services.KINDS}:
        refuse(f"--database is {options.database}: write {', '.join(services.KINDS)}.")
    if not re.fullmatch("[1-9][0-9]{0,4}", options.ready_within or "60"):
        refuse(f"--ready-within {options.ready_within!r} is no number of seconds: write it as --ready-within 300.")


def placeholders(answer: Answer, given: Mapping[str, str]) -> list[str]:
    """Return a sentence about the values of .env that were only tried, if there are any."""
    tried = {name: value for name, value in answer.required.items() if name not in given and not dotenv.is_secret(name)}
    values = ", ".join(f"{name}={value}" for name, value in tried.items())
    return [f"Its settings want values that only you know, so .env has placeholders: {values}."] if tried else []


def what_it_writes(facts: Facts, texts: Texts) -> str:
    """Return what is to be written, in a few lines: what is at the top, and which of ours stand beside theirs."""
    top = dict.fromkeys(path.partition("/")[0] + "/" * ("/" in path) for path in sorted(texts))
    lines = textwrap.wrap(f"It writes {', '.join(top)}.", 80, break_on_hyphens=False)
    if facts.renamed:
        pairs = ", ".join(f"{theirs} beside {ours}" for ours, theirs in facts.renamed.items())
        lines += textwrap.wrap(
            f"Your own files stay: {pairs}. --replace FILE takes ours instead.", 80, break_on_hyphens=False
        )
    return "\n".join(lines)


def answered(unsure: Unsure) -> str:
    """Return what a person chooses; raises `Exit` that names the flag where nobody is there to ask."""
    if not at_terminal():
        refuse(f"{unsure} Choose with {unsure.flag}: {', '.join(unsure.choices)}.")
    say(str(unsure))
    for number, choice in enumerate(unsure.choices, start=1):
        say(f"  {number}. {choice}")
    try:
        typed = input(f"Which one? [1-{len(unsure.choices)}] ").strip()
    except EOFError:
        typed = ""
    if typed in unsure.choices:
        return typed
    if not re.fullmatch("[0-9]{1,3}", typed) or not 1 <= int(typed) <= len(unsure.choices):
        refuse(f"{typed!r} is none of them, and nothing was written: {unsure.flag} gives the answer too.")
    return unsure.choices[int(typed) - 1]


def confirm(options: Namespace) -> None:
    """Raise `Exit` unless a person agrees, or has with --yes."""
    if options.yes:
        return
    if not at_terminal():
        refuse("Nothing was written: add --yes, if this is right.")
    try:
        typed = input("Write these files? [Y/n] ").strip().lower()
    except EOFError:
        typed = "n"
    if typed not in {"", "y", "yes"}:
        refuse("Nothing was written.")


def build_whole(trial: Trial, facts: Facts, texts: Texts) -> None:
    """Build the whole image; raises `Exit` with the cause in one sentence if, say, the static files cannot be made."""
    say("Building the image …")
    trial.put(texts)
    try:
        trial.build(facts, whole=True)
    except BuildError as failure:
        say(str(failure)[-3000:])
        log = str(failure)
        refuse(
            f"The image cannot be built, and nothing was written: {installing.no_image(log) or static.classified(log)}"
        )


def write_env(root: Path, example: str, values: Mapping[str, str]) -> None:
    """Write .env, with fresh secrets and the values that a person gave, unless there is one."""
    file, text = root / ".env", dotenv.with_secrets(example)
    for name, value in values.items():
        text = with_line(text, name, value)
    if not file.exists():
        dotenv.write(file, file.name, text, lambda part, whole: whole.hardlink_to(part))


def verdict(root: Path, options: Namespace) -> None:
    """Run container_smoke in the project and say how it ended; raises `Exit` if the site does not serve."""
    say("Running `./inv test --session container_smoke` …")
    patience = {"INVOKE_READY_WITHIN": options.ready_within} if options.ready_within else {}
    argv = [sys.executable, "inv", "test", "--session", "container_smoke"]
    ran = subprocess.run(argv, cwd=root, env={**os.environ, **patience}, check=False)
    if ran.returncode:
        refuse("The files are written, and container_smoke failed, see above: mend that, then run it again.")
    say("container_smoke passed: the site serves in its container.")
