"""
A point in time as HTTP headers write it.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

__all__ = ["read_date"]


@lru_cache(maxsize=64)
def read_date(text: str) -> float | None:
    """
    Unix seconds of an HTTP date in any of its three forms; None where it is none.
    """
    # Answers of one second share their Date, and reading it costs more than most checks.
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
