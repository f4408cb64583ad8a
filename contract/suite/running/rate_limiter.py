"""
How fast and how much may be asked: one gate for every request of a run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

__all__ = ["BudgetSpent", "RateLimiter", "retry_after_s"]

_LONGEST_WAIT_S = 120.0


class BudgetSpent(Exception):
    """
    The run has sent as many requests as it may.
    """


class RateLimiter:
    """
    Lets requests through at a rate, up to a number; safe for several threads.
    """

    def __init__(
        self,
        *,
        rate_per_minute: float | None,
        budget: int | None,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._gap_s = 60.0 / rate_per_minute if rate_per_minute else 0.0
        self._budget = budget
        self._monotonic = monotonic
        self._wait = wait
        self._lock = threading.Lock()
        self._next = monotonic()
        self.sent = 0

    def enter(self) -> None:
        """
        Wait for this request's turn.

        Raises:
            BudgetSpent: No request is left.
        """
        with self._lock:
            if self._budget is not None and self.sent >= self._budget:
                raise BudgetSpent
            self.sent += 1
            start = max(self._monotonic(), self._next)
            self._next = start + self._gap_s
        delay = start - self._monotonic()
        if delay > 0:
            self._wait(delay)

    def hold(self, seconds: float) -> None:
        """
        Let nothing through for `seconds`: the server asked for it.
        """
        with self._lock:
            self._next = max(self._next, self._monotonic() + min(seconds, _LONGEST_WAIT_S))


def retry_after_s(value: str | None, now: float, *, default_s: float) -> float:
    """
    Seconds to wait by a `Retry-After`; the default where it is absent, unreadable or
    negative.
    """
    if value is None:
        return default_s
    text = value.strip()
    if text.isdigit():
        return min(float(text), _LONGEST_WAIT_S)
    try:
        wait = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return default_s
    return min(wait, _LONGEST_WAIT_S) if wait >= 0 else default_s
