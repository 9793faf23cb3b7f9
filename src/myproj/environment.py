"""Read settings from environment variables, and refuse a value that means nothing in one sentence.

Every reader returns its default for a variable that is unset or empty, and raises
`ImproperlyConfigured` with a sentence that names the variable and says what to write.
"""

import os
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv


def load(path: Path) -> None:
    """Take the variables of an environment file, where there is one; a variable already set wins.

    This is for commands typed by hand in `src`. `inv` gives the values itself, and turns this off
    by python-dotenv's own PYTHON_DOTENV_DISABLED. No value is expanded: `$` is only a character.
    """
    load_dotenv(path, interpolate=False)


def text(name: str, default: str = "") -> str:
    """Return a variable as it is."""
    return os.environ.get(name) or default


def secret(name: str, default: str = "") -> str:
    """Return a variable, or the content of the file that NAME_FILE names, as a Docker secret is given."""
    if not (file := text(f"{name}_FILE")):
        return text(name, default)
    try:
        if content := Path(file).read_text(encoding="utf-8").strip():
            return content
        raise ValueError(f"{file} is empty")
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read ({error}): name a file that holds {name}.") from None


def flag(name: str, default: str = "0") -> bool:
    """Return whether a variable is on (1 or true) or off (0 or false)."""
    value = text(name, default)
    if value.lower() in {"1", "true"}:
        return True
    if value.lower() in {"0", "false"}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}: write 1 (on) or 0 (off).")


def choice(name: str, choices: tuple[str, ...]) -> str:
    """Return a variable that is one of `choices`, the first by default."""
    value = text(name, choices[0])
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}: write one of {', '.join(choices)}.")
    return value


def words(name: str) -> list[str]:
    """Return the parts of a comma-separated variable, without the spaces around them."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def origins(name: str) -> list[str]:
    """Return comma-separated origins, each with its scheme."""
    found = words(name)
    for origin in found:
        if not origin.startswith(("http://", "https://")):
            raise ImproperlyConfigured(
                f"{name} holds {origin!r}: write it with its scheme, for example https://{origin}."
            )
    return found


def database(name: str, default_file: Path) -> "dj_database_url.DBConfig":
    """Return Django's description of the database of a URL; by default, SQLite in `default_file`."""
    default = f"sqlite:///{default_file}"
    try:
        return dj_database_url.parse(secret(name, default), conn_max_age=60)
    except ValueError as error:
        # The value may hold a password, so it is not shown.
        raise ImproperlyConfigured(
            f"{name} is not a database URL ({type(error).__name__}): "
            "write it as postgres://USER:PASSWORD@HOST:5432/NAME or sqlite:////path/to/file."
        ) from None
