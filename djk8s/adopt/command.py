"""`djk8s adopt`: look at a project, ask Django about it, say what was found, write the files, and prove that it serves."""

from __future__ import annotations

import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
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
