"""The board as a Django app."""

from django.apps import AppConfig


class BoardConfig(AppConfig):
    """The app's names."""

    name = "board"
    verbose_name = "Board"
