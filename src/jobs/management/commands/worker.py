"""`manage.py worker`: django-tasks-db's worker, which outlives its database and takes over from those that died."""

import time
from argparse import ArgumentParser
from pathlib import Path
from threading import Event, Thread
from typing import Any

from django.db import Error, InterfaceError, OperationalError, close_old_connections
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands import db_worker

from jobs import lease


class Worker(db_worker.Worker):
    """Runs what is queued, keeps the lease of what it runs, and queues again what is lost."""

    alive: Path | None = None

    def run(self) -> None:
        """Run tasks until a signal says otherwise; a database that is away is waited for."""
        ended = Event()
        self.give_sign_of_life()
        Thread(target=self.keep_leases, args=(ended,), daemon=True).start()
        try:
            while self.running:
                try:
                    return super().run()
                except (OperationalError, InterfaceError) as error:
                    db_worker.logger.error("The database failed, trying again: %s", error)
                    # What it was running has nobody now: under a new name, it is taken over as any other.
                    self.worker_id = get_random_string(32)
                    time.sleep(self.interval or 1)
        finally:
            ended.set()
        return None

    def keep_leases(self, ended: Event) -> None:
        """Renew leases, look for those that have ended, and give a sign of life, until this worker ends."""
        trusted_from = time.monotonic()
        while not ended.wait(lease.RENEWED_EVERY):
            try:
                close_old_connections()
                lease.renew(self.worker_id)
                self.give_sign_of_life()
                if time.monotonic() >= trusted_from:
                    lease.queue_lost_again()
            except (Error, OSError):
                # Away, or its disk full, for the others as well: they are given the time to renew theirs.
                trusted_from = time.monotonic() + lease.LENGTH.total_seconds()

    def give_sign_of_life(self) -> None:
        """Touch the file of --alive, by whose age a health check tells."""
        if self.alive:
            self.alive.touch()


class Command(db_worker.Command):
    """The same words as django-tasks-db's `db_worker`."""

    help = "Run background tasks from the database, until SIGTERM; the one in hand is finished first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take one word more."""
        super().add_arguments(parser)
        parser.add_argument("--alive", type=Path, help="a file to touch every few seconds while the database answers")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run a worker of ours, which `db_worker` finds by the name of its own."""
        Worker.alive = options.pop("alive")
        db_worker.Worker = Worker  # type: ignore[misc]
        super().handle(*args, **options)
