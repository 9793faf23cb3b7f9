"""Slow queries in the log: how long each took, which line of the site asked, and the SQL without its values."""

import logging
import os
import time
import traceback
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from serving.frames import own_line

log = logging.getLogger("serving.slow_queries")


def watch() -> None:
    """Log each query that takes SLOW_QUERY seconds or more; raises `ImproperlyConfigured` if that is no number."""
    try:
        seconds = float(os.environ["SLOW_QUERY"])
    except ValueError:
        raise ImproperlyConfigured(
            f"SLOW_QUERY is {os.environ['SLOW_QUERY']!r}: write seconds, for example 0.5."
        ) from None
    from django.db.backends.signals import connection_created

    def timed(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        begun = time.monotonic()
        try:
            return execute(sql, params, many, context)
        finally:
            if (took := time.monotonic() - begun) >= seconds:
                # The values are left out, as they may be anybody's data.
                asked_by = own_line(traceback.extract_stack())
                log.warning("%.2f s for a query of %s: %s", took, asked_by, " ".join(str(sql).split()))

    def connected(connection: Any, **_: Any) -> None:
        if timed not in connection.execute_wrappers:
            connection.execute_wrappers.append(timed)

    connection_created.connect(connected, weak=False)
