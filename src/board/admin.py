"""The admin of the board, where staff may attach a file to a note."""

from django.contrib import admin
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest

from board.models import Note
from board.tasks import count


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin[Note]):
    """Notes, with the counts that the worker made."""

    list_display = ("__str__", "posted_at", "words", "attachment")
    readonly_fields = ("posted_at", "words", "reading_seconds")

    def save_model(self, request: HttpRequest, obj: Note, form: ModelForm[Note], change: bool) -> None:
        """Save a note, and queue a count if its text changed."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if "text" in form.changed_data:
                count.enqueue(obj.pk)
