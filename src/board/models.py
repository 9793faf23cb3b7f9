"""Notes."""

from __future__ import annotations

from datetime import datetime

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models.fields.files import FieldFile
from django.urls import reverse

MAX_LENGTH = 4000  # characters


class Attachment(FieldFile):
    """A note's file, whose URL is that of the view that sends it."""

    @property
    def url(self) -> str:
        """Return the URL."""
        return reverse("board:attachment", args=[self.instance.pk])


class Note(models.Model):
    """A note, with the counts that the worker makes."""

    text: models.TextField[str, str] = models.TextField(validators=[MaxLengthValidator(MAX_LENGTH)])
    posted_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(auto_now_add=True)
    words: models.PositiveIntegerField[int | None, int | None] = models.PositiveIntegerField(null=True, editable=False)
    reading_seconds: models.PositiveIntegerField[int | None, int | None] = models.PositiveIntegerField(
        null=True, editable=False
    )
    attachment = models.FileField(upload_to="board/%Y/%m", blank=True)
    attachment.attr_class = Attachment

    class Meta:
        ordering = ("-posted_at", "-pk")

    def __str__(self) -> str:
        return self.text[:50]

    @property
    def counted(self) -> bool:
        """Return whether the worker has counted it."""
        return self.words is not None
