"""A value that may fit a variable, by its name."""

from __future__ import annotations

import re

from djk8s.dotenv.file import fresh, is_secret

SQLITE = "sqlite:///db.sqlite3"
POSTGRES = "postgres://postgres:postgres@localhost:5432/postgres"
MYSQL = "mysql://root:root@localhost:3306/mysql"
REDIS = "redis://localhost:6379/0"
SITE = "http://localhost:8000"
# By the words of a name. The first pattern that is found gives the values, the likeliest first.
BY_NAME = (
    (r"\b(DATABASE|DB|SQL|POSTGRES\w*|PG|MYSQL)\b.*\b(URL|URI|DSN|CONNECTION)\b", (SQLITE, POSTGRES, MYSQL)),
    (r"\b(USER|USERNAME|LOGIN|PASSWORD)$", ("change-me",)),
    (r"\bADMIN (URL|PATH)\b", ("admin/",)),
    (r"\b(AMQP|RABBIT\w*)\b", ("amqp://guest:guest@localhost:5672//", "localhost")),
    (r"\b(REDIS|BROKER|CACHE|CELERY|CHANNELS?|VALKEY)\b.*\b(URL|URI|DSN|BACKEND|LOCATION)\b", (REDIS,)),
    (r"\bMEMCACHED?\b", ("localhost:11211",)),
    (r"\bEMAIL URL\b", ("consolemail://",)),
    (r"\bEMAIL\b.*\bBACKEND\b", ("django.core.mail.backends.console.EmailBackend",)),
    (r"\bENGINE\b", ("django.db.backends.sqlite3",)),
    (r"\b(DB|DATABASE|POSTGRES\w*|PG) PORT\b", ("5432",)),
    (r"\bREDIS PORT\b", ("6379",)),
    (r"\b(EMAIL|MAIL|SMTP) PORT\b", ("25",)),
    (r"\bSENTRY\b.*\bDSN\b", ("https://public@localhost/1",)),
    (r"\b(ORIGINS?|(URL|URI|DSN|ENDPOINT)S?)\b", (SITE, f'["{SITE}"]')),
    (r"\b(HOST|HOSTNAME|DOMAIN|SERVER|ADDRESS)\b", ("localhost", "127.0.0.1")),
    (r"\b(HOSTS|DOMAINS|SERVERS)\b", ("localhost", '["localhost"]')),
    (r"\b(DEBUG|SSL|TLS|USE|IS|HAS|(EN|DIS)ABLED?)\b", ("0", "false")),
    (r"\b(PORT|TIMEOUT|SIZE|COUNT|AGE|SECONDS|MINUTES|HOURS|DAYS|LIMIT|NUMBER|RATE|WORKERS|TTL)\b", ("1",)),
    (r"\b(TIME ?ZONE|TZ)\b", ("UTC",)),
    (r"\bLANG\w*", ("en", "en-us")),
    (r"\bLOG.*LEVEL\b", ("INFO",)),
    (r"\bREGION\b", ("us-east-1",)),
    (r"\b(EMAIL|FROM|MAIL)\b", ("webmaster@localhost",)),
    (r"\b(DIR|PATH|ROOT|FOLDER)\b", ("/tmp",)),
)
# For a variable whose name says nothing, and where none of those above fits.
ANY = ("change-me", "1", SITE, "localhost", "[]", "{}", "webmaster@localhost", POSTGRES, REDIS)


def guesses(name: str, theirs: str = "") -> list[str]:
    """Return values to try for a variable, the likeliest first: the one of their example, if it needs no database."""
    upper = name.upper()
    by_name = next((values for pattern, values in BY_NAME if re.search(pattern, upper.replace("_", " "))), ())
    first = [fresh(upper)] if is_secret(upper) else [*by_name]
    key = [fresh("FERNET_KEY")] if "KEY" in upper or "SECRET" in upper else []
    example = [theirs] if theirs and not is_secret(upper) and SQLITE not in first else []
    return [*dict.fromkeys([*example, *first, *ANY, *key])]
