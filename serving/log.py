"""LOG_FORMAT=json: one object a line, from gunicorn, its access log and Django alike."""

import logging
from typing import Any

from gunicorn.glogging import Logger
from pythonjsonlogger.json import JsonFormatter

from serving.wrapper import request_id

# https://gunicorn.org/reference/settings/#access_log_format
PARTS = {"h": "remote", "{x-forwarded-for}i": "forwarded_for", "m": "method", "U": "path", "q": "query", "s": "status"}
PARTS |= {"B": "bytes", "M": "milliseconds", "{x-request-id}o": "request_id"}


class Formatter(JsonFormatter):
    """Adds the id of the request to a line."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Leave gunicorn's own lines without: they may come after the request whose id the thread has."""
        return {"request_id": "" if log_data["logger"] == "gunicorn.error" else request_id.get(), **log_data}


class JsonLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger, which gives that formatter to every handler there is, the site's too once it is loaded."""

    def setup(self, cfg: Any) -> None:
        """Set up the log."""
        super().setup(cfg)
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        for logger in (logging.root, *map(logging.getLogger, list(logging.root.manager.loggerDict))):
            for handler in logger.handlers:
                handler.setFormatter(Formatter([*names, "message"], style=",", rename_fields=names))

    def access(self, *request: Any) -> None:
        """Log a request by its parts."""
        if self.access_log_enabled:
            atoms = self.atoms(*request)
            parts = {name: atoms.get(letter) for letter, name in PARTS.items()}
            self.access_log.info(atoms["r"], extra={**parts, "status": int(atoms["s"])})
