"""The board for its staff, who may attach a file to a note."""

from django.contrib import admin
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest

from board.models import Note
from board.tasks import count


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin[Note]):
    """Notes, with what the worker found out about them."""

    list_display = ("__str__", "posted_at", "words", "attachment")
    readonly_fields = ("posted_at", "words", "reading_seconds")

    def save_model(self, request: HttpRequest, obj: Note, form: ModelForm[Note], change: bool) -> None:
        """Save a note, and have it counted where its text is another."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if "text" in form.changed_data:
                count.enqueue(obj.pk)
