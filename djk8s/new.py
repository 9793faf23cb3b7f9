"""`djk8s new`: Django's own `startproject`, and the list of instructions around it."""

from __future__ import annotations

import keyword
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from djk8s import files, git, writing
from djk8s.facts import Facts
from djk8s.packages import requirements, resolver
from djk8s.shell import processes
from djk8s.shell.talk import refuse, say

SRC, ASKED, PINNED = "src", "requirements.in", "requirements.txt"
OLDEST_DJANGO = (4, 2)
# Names that Python can import in the container: the standard library's own tests, and our folder.
TAKEN = {*sys.stdlib_module_names, "test", "serving"}
DJANGO = re.compile(r"^django~=(\d+\.\d+)\.0( .*)?$", re.MULTILINE)


def create(name: str, folder: str | None = None, django: str | None = None, tailwind: bool = False) -> Path:
    """Make a new project and return its folder; raises `Exit` with one sentence, and then nothing is left."""
    require_name(name)
    target = Path(folder or name)
    require_empty(target)
    asked = asked_for(django)
    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".djk8s-new-") as temporary:
        root = Path(temporary)
        (root / ASKED).write_text(asked, encoding="utf-8")
        version = chosen(asked)
        facts = facts_of(name, version)
        say(f"Pinning Django {version} and what serves it …")
        lock(root, facts.oldest_python)
        start(root, name, facts.oldest_python)
        own = {"README.md": readme(name)}
        if tailwind:
            facts, own = replace(facts, node=".", watch="watch"), own | with_tailwind(root, name)
        writing.write(root, writing.complete(root, facts, own), replace=[PINNED, *own])
        if not in_repository(target.absolute().parent):
            subprocess.run(("git", "init", "--quiet"), cwd=root, check=False)
        put(root, target)
    return target


def require_name(name: str) -> None:
    """Raise `Exit` unless Python can import a package of this name, and nothing else has it."""
    if not (name.isascii() and name.isidentifier()):
        usable = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        remedy = (
            f"{usable} would do" if usable.isidentifier() and not is_taken(usable) else "choose a word, such as shop"
        )
        refuse(f"{name!r} is no name that Python can import: {remedy}.")
    if is_taken(name):
        refuse(f"{name!r} is a name that Python has taken: choose another, for example {name.strip('_') or 'my'}_site.")


def is_taken(name: str) -> bool:
    return keyword.iskeyword(name) or name in TAKEN or not re.search("[A-Za-z]", name)


def require_empty(target: Path) -> None:
    """Raise `Exit` unless a new project can be put there."""
    if not target.absolute().parent.is_dir():
        refuse(f"There is no folder {target.parent}: make it first, or name another.")
    if os.path.lexists(target) and not target.is_dir():
        refuse(f"{target} is a file: name another folder.")
    if target.is_dir() and any(target.iterdir()):
        refuse(f"{target} is not empty: name another folder, or `djk8s adopt {target}` if it has a Django project.")
    if not os.access(target if target.is_dir() else target.absolute().parent, os.W_OK):
        refuse(f"You may not write to {target}: name another folder.")


def asked_for(django: str | None) -> str:
    """Return the text of requirements.in: what our own site asks for as any does, and a release of Django."""
    text = files.read(files.source(), ASKED)
    if django is None:
        return text
    parts = tuple(map(int, django.split("."))) if re.fullmatch(r"[0-9]{1,3}\.[0-9]{1,3}", django) else ()
    if parts < OLDEST_DJANGO:
        refuse(f"--django {django!r} is no release that this is for: write one from 4.2 on, for example --django 5.2.")
    text = text if parts < (6,) else re.sub("^django-csp.*\n", "", text, flags=re.MULTILINE)  # which Django 6 has
    return text if django == chosen(text) else DJANGO.sub(f"django~={django}.0", text)


def chosen(asked: str) -> str:
    """Return the release of Django that a requirements.in asks for, such as 5.2."""
    found = DJANGO.search(asked)
    if found is None:
        raise ValueError("requirements.in of djk8s asks for no release of Django")
    return found[1]


def facts_of(name: str, django: str) -> Facts:
    """Return what a new project is."""
    image = re.sub("_+", "_", name.lower()).strip("_")
    return Facts(
        image,
        settings=f"{name}.settings",
        application=f"{name}.wsgi:application",
        src=SRC,
        packages=ASKED,
        uploads=f"{SRC}/media/",
        tests=True,
        csp=True,
        devcontainer=True,
        offered=("db",),
        # https://docs.djangoproject.com/en/stable/faq/install/
        oldest_python="3.12" if int(django.split(".")[0]) >= 6 else "3.10",
    )


