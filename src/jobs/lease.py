"""A lease on each running job, so that the jobs of a worker that died are queued again.

django-tasks-db 0.13 leaves such a job running for ever. Here `run_after` of a running job says when another worker may
take it, and its own worker moves that forward as long as it lives. A job may therefore be run more than once: write it
so that this does no harm.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult, get_date_max

LENGTH = timedelta(seconds=20)
TRIES = 3  # a job that kills its worker would kill every other one
RENEWED_EVERY = 5.0  # seconds; three renewals may fail before a lease ends

logger = logging.getLogger("django_tasks_db")


def renew(worker_id: str) -> None:
    """Extend the lease of every job that a worker runs; raises `django.db.Error` without a database."""
    mine = [job.pk for job in DBTaskResult.objects.running() if job.worker_ids[-1:] == [worker_id]]
    DBTaskResult.objects.running().filter(pk__in=mine).update(run_after=timezone.now() + LENGTH)


def queue_lost_again() -> int:
    """Queue each job whose lease has ended, or let it fail after its last try, and return how many those are.

    Raises `django.db.Error` without a database.
    """
    now = timezone.now()
    # A worker may have died before its first renewal.
    ended = Q(run_after__lt=now) | Q(run_after=get_date_max())
    with transaction.atomic():
        running = DBTaskResult.objects.running().filter(ended, started_at__lt=now - LENGTH)
        lost = list(running.select_for_update(skip_locked=True))
        for job in lost:
            if len(job.worker_ids) >= TRIES:
                logger.error("Task id=%s failed: each of the %s workers that ran it died.", job.pk, TRIES)
                job.set_failed(RuntimeError(f"Each of the {TRIES} workers that ran it died."))
                continue
            logger.warning("Task id=%s is lost: its worker_id=%s died. Queued again.", job.pk, job.worker_ids[-1])
            DBTaskResult.objects.filter(pk=job.pk).update(status=TaskResultStatus.READY, run_after=now)
    return len(lost)
