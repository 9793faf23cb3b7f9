"""The form for a note."""

from django import forms

from board.models import MAX_LENGTH, Note


class Lines(forms.CharField):
    """Text whose line ends are one character, as the browser counts them while somebody writes."""

    def to_python(self, value: str | None) -> str | None:
        """Return the text with such ends, as a browser sends two characters for each."""
        text = super().to_python(value)
        return text and text.replace("\r\n", "\n")


class NoteForm(forms.ModelForm[Note]):
    """A new note: only its text, as files are for staff in the admin."""

    class Meta:
        model = Note
        fields = ("text",)

    text = Lines(label="Your note", max_length=MAX_LENGTH, widget=forms.Textarea(attrs={"rows": 4}), strip=True)