def lock(root: Path, oldest: str) -> None:
    """Pin what requirements.in asks for, as `inv lock` does; raises `Exit` with uv's reason if it cannot."""
    python = ("--python", resolver.PYTHON, f"--python-version={oldest}")
    words = (*requirements.COMPILE, *python, "--custom-compile-command=inv lock", "--output-file", PINNED, ASKED)
    resolver.quiet(root)(words, lambda said: f"The packages cannot be pinned: {resolver.reason(said)}.")


def start(root: Path, name: str, oldest: str) -> None:
    """Let Django write its part; raises `Exit` with Django's reason if it refuses the name."""
    (root / SRC).mkdir()
    # With every package that the site will have, so that Django knows which names are taken.
    this_one = sys.version_info >= tuple(map(int, oldest.split(".")))
    python = resolver.PYTHON if this_one else f">={oldest}"
    run = ("run", "--quiet", "--no-project", "--isolated", "--python", python)
    words = (*run, "--with-requirements", PINNED, "python", "-m", "django", "startproject", name, SRC)
    resolver.quiet(root)(words, lambda said: refused(name, oldest, said))


def readme(name: str) -> str:
    """Return the text of README.md."""
    return (files.variants() / "new" / "README.md").read_text(encoding="utf-8").replace("NAME", name)


def with_tailwind(root: Path, name: str) -> dict[str, str]:
    """Return the texts of what a project has more with Tailwind, and of its settings with the folders of these."""
    variant = files.variants() / "tailwind"
    paths = [file for file in sorted(variant.rglob("*")) if file.is_file()]
    texts = {path.relative_to(variant).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    settings = f"{SRC}/{name}/settings.py"
    texts[settings] = with_folders((root / settings).read_text(encoding="utf-8"))
    return texts


def with_folders(settings: str) -> str:
    """Return what `startproject` writes as settings, with folders for templates and static files of no app.

    Raises `Exit` for settings of another form.
    """
    settings, templates = re.subn(r"""(['"])DIRS\1: \[\]""", r"\1DIRS\1: [BASE_DIR / \1templates\1]", settings)
    more = r"\g<0>STATICFILES_DIRS = [BASE_DIR / \1static\1]\n"
    settings, files = re.subn(r"""(?m)^STATIC_URL = (['"])/?static/\1\n""", more, settings)
    if (templates, files) != (1, 1):
        refuse("This release of Django writes settings that djk8s does not know yet: leave out --tailwind.")
    return settings


def refused(name: str, oldest: str, said: str) -> str:
    """Return why `startproject` failed, in one sentence."""
    if "conflicts with the name of an existing Python module" in said:
        return f"{name!r} is the name of a package that the site needs: choose another, for example {name}_site."
    if re.search("No interpreter found|Failed to inspect Python", said):
        return f"This release of Django needs Python {oldest} or newer, and there is none here: install one."
    last = re.sub(r"\x1b\[[0-9;]*m", "", said).strip().rpartition("\n")[2]
    return f"Django could not start the project: {resolver.reason(said) if 'error: ' in said else last.rstrip('.')}."


def in_repository(folder: Path) -> bool:
    """Return whether git has a repository around a folder, or cannot make one, as it is not here."""
    return git.at(folder, "rev-parse", "--is-inside-work-tree").returncode in {0, -1}


def put(source: Path, target: Path) -> None:
    """Move everything to a folder that is empty or not there; if a part fails, the folder is as it was."""
    try:
        writing.move(source, target, sorted(part.name for part in source.iterdir()))
    except OSError as error:
        refuse(f"{target} cannot be written ({error.strerror}): name another folder.")


def next_steps(target: Path, tailwind: bool = False) -> str:
    """Return what to type next."""
    command = "python inv" if processes.WINDOWS else "./inv"
    there = "" if target.resolve() == Path.cwd() else f"  cd {processes.quoted(str(target))}\n"
    styles = (
        f"\nYour pages extend {target / SRC / 'templates/base.html'}. Node makes their styles in the image, "
        f"and after each edit with `{command} up --with dev`; on this machine, `npm install && npm run build` does."
    )
    return (
        f"{target} is there: Django in {target / SRC}, and the list of instructions around it. Next:\n"
        f"{there}  {command} serve --reload\n"
        "It has no page yet but Django's welcome, and /admin/; README.md says what to type next.\n"
        "`git add --all && git commit` keeps all of it, which the first `inv deploy` needs."
        f"{styles if tailwind else ''}"
    )
