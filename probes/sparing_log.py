"""
What may be said, of something that happens many times a second: once a minute, and how often.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["SparingLog"]

# What is said may be another thing each time: the memory of it is bounded.
_MOST_KEYS = 1_000


class SparingLog:
    """
    Tells whether a thing may be said again; safe to call from any thread.

    Args:
        every_s: The shortest time between two lines about the same.
    """

    def __init__(
        self, *, every_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._said: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def before_now(self, key: str) -> int | None:
        """
        How often this happened unsaid since it was last said; None while it isn't to be said.
        """
        now = self._clock()
        with self._lock:
            said_at, unsaid = self._said.get(key, (now - self._every_s, 0))
            if now - said_at < self._every_s:
                self._said[key] = (said_at, unsaid + 1)
                return None
            self._said[key] = (now, 0)
            self._said.move_to_end(key)
            if len(self._said) > _MOST_KEYS:
                self._said.popitem(last=False)
            return unsaid
