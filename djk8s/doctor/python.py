"""Python, the virtual environment, and the packages in it."""

import platform

from djk8s import dockerfile
from djk8s.doctor.finding import Finding, fine, note
from djk8s.host import venv
from djk8s.packages import locking
from djk8s.project import Project


def version(project: Project) -> Finding:
    """Check that the Python for the environment is new enough and complete, and compare it with the image's."""
    if not venv.is_complete(project):
        venv.check_python(project, venv.find_python(project, None))
    image, here = dockerfile.python_version(project), platform.python_version()
    if image == dockerfile.UNKNOWN:
        return fine(f"Python {here}.")
    if here.startswith(f"{image}."):
        return fine(f"Python {here}, as in the container.")
    return fine(f"Python {here}; the container has {image}, and `inv venv --python {image}` takes that one here too.")


def environment(project: Project) -> Finding:
    """Check that the virtual environment is there, was made here by this project, and runs."""
    name = project.shown(project.venv)
    venv.protect(project)
    if not project.venv.exists():
        return note(f"{name} is not made yet: `inv serve` makes it.")
    if not venv.is_complete(project):
        return note(f"{name} is not complete, was moved, or its Python or pip changed: `inv venv` makes a new one.")
    return fine(f"{name}, on {venv.read_stamp(project)['base']}.")


def installed(project: Project) -> Finding:
    """Check that requirements.txt is installed, and nothing else."""
    pins, name = venv.read_pins(project), project.requirements.name
    if source := locking.stale(project):
        return note(f"{source} has changed since {name} was made of it: `inv lock` takes the packages over.")
    if venv.read_stamp(project).get("requirements") != pins:
        return note(f"{name} is not installed yet as it is now: `inv install` installs it.")
    if not venv.has_its_packages(project):
        return note(f"The packages are not those of {name}: `inv install` corrects that.")
    return fine(f"The packages are those of {name}.")
