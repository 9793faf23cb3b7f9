"""The board's pages."""

from pathlib import PurePath

from django.core.paginator import Paginator
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from board.forms import NoteForm
from board.models import Note
from board.tasks import count

PER_PAGE = 20


@require_http_methods(["GET", "HEAD", "POST"])
def board(request: HttpRequest) -> HttpResponse:
    """Show the notes, the newest first, and take a new one."""
    form = NoteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():  # both the note and its task, or neither
            count.enqueue(form.save().pk)
        return redirect("board:board")
    notes = Paginator(Note.objects.all(), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "board/board.html", {"form": form, "notes": notes}, status=422 if form.errors else 200)


@require_safe
def note(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one note as on the board, for a page that waits for its count."""
    return render(request, "board/note.html", {"note": get_object_or_404(Note, pk=pk)})


@require_safe
def attachment(request: HttpRequest, pk: int) -> FileResponse:
    """Send a note's file as a download, never as a page of this site."""
    file = get_object_or_404(Note, pk=pk).attachment
    try:
        return FileResponse(file.open(), as_attachment=True, filename=PurePath(str(file)).name)
    except (OSError, ValueError):  # deleted in the meantime, or never there
        raise Http404 from None
