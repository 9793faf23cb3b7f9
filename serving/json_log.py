"""LOG_FORMAT=json: one object a line, from gunicorn, its access log and Django alike."""

import logging
from typing import Any

from gunicorn.glogging import Logger
from pythonjsonlogger.json import JsonFormatter

from serving.health import request_id

# https://gunicorn.org/reference/settings/#access_log_format
ACCESS = {"h": "remote", "m": "method", "U": "path", "q": "query", "s": "status", "B": "bytes", "M": "milliseconds"}


class Formatter(JsonFormatter):
    """Adds the id of the request and, to an access line, its parts."""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Fill in the object of a record."""
        super().add_fields(log_data, record, message_dict)
        log_data |= {"level": record.levelname, "logger": record.name, "request_id": request_id.get()}
        if record.name == "gunicorn.access" and isinstance(record.args, dict):
            log_data |= {name: record.args[letter] for letter, name in ACCESS.items()}
            log_data |= {"status": int(record.args["s"]), "request_id": record.args["{x-request-id}o"]}


class JsonLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger, which gives that formatter to every handler there is, the site's too once it is loaded."""

    def setup(self, cfg: Any) -> None:
        """Set up the log."""
        super().setup(cfg)
        for logger in (logging.root, *map(logging.getLogger, list(logging.root.manager.loggerDict))):
            for handler in logger.handlers:
                handler.setFormatter(Formatter("{asctime}{message}", style="{", rename_fields={"asctime": "time"}))
