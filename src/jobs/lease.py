"""A job is lent to a worker for a while: one whose worker died is seen as lost, and queued again.

The worker of django-tasks-db leaves such a job running for ever. While a job runs, its `run_after` says when somebody
else may take it; its worker puts that off as long as it lives. So a job is done at least once: one that was begun by a
worker that died is begun anew, and is to be written so that twice is as good as once.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult, get_date_max

LENGTH = timedelta(seconds=20)
RENEWED_EVERY = 5.0  # seconds; three renewals may fail before a lease ends

logger = logging.getLogger("django_tasks_db")


def renew(worker_id: str) -> None:
    """Put off the end of the lease of what a worker runs; raises `django.db.Error` without a database."""
    mine = [job.pk for job in DBTaskResult.objects.running() if job.worker_ids[-1:] == [worker_id]]
    DBTaskResult.objects.running().filter(pk__in=mine).update(run_after=timezone.now() + LENGTH)


def queue_lost_again() -> int:
    """Queue again each job whose lease has ended, and return how many; raises `django.db.Error` without a database."""
    now = timezone.now()
    # A worker may have died before it renewed for the first time.
    ended = Q(run_after__lt=now) | Q(run_after=get_date_max())
    with transaction.atomic():
        running = DBTaskResult.objects.running().filter(ended, started_at__lt=now - LENGTH)
        lost = list(running.select_for_update(skip_locked=True))
        for job in lost:
            logger.warning("Task id=%s is lost: its worker_id=%s died. Queued again.", job.pk, job.worker_ids[-1])
            DBTaskResult.objects.filter(pk=job.pk).update(status=TaskResultStatus.READY, run_after=now)
    return len(lost)
