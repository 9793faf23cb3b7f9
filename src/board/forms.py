"""What people write."""

from django import forms

from board.models import MAX_LENGTH, Note


class NoteForm(forms.ModelForm[Note]):
    """A new note: its text and nothing else; files are for the staff, in the admin."""

    class Meta:
        model = Note
        fields = ("text",)

    text = forms.CharField(
        label="Your note", max_length=MAX_LENGTH, widget=forms.Textarea(attrs={"rows": 4}), strip=True
    )
