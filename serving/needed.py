"""Packages that only some settings need."""

from importlib import import_module

from django.core.exceptions import ImproperlyConfigured


def package(setting: str, module: str, package: str) -> None:
    """Import a module; raises `ImproperlyConfigured`, which names the package that has it, where that is missing."""
    try:
        import_module(module)
    except ModuleNotFoundError:
        raise ImproperlyConfigured(f"{setting} needs {package} among the packages of the site.") from None
