"""Tasks by the clock. `SCHEDULE` in the settings says when, as crontab does, in the site's time zone.

Each worker looks, and the first one queues what is due: the id of a job comes from its task and its time, so that a
second one adds nothing.
"""

import uuid
from datetime import timedelta
from typing import Any

from cronsim import CronSim, CronSimError
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult, get_date_max

LATE = timedelta(hours=1)  # what was due before that, without a worker, waits for its next time


def check() -> None:
    """Raise `ImproperlyConfigured` if a task of `SCHEDULE` is not there, or its time is none."""
    for path, when in settings.SCHEDULE.items():
        try:
            if not isinstance(import_string(path), Task):
                raise ImportError("it is no task")
            CronSim(when, timezone.localtime(), reverse=True)
        except (ImportError, CronSimError) as error:
            raise ImproperlyConfigured(f"SCHEDULE has {path!r}: {when!r}, which cannot be: {error}.") from None


def queue_due() -> None:
    """Queue each task that is due and not queued yet; raises `django.db.Error` without a database."""
    now = timezone.localtime()
    for path, when in settings.SCHEDULE.items():
        due = next(CronSim(when, now, reverse=True))
        if now - due < LATE:
            task = import_string(path)
            job: DBTaskResult[Any, Any] = DBTaskResult(
                id=uuid.uuid5(uuid.NAMESPACE_URL, f"{path} {due.isoformat()}"),
                args_kwargs={"args": [], "kwargs": {}},
                priority=task.priority,
                task_path=task.module_path,
                queue_name=task.queue_name,
                backend_name=task.backend,
                run_after=get_date_max(),
            )
            DBTaskResult.objects.bulk_create([job], ignore_conflicts=True)
