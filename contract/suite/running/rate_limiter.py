"""
How many requests a run sends, and how fast: each one passes here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from jobproof.contract.formats.http_date import read_wait

__all__ = ["LONGEST_OUTAGES_S", "LONGEST_PAUSE_S", "BudgetSpent", "Pace", "RateLimiter"]

LONGEST_PAUSE_S = 120.0
"""The longest that a 429 may hold up a run: somebody, or a CI job's time limit, waits for it."""


LONGEST_OUTAGES_S = 30.0
"""How long a run waits for all that is out of service, together."""


_MOST_THROTTLED = 12
"""How many 429s in a row are waited out that don't say for how long."""
_SAID_COUNTS = 3
"""One that says it, and was waited for, counts so many times: whoever says so should mean it."""


class BudgetSpent(Exception):
    """
    The run has sent as many requests as it may, or is over.
    """


class Pace:
    """
    When the next request may be sent; what several limiters share that ask by one token's right.

    Args:
        rate_per_minute: Spread evenly, without bursts; None for no limit.
    """

    def __init__(
        self, rate_per_minute: float | None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval_s = 60.0 / rate_per_minute if rate_per_minute else 0.0
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._next = monotonic()

    def take(self) -> float:
        """
        Take the next slot; the seconds until it.
        """
        with self._lock:
            now = self._monotonic()
            start = max(now, self._next)
            self._next = start + self._interval_s
        return start - now

    def rest(self, pause_s: float) -> None:
        """
        Have nobody sent anything for so long; a shorter rest never cuts a longer one.
        """
        with self._lock:
            self._next = max(self._next, self._monotonic() + pause_s)


class RateLimiter:
    """
    Lets requests through at a rate, up to a number; safe for several threads.

    Args:
        rate_per_minute: Spread evenly, without bursts; None for no limit.
        budget: How many requests in all; None for no limit.

    Attributes:
        sent: How many requests were let through.
        pace: Whose slots they take.
    """

    def __init__(
        self,
        *,
        rate_per_minute: float | None,
        budget: int | None,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self.pace = Pace(rate_per_minute, monotonic=monotonic)
        self._budget = budget
        self._wait = wait
        self._lock = threading.Lock()
        self._outages_s = LONGEST_OUTAGES_S
        self._throttled = 0
        self._closed = False
        self.sent = 0

    def acquire(self) -> None:
        """
        Wait until one more request may be sent.

        Raises:
            BudgetSpent: No request is left.
        """
        with self._lock:
            if self._closed or (self._budget is not None and self.sent >= self._budget):
                raise BudgetSpent
            self.sent += 1
            delay = self.pace.take()
        # Slots are handed out under the lock and waited for outside of it, so that a long wait
        # of one thread doesn't keep the next one from learning its own.
        if delay > 0:
            self._wait(delay)
            self._give_back_if_closed()

    def _give_back_if_closed(self) -> None:
        with self._lock:
            if self._closed:
                self.sent -= 1
                raise BudgetSpent

    def close(self) -> None:
        """
        Let nothing through any more.
        """
        with self._lock:
            self._closed = True

    def sit_out(self, pause_s: float | None) -> bool:
        """
        The server is out of service: let nothing through for so long, if that is known and
        bearable; whether it is.
        """
        with self._lock:
            if pause_s is None or pause_s > self._outages_s:
                return False
            # Each costs a second at least, so that "at once" has an end, too.
            self._outages_s -= max(pause_s, 1.0)
        self.pace.rest(pause_s)
        return True

    def pause(self, retry_after: str | None, *, now: float, default_s: float) -> bool:
        """
        A 429 has come in: let nothing through for as long as it asks; False where that was done
        so often in a row that it leads nowhere.

        Args:
            retry_after: The header `Retry-After`, if any.
            now: The wall clock, Unix seconds.
            default_s: The pause where the header names none: absent, broken, or no wait at all.
        """
        asked_s = read_wait(retry_after, now=now)
        with self._lock:
            # Who names no time is left alone for longer each time.
            unsaid_s = default_s * 2.0**self._throttled
            self._throttled += 1 if not asked_s else _SAID_COUNTS
            if self._throttled > _MOST_THROTTLED:
                return False
        pause_s = min(asked_s or unsaid_s, LONGEST_PAUSE_S)
        # Whoever has its slot already still sends.
        self.pace.rest(pause_s)
        return True

    def resume(self) -> None:
        """
        An answer has come in that isn't a 429.
        """
        with self._lock:
            self._throttled = 0
