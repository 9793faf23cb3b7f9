"""One line of an environment file, written so that python-dotenv and Compose read the same value."""

import io
import re

from djk8s.shell.talk import refuse

PLAIN = re.compile(r"[A-Za-z0-9_./:,@%+=^~-]+")  # not empty: Compose would take a comment after it for the value
# Within single quotes both turn \' into '; python-dotenv also turns \\ into \, which Compose does not.
NOT_IN_SINGLE_QUOTES = re.compile(r"\\(?:[\\']|\Z)|\r")
# The parts of a line: what stands before the value, the value, and what may follow it.
# python-dotenv takes a # right after an unquoted value as part of the value.
PARTS = re.compile(
    r"(?P<before>\s*(?:export[^\S\r\n]+)?)"
    r"(?:'[^']+'|[^=#\s]+)[^\S\r\n]*"
    r"(?:=(?:[^\S\r\n]*(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|[^\r\n]*?(?=\s|\Z)))?"
    r"(?P<comment>[^\S\r\n]*(?:#[^\r\n]*)?)(?P<end>[\r\n]*)",
    re.DOTALL,
)


def line(name: str, value: str) -> str:
    """Return `NAME=value` with the quotes that both readers need; raises `Exit` if no line means this value to both."""
    if re.search(r"[\ud800-\udfff]", value):  # bytes of the shell that are not text
        refuse(f"{name} cannot be written: it is not text in UTF-8. Choose another value, or give it with --env.")
    if PLAIN.fullmatch(value):
        return f"{name}={value}"
    if not NOT_IN_SINGLE_QUOTES.search(value):
        return f"{name}='" + value.replace("'", "\\'") + "'"
    if "$" not in value:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
        return f'{name}="{escaped}"'
    return refuse(
        f"{name} cannot be written so that python-dotenv and Compose read the same: it holds a $, which asks for "
        "single quotes, and a backslash before another, before ' or at the end, or a carriage return, which asks for "
        "double ones. Choose another value, or give it with --env."
    )


def with_line(text: str, name: str, value: str) -> str:
    """Set a value in the text of an environment file and change nothing else, not even a comment on the same line."""
    from dotenv.parser import parse_stream

    new = line(name, value)
    bindings = list(parse_stream(io.StringIO(text)))
    there = [index for index, binding in enumerate(bindings) if binding.key == name]
    if not there:
        end = "\r\n" if "\r\n" in text else "\n"
        return text + ("" if not text or text.endswith("\n") else end) + new + end
    pieces = [binding.original.string for binding in bindings]
    pieces[there[-1]] = replaced(pieces[there[-1]], new)
    return text[: text.startswith("\ufeff")] + "".join(pieces)  # python-dotenv drops the byte order mark of Windows


def replaced(old: str, new: str) -> str:
    parts = PARTS.fullmatch(old)
    assert parts, "python-dotenv found a name in this line"  # or the old value would silently stay
    comment = parts["comment"].strip()
    return parts["before"] + new + (f"  {comment}" if comment else "") + parts["end"]
