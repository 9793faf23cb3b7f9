"""`manage.py worker`: django-tasks-db's worker, which survives a database outage and takes over from dead workers."""

import time
from argparse import ArgumentParser
from pathlib import Path
from threading import Event, Thread
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import Error, InterfaceError, OperationalError, close_old_connections
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands import db_worker

from jobs import lease, schedule


class Worker(db_worker.Worker):
    """Runs queued jobs, renews their leases, and queues the jobs of dead workers again."""

    alive: Path | None = None

    def run(self) -> None:
        """Run jobs until a signal asks to stop; wait for the database while it is away."""
        ended = Event()
        self.give_sign_of_life()
        Thread(target=self.keep_leases, args=(ended,), daemon=True).start()
        try:
            while self.running:
                try:
                    return super().run()
                except (OperationalError, InterfaceError) as error:
                    db_worker.logger.error("The database failed, trying again: %s", error)
                    # Under a new name, so that what it was running is taken over like any other lost job.
                    self.worker_id = get_random_string(32)
                    time.sleep(self.interval or 1)
        finally:
            ended.set()
        return None

    def keep_leases(self, ended: Event) -> None:
        """Renew leases, queue lost jobs and those that are due, and touch the --alive file, until this worker ends."""
        trusted_from = time.monotonic()
        while not ended.wait(lease.RENEWED_EVERY):
            try:
                close_old_connections()
                lease.renew(self.worker_id)
                self.give_sign_of_life()
                if time.monotonic() >= trusted_from:
                    lease.queue_lost_again()
                schedule.queue_due()
            except (Error, OSError):
                # The other workers could not renew theirs either: give them the time to.
                trusted_from = time.monotonic() + lease.LENGTH.total_seconds()

    def give_sign_of_life(self) -> None:
        """Touch the --alive file, whose age the health check looks at."""
        if self.alive:
            self.alive.touch()


class Command(db_worker.Command):
    """Takes the options of django-tasks-db's `db_worker`, and --alive."""

    help = "Run background tasks from the database, until SIGTERM; the one in hand is finished first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add --alive."""
        super().add_arguments(parser)
        parser.add_argument("--alive", type=Path, help="a file to touch every few seconds while the database answers")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run our worker, which `db_worker` looks up under the name of its own.

        Raises `CommandError` for a wrong `SCHEDULE`.
        """
        try:
            schedule.check()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        Worker.alive = options.pop("alive")
        db_worker.Worker = Worker  # type: ignore[misc]
        super().handle(*args, **options)
