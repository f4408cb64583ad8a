"""
What the daemon says about itself, with every known secret masked.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from typing import TextIO

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor

__all__ = ["set_up_logs"]

_ORDINARY = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class _Text(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._redactor = redactor

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return _time(record)

    def format(self, record: logging.LogRecord) -> str:
        # Masked when all is written out: a token may come in through a traceback.
        return self._redactor.text(super().format(record))


class _Json(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        entry: JsonObject = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redactor.text(record.getMessage()),
        }
        for name, value in record.__dict__.items():
            if name not in _ORDINARY and not name.startswith("_"):
                known = isinstance(value, int | float)
                entry[name] = self._redactor.value(value if known else str(value))
        if record.exc_info:
            entry["exception"] = self._redactor.text(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def set_up_logs(
    redactor: Redactor, *, style: str = "text", level: str = "info", stream: TextIO | None = None
) -> None:
    """
    Send all logs, and what kills a thread, to `stream` (stderr), masked.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json(redactor) if style == "json" else _Text(redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    # What the web server says of itself at every start and end is no news.
    logging.getLogger("uvicorn").setLevel(max(logging.WARNING, root.level))
    threading.excepthook = _thread_died


def _thread_died(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread is not None else "unknown"
    if args.exc_value is not None:
        logging.getLogger(__name__).error(
            "thread %s died", name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback)
        )


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
