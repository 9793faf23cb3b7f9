"""What people write."""

from django import forms

from board.models import MAX_LENGTH, Note


class Lines(forms.CharField):
    """Text of which a line's end is one character, as it is for the browser that counts them while somebody writes."""

    def to_python(self, value: str | None) -> str | None:
        """Return the text with such ends: a browser sends two characters for each."""
        text = super().to_python(value)
        return text and text.replace("\r\n", "\n")


class NoteForm(forms.ModelForm[Note]):
    """A new note: its text and nothing else; files are for the staff, in the admin."""

    class Meta:
        model = Note
        fields = ("text",)

    text = Lines(label="Your note", max_length=MAX_LENGTH, widget=forms.Textarea(attrs={"rows": 4}), strip=True)
