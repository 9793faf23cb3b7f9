"""`djk8s adopt`: look at a project, ask Django about it, say what was found, write the files, and prove that it serves."""

from __future__ import annotations

import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from djk8s import files, wheel, writing
from djk8s.adopt import ask, layout, packages, python, services, static, system, table, variables
from djk8s.adopt.found import Found, Unsure
from djk8s.adopt.trial import BuildFailed, Trial, require_engine, trial_of
from djk8s.facts import FILE, Facts, dumps
from djk8s.shell.talk import at_terminal, refuse, say

Value = TypeVar("Value")



def run(options: Namespace) -> None:
    """Adopt the project in a folder; raises `Exit` with one sentence where that cannot be done, and writes nothing."""
    root = Path(options.folder).resolve()
    if (root / FILE).exists():
        say(f"{root.name} is adopted already: nothing to do. `djk8s update` brings later versions of its files.")
        return
    layout.require_adoptable(root)
    require_engine()
    with trial_of(root) as trial:
        look = Look(root, options, trial)
        facts = look.all_of_it()
        print(table.text(look.found))
        for sentence in look.remarks:
            say(sentence)
        texts = look.texts(facts)
        if options.dry:
            print("\nIt would write:\n" + "\n".join(f"  {path}" for path in sorted(texts)))
            return
        confirm(options)
        say("Building the image …")
        trial.put(texts)
        whole(trial, facts)
    writing.write(root, texts, options.replace)
    say(f"Written: {len(texts)} files, which are yours, and .env. `git add . && git commit` keeps them.")
    if not options.no_smoke:
        verdict(root)


class Look:
    """One look at a project: what was found so far, each fact with where it was read."""

    def __init__(self, root: Path, options: Namespace, trial: Trial) -> None:
        self.root, self.options, self.trial = root, options, trial
        self.found: dict[str, Found[str]] = {}
        self.remarks: list[str] = []

    def note(self, fact: str, rule: Callable[[], Found[str]]) -> str:
        """Follow a rule, note what it found, and return it; a person is asked what the rule cannot know."""
        try:
            self.found[fact] = rule()
        except Unsure as unsure:
            self.found[fact] = Found(answered(unsure), "you")
        return self.found[fact].value

    def all_of_it(self) -> Facts:
        """Return the facts: first from the files, then from Django, in an image that has the packages."""
        facts = self.with_packages(self.from_files())
        self.trial.put(self.texts(facts))
        say("Building an image with its packages, to ask Django about the project …")
        try:
            image = self.trial.build(facts, whole=False)
        except BuildFailed as failure:
            refuse(f"Its packages cannot be installed in an image: {last_error(str(failure))}.")
        say("Asking Django …")
        self.answer = ask.ask(image, facts)
        return self.from_django(facts)

    def from_files(self) -> Facts:
        root, options = self.root, self.options
        manage = self.note("manage.py", lambda: layout.manage(root, options.src))
        src = "." if manage == "manage.py" else manage.removesuffix("/manage.py")
        settings = self.note("settings", lambda: layout.settings(root, src, options.settings))
        name = self.note("name", lambda: layout.name(root, options.name))
        version = self.note("Python", lambda: python.version(root, options.python))
        source = self.note("packages", lambda: packages.source(root, options.packages))
        application = layout.application(root, src, settings)
        return Facts(
            name=name, settings=settings, application=application, src=src, python=version, packages=source
        )

    def with_packages(self, facts: Facts, apps: Collection[str] = ()) -> Facts:
        """Return the facts with the Debian packages that the project's packages need."""
        say(f"Pinning the packages of {facts.packages} …")
        self.export = packages.export(self.root, facts.packages, facts.python, packages.for_serving(facts))
        needed = system.system(self.root, self.export, facts.python, apps)
        self.found["Debian"] = Found(" ".join((*needed.value.build, *needed.value.run)), needed.where)
        return replace(
            facts, system_build=needed.value.build, system_run=needed.value.run, hashed=self.export.hashed
        )

    def from_django(self, facts: Facts) -> Facts:
        """Return the facts with what Django said of the project."""
        said, tracked = self.answer.said, layout.tracked(self.root)
        server = self.note("server", lambda: services.server(said, self.options.server))
        self.require_asgi_worker(server)
        database, cache, workers = services.database(said), services.cache(said), services.workers(said)
        commands, static_root, node = static.commands(said, tracked), static.root(said), static.node(self.root, tracked)
        self.found |= {
            "database": database,
            "cache": cache,
            "workers": Found(", ".join(workers.value), workers.where),
            "static files": Found(", ".join(commands.value), commands.where),
            "STATIC_ROOT": static_root,
            "Node": node,
            "variables": Found(", ".join(self.answer.values), "what the settings miss"),
        }
        if said["settings"]["DEBUG"]:
            self.remarks.append(f"{facts.settings} has DEBUG on; serving/overlay.py turns it off.")
        sources = [(self.root / path).read_text(encoding="utf-8", errors="replace") for path in tracked if path.endswith(".py")]
        return replace(
            facts,
            server=server,
            application=services.application(said, server, facts.application),
            database=database.value,
            cache=cache.value,
            cache_variables=services.cache_variables(sources, variables.names(self.root)) if cache.value else (),
            workers=workers.value,
            static=commands.value,
            static_root=static_root.value,
            node=node.value,
            build_variables=tuple(self.answer.values),
            tracked_data=any(path.startswith("data/") for path in tracked),
        )

    def require_asgi_worker(self, server: str) -> None:
        """Raise `Exit` if the project pins a gunicorn without the worker that it needs: it came with 25."""
        pinned = self.export.pins.get("gunicorn", "25")
        if server == "asgi" and int(pinned.split(".")[0]) < 25:
            refuse(f"The site needs gunicorn's ASGI worker, and pins gunicorn {pinned}: pin 25 or newer.")

    def texts(self, facts: Facts) -> dict[str, str]:
        """Return the text of every file to write, by its path."""
        texts = files.rendered(facts)
        texts[files.renamed("requirements.txt", facts)] = self.export.text
        texts["requirements-tools.txt"] += wheel.line(self.root)
        if hasattr(self, "answer"):
            texts[files.renamed(".env.example", facts)] = variables.example(self.root, facts, self.answer)
        texts[FILE] = dumps(facts, wheel.version())
        return texts


