"""The board's URLs, below `/board/`."""

from django.urls import path

from board import views

app_name = "board"
urlpatterns = [
    path("", views.board, name="board"),
    path("<int:pk>/", views.note, name="note"),
    path("<int:pk>/attachment", views.attachment, name="attachment"),
]
