"""
What the daemon says about itself, with every known secret masked.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.formats.secret import Secret

__all__ = ["Redactor", "set_up_logs"]

_ORDINARY = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class Redactor:
    """
    Masks every secret that was ever known here: an old token may still be in a traceback.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets: tuple[Secret, ...] = ()
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        """
        Mask these too from now on.
        """
        self._secrets = tuple(dict.fromkeys((*self._secrets, *secrets)))

    def values(self) -> tuple[str, ...]:
        """
        The secrets in clear, for another place that has to mask them.
        """
        return tuple(secret.reveal() for secret in self._secrets)

    def __call__(self, text: str) -> str:
        """
        `text` without any of them.
        """
        for secret in self._secrets:
            text = secret.redact(text)
        return text


class _Text(logging.Formatter):
    def __init__(self, redact: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._redact = redact

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return _time(record)

    def format(self, record: logging.LogRecord) -> str:
        # Masked when all is written out: a token may come in through a traceback.
        return self._redact(super().format(record))


class _Json(logging.Formatter):
    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        entry: JsonObject = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redact(record.getMessage()),
        }
        for name, value in record.__dict__.items():
            if name not in _ORDINARY and not name.startswith("_"):
                entry[name] = value if isinstance(value, int | float) else self._redact(str(value))
        if record.exc_info:
            entry["exception"] = self._redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def set_up_logs(
    redact: Redactor, *, style: str = "text", level: str = "info", stream: TextIO | None = None
) -> None:
    """
    Send all logs, and what kills a thread, to `stream` (stderr), masked.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json(redact) if style == "json" else _Text(redact))
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
