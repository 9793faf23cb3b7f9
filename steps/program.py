"""Invoke as this project's program: what is wrong with the words or the settings ends in one sentence."""

from __future__ import annotations

import errno
import os
import re
import reprlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import invoke
from invoke import Collection, Config, Exit, ParseError, Program
from invoke.exceptions import UncastableEnvVar, UnknownFileType
from invoke.parser import Parser

from steps.command import INTERRUPTED, refuse, say
from steps.project import ROOT

OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
BROKEN_PIPE = 141  # what a shell shows of a command that nobody reads any more


def main(namespace: Collection) -> None:
    """Do what was typed; ends quietly where nobody reads what it says any more, as in `inv steps | head -1`."""
    try:
        try:
            Inv(namespace).run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os._exit(BROKEN_PIPE)  # at its usual end Python would try to write the rest
    except OSError as error:
        if error.errno not in OF_THE_DISK:
            raise
        what = error.filename or "What is printed"
        say(f"{what} cannot be used ({error.strerror}): see to its owner and to the room on its disk.")
        os._exit(1)


class Inv(Program):
    """Invoke with the tasks of a namespace."""

    def __init__(self, namespace: Collection) -> None:
        self.usual = namespace.configuration()
        names = ["invoke", "inv"]  # those that shell completion is for
        super().__init__(invoke.__version__, namespace, name="Invoke", binary="inv", binary_names=names)

    def create_config(self) -> None:
        """Read the settings; raises `Exit` where a file of them is wrong."""
        self.config = Settings(self.usual)

    def parse_core(self, argv: list[str] | None) -> None:
        """Read Invoke's own options; raises `Exit` where one is wrong."""
        with in_one_sentence():
            super().parse_core(argv)

    def parse_tasks(self) -> None:
        """Read the tasks and their options; raises `Exit` where there is no such, or one has no value."""
        with in_one_sentence():
            self.core.unparsed = apart(self.core.unparsed, set(self.collection.task_names))
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        """Do what Invoke's own options ask for, as --help; raises `Exit` when it is done, or there is no such task."""
        with in_one_sentence():
            if self.args["list-format"].value not in {"flat", "nested", "json"}:
                raise ParseError("--list-format is flat, nested or json")
            super().parse_cleanup()

    def update_config(self, merge: bool = True) -> None:
        """Take what Invoke's own options set; raises `Exit` where one asks a person and there is none."""
        try:
            super().update_config(merge)
        except EOFError:
            refuse("--prompt-for-sudo-password asks for what no step uses: leave it out.")

    def execute(self) -> None:
        """Do the tasks; raises `Exit` where Ctrl-C comes between two commands."""
        try:
            super().execute()
        except KeyboardInterrupt:
            raise Exit(INTERRUPTED, 130) from None

    def _make_parser(self) -> Parser:
        parser = super()._make_parser()
        for context in parser.contexts.values():
            for argument in context.args.values():
                if argument.kind is list:
                    argument.raw_value = None  # else Invoke takes `--set` without a value for no --set at all
        return parser


def apart(words: list[str], tasks: set[str]) -> list[str]:
    """Return words in which a task that has two may be typed as two: `db dump` for `db-dump`."""
    if len(words) > 1 and words[0] not in tasks and f"{words[0]}-{words[1]}" in tasks:
        return [f"{words[0]}-{words[1]}", *words[2:]]
    return words


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """Turn what Invoke says of a wrong word into one line, with where the right ones are."""
    try:
        yield
    except (ParseError, Exit, ValueError) as error:  # a ValueError is int's own, of --list-depth and --command-timeout
        if isinstance(error, Exit) and not error.message:
            raise  # what was asked for is done
        task = getattr(getattr(error, "context", None), "name", None)
        said = re.sub(r"<Argument: ([\w-]+?)_?\b[^>]*>", r"--\1", str(error)).rstrip("!.")
        said = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in said)
        refuse(f"{said}: `inv --help{f' {task}' if task else ''}` shows what there is.")


class Settings(Config):
    """What files and INVOKE_… variables say of the settings of a project; Invoke's own have no use here.

    `usual` has the settings there are, with their defaults. Whatever a file says is text, as theirs is.
    """

    usual: Mapping[str, Any]

    def __init__(self, usual: Mapping[str, Any]) -> None:
        self._set(usual=usual)
        super().__init__(project_location=ROOT)
        self.load_project()

    def _load_yaml(self, path: Any) -> Any:
        return self.checked(super()._load_yaml, path)

    _load_yml = _load_yaml

    def _load_json(self, path: Any) -> Any:
        return self.checked(super()._load_json, path)

    def _load_py(self, path: str) -> dict[str, Any]:
        return self.checked(super()._load_py, path)

    def checked(self, load: Callable[[Any], Any], path: str) -> dict[str, Any]:
        """Return what a file says of the settings there are; raises `Exit` where it cannot be read, or is wrong."""
        ours = Path(path).parent == ROOT
        where = Path(path).name if ours else path
        try:
            return known(load(path), self.usual, where, only=ours)
        except (Exit, FileNotFoundError):
            raise  # where there is no such file, Invoke looks for the next
        except Exception as error:  # a folder, another encoding, broken YAML or JSON, and whatever Python may raise
            refuse(f"{where} cannot be read ({' '.join(str(error).split())}): mend it, or move it away.")

    def load_runtime(self, merge: bool = True) -> None:
        """Read the file of --config or INVOKE_RUNTIME_CONFIG; raises `Exit` where there is no such."""
        try:
            super().load_runtime(merge)
        except UnknownFileType:
            refuse(f"--config {self._runtime_path!r} is no file of settings: the name of one ends in .yaml or .json.")
        if self._runtime_path and not self._runtime_found:
            refuse(f"There is no {self._runtime_path!r}: --config names a file of settings, as invoke.yaml.")

    def load_shell_env(self) -> None:
        """Read the INVOKE_… variables; raises `Exit` for one that cannot be text."""
        try:
            super().load_shell_env()
        except UncastableEnvVar:
            refuse("INVOKE_RUN_WATCHERS is set, and no text means anything there: unset it.")


def known(given: object, usual: Mapping[str, Any], where: str, only: bool) -> dict[str, Any]:
    """Return what a file says of the settings there are.

    Raises `Exit` when one is of another kind, or, where the file is to have these `only`, when there is no such.
    """
    if given is None:
        return {}
    if not isinstance(given, dict):
        refuse(f"{where} has {reprlib.repr(given)} for settings: write each on its line, as `name: value`.")
    others = [name for name in given if name not in usual]
    if others and only:
        refuse(f"{where} has {reprlib.repr(others[0])}, which is no setting: there are {', '.join(usual)}.")
    return {name: of_its_kind(given[name], usual[name], name, where, only) for name in usual if name in given}


def of_its_kind(value: object, usual: object, name: str, where: str, only: bool) -> object:
    """Return a value as text, or as settings where it is several; raises `Exit` when it is neither."""
    if isinstance(usual, dict):
        return known(value, usual, f"{where} under {name}", only)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        refuse(f"{where} has {name}: {reprlib.repr(value)}, which is no text: put it in 'quotes'.")
    return str(value)
