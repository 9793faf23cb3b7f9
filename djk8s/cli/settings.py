"""Invoke's configuration, limited to the settings of this project; a mistake ends in one sentence."""

import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from invoke import Config, Exit
from invoke.exceptions import UnknownFileType

from djk8s.shell.talk import refuse


class Settings(Config):
    """The settings in files and INVOKE_… variables; Invoke's own settings have no use here.

    `defaults` has all the settings there are. A value from a file is text, like one from a variable.
    """

    defaults: Mapping[str, Any]
    root: Path

    def __init__(self, defaults: Mapping[str, Any], root: Path) -> None:
        self._set(defaults=defaults, root=root)
        super().__init__(project_location=root)
        self.load_project()

    def _load_yaml(self, path: Any) -> Any:
        return self.checked(super()._load_yaml, path)

    _load_yml = _load_yaml

    def _load_json(self, path: Any) -> Any:
        return self.checked(super()._load_json, path)

    def _load_py(self, path: str) -> dict[str, Any]:
        return self.checked(super()._load_py, path)

    def checked(self, load: Callable[[Any], Any], path: str) -> dict[str, Any]:
        """Return the known settings of a file; raises `Exit` if it cannot be read, or one is wrong."""
        ours = Path(path).parent == self.root
        where = Path(path).name if ours else path
        try:
            return known(load(path), self.defaults, where, strict=ours)
        except (Exit, FileNotFoundError):
            raise  # without the file, Invoke looks for the next one
        except Exception as error:  # a folder, another encoding, broken YAML or JSON, and whatever Python may raise
            refuse(f"{where} cannot be read ({' '.join(str(error).split())}): mend it, or move it away.")

    def load_runtime(self, merge: bool = True) -> None:
        """Read the file of --config or INVOKE_RUNTIME_CONFIG; raises `Exit` if it is missing."""
        try:
            super().load_runtime(merge)
        except UnknownFileType:
            refuse(f"--config {self._runtime_path!r} is no file of settings: the name of one ends in .yaml or .json.")
        if self._runtime_path and not self._runtime_found:
            refuse(f"There is no {self._runtime_path!r}: --config names a file of settings, for example invoke.yaml.")


def known(given: object, defaults: Mapping[str, Any], where: str, strict: bool) -> dict[str, Any]:
    """Return the known settings in what a file holds; `strict` refuses unknown ones."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        refuse(f"{where} has {reprlib.repr(given)} for settings: write each on its line, as `name: value`.")
    unknown = [name for name in given if name not in defaults]
    if unknown and strict:
        refuse(f"{where} has {reprlib.repr(unknown[0])}, which is no setting: there are {', '.join(defaults)}.")
    return {name: typed(given[name], defaults[name], name, where, strict) for name in defaults if name in given}


def typed(value: object, default: object, name: str, where: str, strict: bool) -> object:
    """Return a value as text, or a group of settings as such; raises `Exit` if it is neither."""
    if isinstance(default, dict):
        return known(value, default, f"{where} under {name}", strict)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        refuse(f"{where} has {name}: {reprlib.repr(value)}, which is no text: put it in 'quotes'.")
    return str(value)
