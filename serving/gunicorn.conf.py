"""gunicorn's settings, from environment variables and never from the site's: https://gunicorn.org/reference/settings/

GUNICORN_CMD_ARGS wins over all of them.
"""

import logging
import os
import signal
import socket
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from serving import health, limits, metrics, site, stopping, telemetry, wrapper

asgi = site.choice("SERVER", "threads", "asgi") == "asgi"
worker_class = "asgi" if asgi else "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 0) or limits.workers()
threads = 1 if asgi else 4
# Only this machine may reach a server that runs on it; a container is reached from outside.
bind = f"{'127.0.0.1' if os.environ.get('PLACE', 'host') == 'host' else '0.0.0.0'}:{os.environ.get('PORT') or 8000}"
# A heartbeat file on a disk can block a worker: https://gunicorn.org/faq/
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# Seconds for the requests in flight at a stop; Docker kills after stop_grace_period in docker-compose.yaml.
graceful_timeout = 8
# It would log an error on a read-only file system, and nothing here uses it.
control_socket_disable = True
accesslog = "-" if site.choice("ACCESS_LOG", "1", "0") == "1" else None
if os.environ.get("FORWARDED_ALLOW_IPS"):  # gunicorn's own name for the proxies that may say who the client is
    access_log_format = '%({x-forwarded-for}i)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'
logging.getLogger("gunicorn.access").addFilter(health.is_news)
if site.choice("LOG_FORMAT", "text", "json") == "json":
    logger_class = "serving.log.JsonLogger"

DRAINING = Path("/tmp/draining")


def post_fork(server, worker) -> None:  # type: ignore[no-untyped-def]
    """Let a signal end this process until gunicorn listens: nothing has begun."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, lambda *_: os._exit(0))


# entrypoint.sh and `inv serve` block signals until here: PID 1 would lose them, and Ctrl-C would show a traceback.
if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # not at a reload
    post_fork(None, None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))


def on_starting(server) -> None:  # type: ignore[no-untyped-def]
    """Load the site before the workers are forked, so that they share its memory."""
    server.app.callable = site.load(server, asgi)


def when_ready(server) -> None:  # type: ignore[no-untyped-def]
    """Leave a connection to the kernel until its first byte: a silent one would hold a thread for five seconds."""
    if sys.platform == "linux":
        for listener in server.LISTENERS:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
        stopping.take_what_is_queued_first(server)


def pre_request(worker, request) -> None:  # type: ignore[no-untyped-def]
    """Close what is kept alive while the container drains (kubernetes/base/): later, a request may be on its way."""
    request.must_close |= DRAINING.exists()


def post_worker_init(worker) -> None:  # type: ignore[no-untyped-def]
    """Prepare a worker, after the fork and with the site loaded."""
    if asgi:
        wrapper.close_websockets_at_stop(worker)
    telemetry.report_errors(worker.log)


if metrics.TOKEN:
    child_exit, on_exit = metrics.forget_worker, metrics.remove
