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
from jobproof.contract.formats.wording import legible, legible_json, legible_lines

__all__ = ["set_up_logs"]

_PLAIN = logging.Formatter()
_ORDINARY = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class _Text(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        head = f"{_time(record)} {record.levelname:7} {record.name}: "
        lines = [head + _message(record, self._redactor)]
        # Indented: no line of a traceback, whose words may be foreign, can pass for an entry.
        for text in _tracebacks(record, self._redactor).values():
            lines += (f"  {line}" for line in text.split("\n"))
        return "\n".join(lines)


class _Json(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        entry: JsonObject = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record, self._redactor),
        }
        for name, value in record.__dict__.items():
            if name not in _ORDINARY and not name.startswith("_"):
                known = isinstance(value, int | float)
                entry[name] = self._redactor.value(value if known else str(value))
        entry |= _tracebacks(record, self._redactor)
        return legible_json(json.dumps(entry, ensure_ascii=False))


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


def _message(record: logging.LogRecord, redactor: Redactor) -> str:
    """
    In one line, whatever an answer has put into it.
    """
    # Python ends each of its warnings with an empty line.
    return legible(redactor.text(record.getMessage().rstrip("\n")))


def _tracebacks(record: logging.LogRecord, redactor: Redactor) -> dict[str, str]:
    """
    What a record carries besides its message, by its key in JSON.
    """
    told = {}
    # Masked when all is written out: a token may come in through a traceback.
    if record.exc_info:
        told["exception"] = _PLAIN.formatException(record.exc_info)
    if record.stack_info:
        told["stack"] = _PLAIN.formatStack(record.stack_info)
    return {name: legible_lines(redactor.text(text)) for name, text in told.items()}


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
