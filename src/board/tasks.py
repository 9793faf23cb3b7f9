"""What the worker does for the board."""

from django_tasks import task

from board import reading
from board.models import Note


@task()
def count(note_id: int) -> None:
    """Find out how long a note is; a note that is gone by now needs nothing. May run twice: the answer is the same."""
    for text in Note.objects.filter(pk=note_id).values_list("text", flat=True):
        words = reading.words(text)
        Note.objects.filter(pk=note_id).update(words=words, reading_seconds=reading.seconds(words))
