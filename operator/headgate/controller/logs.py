"""Logs: one JSON object for each line on standard output, and of the libraries only what matters."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

_QUIET = {
    "aiohttp.access": logging.WARNING,
    "asyncio": logging.WARNING,
    "kopf": logging.WARNING,
    # It reports the success of each handler of each event.
    "kopf.objects": logging.ERROR,
    "urllib3": logging.WARNING,
}


def configure(level: str) -> None:
    """Log from this level on, as JSON with `time`, `level`, `logger`, `message` and whatever a record adds."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            datefmt="%Y-%m-%dT%H:%M:%S%z",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "k8s_ref": "object"},
            reserved_attrs=_RESERVED,
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, logging.getLevelName(level)))


_RESERVED = [*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", "k8s_skip", "settings"]
