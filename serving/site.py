"""Load a site and bring its SQLite database up to date."""

import logging
import sys
from pathlib import Path
from typing import Any

from serving import health


def load(server: Any, asgi: bool) -> Any:
    """Return the application that gunicorn was asked for, or the one of asgi.py beside it."""
    from django.core.exceptions import ImproperlyConfigured

    app = server.app
    if asgi:
        app.app_uri = app.app_uri.replace(".wsgi", ".asgi", 1)
    try:
        application = app.load()
        if not logging.root.handlers:  # Django's own LOGGING shows no error outside DEBUG
            logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        migrate_sqlite()
    except ImproperlyConfigured as error:
        sys.exit(f"The site cannot start: {error}")
    server.log.setup(server.cfg)  # in a format for all, it is for the site's handlers too
    return health.asgi(application) if asgi else health.wsgi(application)


def migrate_sqlite() -> None:
    """Apply missing migrations to an SQLite database; another may serve older code, so it is `inv manage`'s to do."""
    from django.core.management import call_command
    from django.db import Error, connection

    if connection.vendor != "sqlite":
        return
    path = Path(connection.settings_dict["NAME"])
    try:
        if health.missing_migrations():
            path.touch(0o664)  # SQLite's 0644 would keep out a second user of the volume (compose/dev.yaml)
            call_command("migrate", interactive=False, verbosity=0)
    except (Error, OSError) as error:
        # Pages that need no database are served all the same; /readyz says that it is missing.
        logging.error("The database %s cannot be used (%s): see to the owner of its folder and to the disk.", path, error)
    finally:
        connection.close()  # no worker may share it
