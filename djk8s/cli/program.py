"""Invoke as this project's program: wrong words end in one sentence."""

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import invoke
from invoke import Collection, Exit, ParseError, Program
from invoke.parser import Parser

from djk8s.cli.settings import Settings
from djk8s.shell import processes
from djk8s.shell.run import INTERRUPTED
from djk8s.shell.talk import refuse, say

OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
# Another project's shell may set these. They would reach this site on the host and not in a container.
FOREIGN = ("DJANGO_SETTINGS_MODULE", "DJANGO_CONFIGURATION", "GUNICORN_CMD_ARGS", "PYTHONPATH", "PYTHONHOME")
BROKEN_PIPE = 141  # a shell's exit code for a command whose output nobody reads


def hand_over(root: Path) -> None:
    """Turn an Invoke that is installed elsewhere into the project's own, which may have to be set up first.

    Does nothing in the project's own Invoke, for shell completion, and if the tasks are only imported, as by tests.
    """
    program = Path(sys.argv[0])
    is_invoke = program.stem in {"inv", "invoke"} or program.parts[-2:] == ("invoke", "__main__.py")
    if not is_invoke or "--complete" in sys.argv or Path(sys.prefix).resolve() == (root / ".tools").resolve():
        return
    processes.become([sys.executable, str(root / "inv"), *sys.argv[1:]])


def after_dashes() -> tuple[str, ...]:
    """Return the words after `--`, each as it was typed; Invoke's own `remainder` loses the quoting."""
    return tuple(sys.argv[sys.argv.index("--") + 1 :]) if "--" in sys.argv else ()


def main(namespace: Collection, root: Path) -> None:
    """Run the tasks that were typed; ends quietly if nobody reads the output, as in `inv steps | head -1`."""
    for name in FOREIGN:
        os.environ.pop(name, None)
    try:
        try:
            Inv(namespace, root).run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os._exit(BROKEN_PIPE)  # a normal exit would try to write the rest
    except subprocess.TimeoutExpired as error:
        say(f"{error.cmd[0]} did not answer within {error.timeout:.0f} s: see what keeps it, then type this again.")
        os._exit(1)
    except FileNotFoundError as error:
        if error.filename is None:
            raise
        say(f"There is no {error.filename}: bring it back, for example with `git checkout`.")
        os._exit(1)
    except OSError as error:
        if error.errno not in OF_THE_DISK:
            raise
        what = error.filename or "What is printed"
        say(f"{what} cannot be used ({error.strerror}): see to its owner and to the room on its disk.")
        os._exit(1)


class Inv(Program):
    """Invoke with the tasks of the project in a folder."""

    def __init__(self, namespace: Collection, root: Path) -> None:
        self.defaults, self.root = namespace.configuration(), root
        names = ["invoke", "inv"]  # those with shell completion
        super().__init__(invoke.__version__, namespace, name="Invoke", binary="inv", binary_names=names)

    def create_config(self) -> None:
        """Read the settings; raises `Exit` if one of their files is wrong."""
        self.config = Settings(self.defaults, self.root)

    def parse_core(self, argv: list[str] | None) -> None:
        """Parse Invoke's own options; raises `Exit` if one is wrong."""
        with in_one_sentence():
            super().parse_core(argv)

    def parse_tasks(self) -> None:
        """Parse the tasks and their options; raises `Exit` for an unknown task or flag, or a flag without a value."""
        with in_one_sentence(self.takes_words):
            self.core.unparsed = join_name(self.core.unparsed, set(self.collection.task_names))
            super().parse_tasks()

    def takes_words(self, task: str) -> bool:
        """Return whether words of another program may follow `--`, as the help of a task says."""
        return "`--`" in (self.collection[task].__doc__ or "")

    def parse_cleanup(self) -> None:
        """Act on Invoke's own options, such as --help; raises `Exit` afterwards, or for an unknown task."""
        with in_one_sentence():
            if self.args["list-format"].value not in {"flat", "nested", "json"}:
                raise ParseError("--list-format is flat, nested or json")
            super().parse_cleanup()

    def execute(self) -> None:
        """Run the tasks; raises `Exit` on a Ctrl-C between two commands."""
        try:
            super().execute()
        except KeyboardInterrupt:
            raise Exit(INTERRUPTED, 130) from None

    def _make_parser(self) -> Parser:
        parser = super()._make_parser()
        for context in parser.contexts.values():
            for argument in context.args.values():
                if argument.kind is list:
                    argument.raw_value = None  # or Invoke takes `--set` without a value for no --set at all
        return parser


def join_name(words: list[str], tasks: set[str]) -> list[str]:
    """Join the name of a task that was typed as two words: `db dump` is `db-dump`."""
    if len(words) > 1 and words[0] not in tasks and f"{words[0]}-{words[1]}" in tasks:
        return [f"{words[0]}-{words[1]}", *words[2:]]
    return words


@contextmanager
def in_one_sentence(takes_words: Callable[[str], bool] = lambda _: False) -> Iterator[None]:
    """Turn Invoke's error about a wrong word into one line that says where the right ones are."""
    try:
        yield
    except (ParseError, Exit, ValueError) as error:  # int raises ValueError, for --list-depth and --command-timeout
        if isinstance(error, Exit) and not error.message:
            raise  # what was asked for is done
        task = getattr(getattr(error, "context", None), "name", None)
        said = re.sub(r"<Argument: ([\w-]+?)_?\b[^>]*>", r"--\1", str(error)).rstrip("!.")
        said = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in said)
        where = f"`inv --help{f' {task}' if task else ''}` shows what there is"
        if task and takes_words(task) and (word := re.fullmatch("No idea what '(.+)' is", said)):
            where += f"; what is not for inv follows `--`, as in `inv {task} … -- {word[1]}`"
        refuse(f"{said}: {where}.")
