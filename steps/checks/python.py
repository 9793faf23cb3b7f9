"""Python, the virtual environment, and what is installed in it."""

from __future__ import annotations

import platform

from steps import venv
from steps.checks.found import Found, fine, note
from steps.envfile import shown
from steps.project import Project, python_version


def version(_: Project) -> Found:
    """Is the Python that the environment is made of new enough, does it have what that needs, is it the box's?"""
    venv.check_python(venv.find_python(None))
    box, here = python_version(), platform.python_version()
    if here.startswith(f"{box}."):
        return fine(f"Python {here}, as in the container.")
    return fine(f"Python {here}; the container has {box}, and `inv venv --python {box}` takes that one here too.")


def environment(project: Project) -> Found:
    """Is the virtual environment there, of this project, where it was made, and does it run?"""
    name = shown(project.venv)
    venv.protect(project.venv)
    if not project.venv.exists():
        return note(f"{name} is not made yet: `inv serve` makes it.")
    stamp = venv.read_stamp(project, "venv")
    if not stamp:
        return note(f"{name} was not made by this project, or not to its end: `inv venv` makes it anew.")
    if stamp.get("place") != str(project.venv):
        return note(f"{name} was made in {stamp.get('place')} and cannot be moved: `inv venv` makes it anew.")
    if not project.program("python").exists():
        return note(f"{name} is broken, its Python is gone: `inv venv` makes it anew.")
    if stamp != venv.venv_stamp(project, stamp.get("base", "")):
        return note(f"{name} has another pip than requirements-pip.txt says: `inv venv` makes it anew.")
    if not venv.runs(project):
        return note(f"{name} is broken, its Python does not run or has no pip: `inv venv` makes it anew.")
    return fine(f"{name}, on {stamp['base']}.")


def installed(project: Project) -> Found:
    """Are the packages those of requirements.txt, and no others?"""
    pins = venv.REQUIREMENTS.read_text(encoding="utf-8")
    if venv.read_stamp(project, "install") != {"requirements": pins}:
        return note("requirements.txt is not installed yet as it is now: `inv install` installs it.")
    if not venv.has_its_packages(project):
        return note("The packages are not those of requirements.txt: `inv install` corrects that.")
    return fine("The packages are those of requirements.txt.")
