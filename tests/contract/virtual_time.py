"""
Time that passes only where somebody waits for it.
"""

from __future__ import annotations

__all__ = ["VirtualTime"]


class VirtualTime:
    """
    A monotonic clock, and who waits by it.

    Attributes:
        now: Seconds since nobody knows when.
        waits: How long it was waited for, each time.
    """

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
