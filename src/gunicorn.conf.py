"""How the server runs, the same on the host and in a container.

gunicorn finds this file by itself in the folder it is started from:
https://docs.gunicorn.org/en/stable/settings.html
"""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproj.settings")


def leave(*_: Any) -> None:
    """End at once and quietly: gunicorn itself listens to signals only once the site is loaded."""
    sys.exit(0)


# Who starts this (`inv serve`, entrypoint.sh) holds these back until there is somebody to act on them:
# before that, Ctrl-C would be a traceback, and PID 1 would not notice SIGTERM at all.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, leave)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})

from django.conf import settings  # noqa: E402
from django.core.exceptions import ImproperlyConfigured  # noqa: E402

try:
    port, place = settings.PORT, settings.PLACE
except ImproperlyConfigured as error:
    sys.exit(f"The site cannot start: {error}")

# A container is reached from outside it; this machine's own server is for this machine.
bind = f"{'127.0.0.1' if place == 'host' else '0.0.0.0'}:{port}"

# WEB_CONCURRENCY wins, as gunicorn's documentation promises; a value set here would hide it.
workers = int(os.environ.get("WEB_CONCURRENCY") or len(os.sched_getaffinity(0)))
threads = 4

# The site is loaded once, before the fork: less memory, and a fault in it ends the start.
preload_app = True

# A heartbeat file on a disk can block a worker: https://docs.gunicorn.org/en/stable/faq.html
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None

# Requests in flight have this many seconds to end; `docker stop` and Compose wait 10 before they kill.
graceful_timeout = 8

# It would log an error on a read-only file system, and nothing here speaks to it.
control_socket_disable = True

accesslog = "-"


def on_starting(server: "Arbiter") -> None:
    """Bring the SQLite default up to date in the process that starts anyway."""
    from myproj import schema

    schema.prepare_sqlite()
