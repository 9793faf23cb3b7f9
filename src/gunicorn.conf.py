"""How the server runs, the same on the host and in a container.

gunicorn finds this file by itself in the folder it is started from, and calls what it defines by name:
https://docs.gunicorn.org/en/stable/settings.html. GUNICORN_CMD_ARGS wins over all of it.
"""

import gc
import os
import signal
import sys
import warnings
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

# What is loaded here stays: looking for garbage in it, again and again while it grows, is a tenth of the start.
gc.disable()

# Why gevent. A connection that is open and says nothing costs it a few kilobytes; a worker of threads gives it a
# thread, and browsers open such connections in advance. `nox -s container_smoke` holds 1,000 of them open, silent
# or a byte a second, and asks: gevent answers in milliseconds, two workers of four threads do not answer at all.
# In exchange a request that computes for a second holds up the others of its worker. There is no wheel for
# every platform (see requirements.in); there the threads of gunicorn's own worker have to do.
try:
    from gevent import events, monkey
except ImportError:
    worker_class, threads = "gthread", 8
else:
    worker_class = "gevent"
    # gevent looks through all packages for its plugins each time that it patches something, some twenty times here and
    # again in each worker: a tenth of the start. Nothing is installed meanwhile, so one look will do.
    plugins = metadata.entry_points()

    def notify(event: Any) -> None:
        """Tell gevent's subscribers and plugins."""
        events.notify(event)
        for plugin in plugins.select(group=event.ENTRY_POINT_NAME):
            plugin.load()(event)

    events.notify_and_call_entry_points = notify
    # Before Django is imported, so that its connections belong to a request and not to a thread. The master keeps
    # what it waits with, so that it hears signals at once and forks from no event loop of gevent's.
    monkey.patch_all(os=False, signal=False, subprocess=False, queue=False, time=False)
    # gunicorn's worker patches all the rest after the fork, which gevent warns of.
    warnings.filterwarnings("ignore", category=monkey.MonkeyPatchWarning)

# Open connections that a worker holds; gunicorn's own 1,000 could all be slow ones.
worker_connections = 10_000

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproj.settings")


def leave(*_: Any) -> None:
    """End at once: gunicorn itself listens to signals only once the site is loaded.

    An exception would be lost where it meets Python's own bookkeeping of imports; and nothing has begun.
    """
    os._exit(0)


# Who starts this (`inv serve`, entrypoint.sh) holds these back until there is somebody to act on them:
# before that, Ctrl-C would be a traceback, and PID 1 would not notice SIGTERM at all.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, leave)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})

from django.conf import settings  # noqa: E402
from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from django.db import connection  # noqa: E402

from myproj import cpus, hot_path, warmup  # noqa: E402
from myproj.access_log import AccessLogger  # noqa: E402

try:
    port, place, log_requests = settings.PORT, settings.PLACE, settings.ACCESS_LOG
except ImproperlyConfigured as error:
    sys.exit(f"The site cannot start: {error}")
try:
    connection.vendor  # noqa: B018 - asking for it loads what speaks to the database
except ImproperlyConfigured as error:
    sys.exit(f"The site cannot start: {error}. What DATABASE_URL needs goes into requirements.in; then `inv lock`.")

# A container is reached from outside it; this machine's own server is for this machine.
bind = f"{'127.0.0.1' if place == 'host' else '0.0.0.0'}:{port}"

# WEB_CONCURRENCY wins, as gunicorn's documentation promises; a value set here would hide it.
workers = int(os.environ.get("WEB_CONCURRENCY") or cpus.usable())

# The site is loaded once, before the fork: less memory, and a fault in it ends the start.
preload_app = True

# A heartbeat file on a disk can block a worker: https://docs.gunicorn.org/en/stable/faq.html
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# The stop budget, in seconds: requests in flight have this long to end. `docker run --stop-timeout` and Compose's
# stop_grace_period are two more (10), which is what `docker stop` waits for by default. A test compares them.
graceful_timeout = 8

# It would log an error on a read-only file system, and nothing here speaks to it.
control_socket_disable = True

# One line per request, on standard output.
accesslog = "-" if log_requests else None
logger_class = AccessLogger


def on_starting(server: "Arbiter") -> None:
    """Bring the SQLite default up to date, and warm the site, in the process that starts anyway."""
    from myproj import schema

    collect()
    if worker_class == "gthread":
        server.log.info("No gevent on this platform: threads serve, and many slow clients at once can hold them all.")
    schema.prepare_sqlite()
    warmup.warm(server.app.wsgi())


def on_reload(server: "Arbiter") -> None:
    """Undo what this file, which was read anew, did for a start: SIGHUP is none."""
    collect()
    server.init_signals()


def collect() -> None:
    """Look for garbage from now on, and never again in what was loaded: the workers share that memory."""
    gc.freeze()
    gc.enable()


# Ctrl-C in a terminal reaches the workers too, but it is the master that tells them how to end.
def post_fork(server: "Arbiter", worker: "Worker") -> None:
    """Let a worker that is starting end when it is told to, and hold Ctrl-C back from it.

    It would put what it is told into its copy of the master's queue, and be killed after the graceful time.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    for number in (signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, leave)


def post_worker_init(worker: "Worker") -> None:
    """Shorten what each request costs, make the first one as quick as the tenth, and end at once at Ctrl-C.

    What a request touches of the memory that is shared until then is copied, before anybody waits for it.
    Ctrl-C is for the master, which passes it on as SIGQUIT. gunicorn's gevent worker would end twice at that, by
    itself and by an exception in a greenlet, and now and then in a traceback. A quick stop waits for nobody, so
    there is nothing to unwind.
    """
    hot_path.shorten(worker.cfg)
    warmup.warm(worker.wsgi)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def worker_exit(server: "Arbiter", worker: "Worker") -> None:
    """Write the access lines that still wait."""
    if isinstance(worker.log, AccessLogger):  # and not a --logger-class that somebody chose
        worker.log.lines.flush()
