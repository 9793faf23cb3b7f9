"""The command `djk8s`: start a project, adopt one that is there, and update what either wrote."""

from __future__ import annotations

import argparse
import signal
import sys

from invoke import Exit

from djk8s import new, update, wheel
from djk8s.shell import processes
from djk8s.shell.talk import say

NODE = "the folder of package.json, whose script `build` makes static files; '' for none"
INTERRUPTED = 130  # as shells have it: 128 and the number of SIGINT

NEW = """\
examples:
  djk8s new shop                  a project in the new folder shop/
  djk8s new shop . --django 5.2   in this folder, which is empty, on Django 5.2
  djk8s new shop --tailwind       with Tailwind, which Node runs in the image
"""
ADOPT = """\
examples:
  djk8s adopt --dry               what was found about the project in this folder, and what would be written
  djk8s adopt ../shop --yes       adopt it without a question
  djk8s adopt --replace Dockerfile
"""
UPDATE = """\
examples:
  djk8s update --dry              the difference that it would make
  djk8s update                    bring the files of this folder to this version of djk8s, with your changes kept
  djk8s update --database postgres    and bring compose/db.yaml, once a driver is among the packages
  djk8s update --node frontend    and let Node make static files in it, now that it has a package.json
"""


def main(words: list[str] | None = None) -> None:
    """Run the command that was typed; ends in one sentence if it cannot be done."""
    for number in processes.ending_signals():
        signal.signal(number, signal.default_int_handler)  # so that what was begun is taken back
    options = parser().parse_args(words)
    try:
        options.act(options)
    except Exit as end:
        if end.message:
            say(str(end.message))
        sys.exit(end.code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    whole = argparse.ArgumentParser("djk8s", description=__doc__, allow_abbrev=False)
    version = f"djk8s {wheel.version()}"
    whole.add_argument("--version", action="version", version=version, help="print the version of djk8s")
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    for name, (sentence, examples, add_options) in COMMANDS.items():
        command = commands.add_parser(name, help=sentence, epilog=examples, allow_abbrev=False)
        command.description = f"{sentence[0].upper()}{sentence[1:]}."
        command.formatter_class = argparse.RawDescriptionHelpFormatter
        add_options(command)
    return whole


def new_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="what the project is called, such as shop or my_site")
    command.add_argument("folder", metavar="FOLDER", nargs="?", help="where to make it; by default in a folder NAME")
    command.add_argument("--django", metavar="RELEASE", help="the release of Django; by default 5.2")
    tailwind = "with styles by Tailwind, which a stage of the image makes"
    command.add_argument("--tailwind", action="store_true", help=tailwind)
    command.set_defaults(act=run_new)


def adopt_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="the project; by default this folder")
    command.add_argument("--yes", action="store_true", help="write without asking first")
    command.add_argument("--dry", action="store_true", help="say what was found and would be written")
    command.add_argument("--no-smoke", action="store_true", help="do not try the site in a container afterwards")
    variable = "NAME=value that its settings need to be read; may be repeated"
    command.add_argument("--env", metavar="NAME=value", action="append", default=[], help=variable)
    replace = "one of your files to write over; may be repeated"
    command.add_argument("--replace", metavar="FILE", action="append", default=[], help=replace)
    for flag, metavar, sentence in (
        ("--src", "FOLDER", "the folder of manage.py, such as src"),
        ("--settings", "MODULE", "the settings for production, such as shop.settings.production"),
        ("--name", "NAME", "what its image and containers are called, such as shop"),
        ("--packages", "FILE", "the file that names its packages, such as requirements/production.txt"),
        ("--python", "VERSION", "the Python of its image, such as 3.13"),
        ("--server", "KIND", "threads, or asgi"),
        ("--application", "NAME", "what the server runs, such as shop.wsgi:application"),
        ("--database", "KIND", "sqlite, postgres, postgis or mysql"),
        ("--node", "FOLDER", NODE),
        ("--ready-within", "SECONDS", "how long its first start may take, such as 300"),
    ):
        command.add_argument(flag, metavar=metavar, help=sentence)
    command.set_defaults(act=run_adopt)


def update_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="the project; by default this folder")
    command.add_argument("--dry", action="store_true", help="show the difference, and write nothing")
    command.add_argument("--node", metavar="FOLDER", help=NODE)
    command.add_argument("--database", metavar="KIND", help="the kind that the site has from now on, such as postgres")
    command.set_defaults(act=run_update)


COMMANDS = {
    "new": ("start a Django project with all that it needs to be served", NEW, new_options),
    "adopt": ("give a Django project that is there all that it needs to be served", ADOPT, adopt_options),
    "update": ("bring the files that djk8s wrote to this version, with your changes kept", UPDATE, update_options),
}


def run_new(options: argparse.Namespace) -> None:
    made = new.create(options.name, options.folder, options.django, options.tailwind)
    say(new.next_steps(made, options.tailwind))


def run_adopt(options: argparse.Namespace) -> None:
    from djk8s.adopt import command

    command.run(options)


def run_update(options: argparse.Namespace) -> None:
    update.run(options.folder, options.dry, options.node, options.database)


if __name__ == "__main__":
    main()
