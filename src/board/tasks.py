"""The board's background tasks."""

from django_tasks import task

from board import reading
from board.models import Note


@task()
def count(note_id: int) -> None:
    """Count a note's words. Does nothing if the note is gone, and may run twice."""
    for text in Note.objects.filter(pk=note_id).values_list("text", flat=True):
        words = reading.words(text)
        Note.objects.filter(pk=note_id).update(words=words, reading_seconds=reading.seconds(words))
