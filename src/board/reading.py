"""The length of a text and the time it takes to read."""

import math

# Silent reading of English non-fiction, words a minute: Brysbaert, "How many words do we read per minute?",
# Journal of Memory and Language 109 (2019), https://doi.org/10.1016/j.jml.2019.104047
SPEED = 238


def words(text: str) -> int:
    """Return the number of words."""
    return len(text.split())


def seconds(count: int) -> int:
    """Return the seconds it takes to read a number of words, rounded up."""
    return math.ceil(count * 60 / SPEED)
