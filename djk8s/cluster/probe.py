"""Ask a site, in its image, what a deployment has to know: its database, its migrations, and where uploads go."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from djk8s import engine
from djk8s.project import Project
from djk8s.shell.run import output
from djk8s.shell.talk import refuse, say

PATIENCE = "120"  # seconds; a large site takes long to import
GAVE_UP = 124  # the exit code of `timeout`
# It asks no database: the loader reads the migrations from the code.
CODE = """
import json, os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "serving.overlay")
import django
django.setup()
from django.apps import apps
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import Error, connection
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import FileField
from django.urls import get_resolver

try:
    get_resolver().url_patterns  # what cannot be imported would be an error on every page
except Exception as error:
    # Code may ask a database or a service, which is not there now.
    names = " ".join(base.__name__ for base in type(error).__mro__)
    if not isinstance(error, (Error, OSError)) and "Connection" not in names and "Timeout" not in names:
        raise

fields = [field for model in apps.get_models() for field in model._meta.get_fields() if isinstance(field, FileField)]
storages = [getattr(field.storage, "_wrapped", None) or field.storage for field in fields]
here = [str(field) for field, storage in zip(fields, storages) if isinstance(storage, FileSystemStorage)]
loader = MigrationLoader(None, ignore_no_migrations=True)
migrations = sorted(".".join(key) for key in loader.disk_migrations)
try:
    changes = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps)).changes(graph=loader.graph)
except Exception:
    changes = {}  # a field that cannot be written down, which stops nothing
own = [app.label for app in apps.get_app_configs() if "site-packages" not in app.path]
unmade = [label for label in own if label in changes]
print("\\n" + json.dumps({"vendor": connection.vendor, "files": here, "migrations": migrations, "unmade": unmade}))
"""


@dataclass(frozen=True)
class Site:
    """What a site says about itself."""

    vendor: str  # of its database, such as postgresql; unknown without one
    files: tuple[str, ...]  # the fields whose files it keeps in a folder, such as board.Note.attachment
    migrations: tuple[str, ...]  # all that its code has
    unmade: tuple[str, ...] = ()  # its apps with models that differ from their migrations


def ask(project: Project, image: str, settings: Mapping[str, str], at: Mapping[str, str] | None = None) -> Site:
    """Return what the site in an image says; raises `Exit` with its own last line if it cannot start.

    `at` has the variables that lead to the engine that has the image, if it is not this machine's.
    """
    if project.dry:
        return Site("postgresql", (), ())
    engine.require(project)
    names = [word for name in sorted(settings) for word in ("--env", name)]
    words = (project.engine, "run", "--rm", "--network", "none", "--label", project.label, *names, image)
    within = ("timeout", PATIENCE, "python", "-c", CODE)  # in the container, which would run on without us
    answer = output(project, (*words, *within), timeout=None, variables={**settings, **(at or {})})
    if answer.returncode == GAVE_UP:
        refuse(f"The site did not start within {PATIENCE} s, as if it waits for a service; nothing was deployed.")
    if answer.stderr.rstrip().endswith("KeyboardInterrupt"):
        raise KeyboardInterrupt
    if answer.returncode:
        lines = (answer.stderr or answer.stdout).strip().splitlines()[-10:]
        say("\n".join(lines))
        refuse("The site cannot start with these settings, see above; nothing was deployed.")
    try:
        said = json.loads(answer.stdout.strip().rpartition("\n")[2])
        return Site(str(said["vendor"]), tuple(said["files"]), tuple(said["migrations"]), tuple(said["unmade"]))
    except (ValueError, TypeError, KeyError):
        say(answer.stdout[-2000:].strip())
        refuse("The site said something else than it was asked, see above; nothing was deployed.")
