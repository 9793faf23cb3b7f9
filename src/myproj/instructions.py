"""The Instructions List as the page shows it; `inv steps` is its owner, and a test compares them."""

from typing import NamedTuple


class Step(NamedTuple):
    """One line of the list: its words in the tutorial, and the command for it in each place."""

    title: str
    host: str
    container: str
    compose: str
    cluster: str


STEPS = (
    Step("Python", "python3", "FROM python:3.13-slim", "build: .", "FROM python:3.13-slim"),
    Step("Virtual environment", "inv venv", "inv build", "inv up", "inv deploy"),
    Step("pip install -r requirements.txt", "inv install", "inv build", "inv up", "inv deploy"),
    Step("Settings in .env", "inv env", "inv env", "inv env", "inv deploy"),
    Step("cd src, then gunicorn", "inv serve", "inv run", "inv up", "inv deploy"),
)


def for_place(place: str) -> list[tuple[str, str]]:
    """Return the title and the command of each step in a place."""
    return [(step.title, getattr(step, place)) for step in STEPS]
