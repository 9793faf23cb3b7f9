"""The housekeeping of the queue."""

from django.core.management import call_command
from django_tasks import task

KEPT = 7  # days


@task()
def remove_old_results() -> None:
    """Remove the results of jobs that ended a week ago or earlier."""
    call_command("prune_db_task_results", min_age_days=KEPT, queue_name="*", verbosity=0)
