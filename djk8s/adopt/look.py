"""One look at a project: first at its files, then, in an image that has its packages, by asking Django."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from djk8s import files, writing
from djk8s.adopt import installing, layout, private, remarks, services, static, system, variables, volume
from djk8s.adopt.ask import Answer, Known, ask
from djk8s.adopt.found import Found, Unsure
from djk8s.adopt.questions import answered
from djk8s.adopt.trial import ENGINE, BuildError, Trial
from djk8s.dotenv import file as dotenv
from djk8s.facts import Facts
from djk8s.git import ignored, tracked
from djk8s.packages import python, requirements
from djk8s.shell.talk import refuse, say

DEVCONTAINERS = (".devcontainer", ".devcontainer.json")  # https://containers.dev/implementors/spec/#devcontainerjson
# Modules that Django imports for a kind of database.
DRIVERS = {"postgres": ("psycopg", "psycopg2"), "mysql": ("MySQLdb", "pymysql")}
REQUIREMENTS, EXAMPLE = "requirements.txt", ".env.example"
Texts = dict[str, "str | bytes"]


class Look:
    """One look at a project: what was found, each fact with where it was read, and what is worth a remark."""

    def __init__(self, root: Path, options: Namespace, trial: Trial) -> None:
        self.root, self.options, self.trial = root, options, trial
        self.found: dict[str, Found[str]] = {}
        self.remarks: list[str] = []
        self.answer: Answer | None = None
        self.given = dotenv.from_flags(options.env, os.environ, "--env")

    def at_all(self) -> Facts:
        """Return the facts: first from the files, then from Django, in an image that has the packages."""
        facts = self.with_packages(self.at_files())
        writing.put(self.trial.folder, self.texts(facts))
        say("Building an image with its packages, to ask Django about the project …")
        try:
            image = self.trial.build(facts, whole=False)
        except BuildError as failure:
            say(str(failure)[-3000:])
            refuse(f"Nothing was written: {installing.classified(str(failure))}")
        say("Asking Django …")
        self.reads = variables.of(self.root)
        self.example = variables.described(variables.theirs(self.root))[1]
        chosen = variables.production(self.root, self.reads)
        known = Known(self.given, self.example, self.reads, self.root, facts.src, chosen, facts.settings)
        self.answer = ask(ENGINE, image, facts, known)
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
            packages=self.note("packages", lambda: requirements.source(root, options.packages, src)),
            application="application:unknown",
            tracked_data=any(path.startswith("data/") for path in tracked(root)),
            private=private.left_out(root),
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
        self.export = requirements.export(self.root, facts.packages, facts.python)
        if not self.export.django:
            refuse(f"{facts.packages} names no Django: add it with the version that the site runs on, and commit that.")
        needed = system.system(self.root, self.export, facts.python, layout.named(self.root, system.NAMED))
        self.found["Debian"] = Found(" ".join((*needed.value.build, *needed.value.run)), needed.where)
        # An older one cannot be told that a request is the last of its connection, and has CVE-2024-1135.
        self.require_gunicorn(facts, 22, "serving/")
        if kept := [line for line in self.export.kept if not line.startswith("-")]:
            self.remarks.append(f"Kept without a hash, as no index has them: {', '.join(kept)}.")
        facts = replace(
            facts,
            system_build=needed.value.build,
            system_run=needed.value.run,
            hashed=self.export.hashed,
            oldest_python=facts.python,  # what is pinned is for that and newer ones
        )
        return writing.beside(self.root, facts, self.options.replace)

    def at_django(self, facts: Facts, answer: Answer) -> Facts:
        """Return the facts with what Django said of the project."""
        facts = self.with_what_it_writes(self.with_static_files(self.with_services(facts, answer), answer), answer)
        self.found["variables"] = Found(", ".join(answer.required), "what its settings cannot do without")
        facts = replace(
            facts,
            renamed={},
            devcontainer=not any(writing.exists(self.root, name) for name in DEVCONTAINERS),
            build_variables={"SECRET_KEY": "for-this-line-only", **answer.for_build},
        )
        self.remarks += remarks.remarks(
            self.root, answer, facts, tracked(self.root), self.given, self.reads.of("SECRET_KEY")
        )
        return writing.beside(self.root, facts, self.options.replace)

    def with_services(self, facts: Facts, answer: Answer) -> Facts:
        """Return the facts with the server, the database, the cache and the workers."""
        root, src, options = self.root, facts.src, self.options
        serves = self.note("server", lambda: services.server(answer, options.server))
        if serves == "asgi":
            self.require_gunicorn(facts, 25, "the server for coroutines")
        application = self.note(
            "application", lambda: services.application(root, src, answer, serves, options.application)
        )
        address = self.example.get("DATABASE_URL", "")
        database = self.note("database", lambda: services.database(answer, address, options.database))
        self.require_driver(database, answer)
        hints = [self.example.get(name, "") for name in self.reads.of(*services.ADDRESSES)]
        cache = self.note("cache", lambda: services.cache(answer, hints))
        workers = services.workers(root, src, answer)
        self.found["workers"] = Found(", ".join(workers.value), workers.where)
        return replace(
            facts,
            server=serves,
            application=application,
            database=database,
            offered=("db",) if database == "sqlite" and {*DRIVERS["postgres"]} & {*answer.says["installed"]} else (),
            after_migrate=services.after_migrate(answer).value,
            cache=cache,
            cache_variables=services.cache_variables(answer, self.reads, cache),
            cache_names=services.cache_names(answer) if cache else (),
            workers=workers.value,
        )

    def with_static_files(self, facts: Facts, answer: Answer) -> Facts:
        """Return the facts with what makes the static files, and where they are gathered."""
        commands = static.commands(self.root, answer)
        self.found["static files"] = Found(", ".join(commands.value), commands.where)
        static_root = self.note("STATIC_ROOT", lambda: static.static_root(answer))
        node = self.note("Node", lambda: static.node(self.root, self.options.node))
        if node:
            self.note("packages of Node", lambda: static.installer(self.root, node))
        return static.with_node(self.root, replace(facts, static=commands.value, static_root=static_root), node)

    def with_what_it_writes(self, facts: Facts, answer: Answer) -> Facts:
        """Return the facts with what belongs in the volume, and what stays out of the image."""
        theirs, ours = tracked(self.root), files.read(files.source(), ".dockerignore")
        if writes := volume.writes(answer, theirs):
            self.found["in the volume"] = Found(", ".join(writes), "its settings write to it")
        if kept_out := (*facts.private, *private.files(ignored(self.root), ours), *volume.databases(answer, theirs)):
            where = "git or .dockerignore leaves it out, or it is the database"
            self.found["stays out"] = Found(", ".join(kept_out), where)
        return replace(facts, writes=writes, private=kept_out, uploads=volume.uploads(answer, theirs))

    def require_gunicorn(self, facts: Facts, oldest: int, what: str) -> None:
        """Raise `Exit` if the project pins a gunicorn that something cannot do with."""
        pinned = self.export.pins.get("gunicorn", "")
        if pinned and int(pinned.partition(".")[0]) < oldest:
            refuse(
                f"{facts.packages} pins gunicorn {pinned}, and {what} needs {oldest} or newer: "
                "change the pin, and commit that."
            )

    def require_driver(self, kind: str, answer: Answer) -> None:
        """Raise `Exit` if a kind of database that Django has itself is without its driver."""
        engine = answer.says["databases"].get("default", {}).get("ENGINE", "")
        own = not self.options.database and not engine.startswith("django.")
        needed = DRIVERS["mysql" if kind == "mysql" else "postgres"]
        if kind != "sqlite" and not own and not {*needed} & {*answer.says["installed"]}:
            refuse(
                f"Its database is {kind}, and no driver of it is among its packages: add {needed[0]}, and commit that."
            )

    def texts(self, facts: Facts) -> Texts:
        """Return the content of every file to write, by its path."""
        own = {files.renamed(REQUIREMENTS, facts): self.export.text}
        if self.answer:
            general = files.rendered(facts)[files.renamed(EXAMPLE, facts)]
            values = {**self.answer.to_show, **services.concurrency(self.answer)}
            example = variables.example(values, self.reads, variables.theirs(self.root), general)
            own[files.renamed(EXAMPLE, facts)] = example
        return writing.complete(self.root, facts, own)