def answered(unsure: Unsure) -> str:
    """Return what a person chooses; raises `Exit` that names the flag where nobody is there to ask."""
    if not at_terminal():
        refuse(f"{unsure} Choose with {unsure.flag}: {', '.join(unsure.choices)}.")
    say(str(unsure))
    for number, choice in enumerate(unsure.choices, start=1):
        say(f"  {number}. {choice}")
    try:
        typed = input(f"Which one? [1-{len(unsure.choices)}] ")
    except EOFError:
        typed = ""
    if typed in unsure.choices:
        return typed
    if not re.fullmatch("[0-9]+", typed) or not 1 <= int(typed) <= len(unsure.choices):
        refuse(f"{typed!r} is none of them: nothing was written. {unsure.flag} gives the answer too.")
    return unsure.choices[int(typed) - 1]


def confirm(options: Namespace) -> None:
    """Raise `Exit` unless a person agrees, or has with --yes."""
    if options.yes:
        return
    if not at_terminal():
        refuse("Nothing was written: add --yes, if that is right.")
    if input("Write these files? [Y/n] ").strip().lower() not in {"", "y", "yes"}:
        refuse("Nothing was written.")


def whole(trial: Trial, facts: Facts) -> None:
    """Build the whole image; raises `Exit` with the cause in one sentence if the static files cannot be gathered."""
    try:
        trial.build(facts, whole=True)
    except BuildFailed as failure:
        say(str(failure)[-3000:])
        refuse(f"The image was not built, and nothing was written: {static.classified(str(failure))}")


def verdict(root: Path) -> None:
    """Run container_smoke in the project and say how it ended; raises `Exit` if the site does not serve."""
    say("Running `./inv test --session container_smoke` …")
    ran = subprocess.run([sys.executable, "inv", "test", "--session", "container_smoke"], cwd=root, check=False)
    if ran.returncode:
        refuse("It is adopted, and container_smoke failed, see above: mend that, and run it again.")
    say("container_smoke passed: the site serves in its container. `./inv serve` and `./inv run` are next.")
