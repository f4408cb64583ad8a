"""
The time by which followed jobs are due: reads like the wall clock, runs like a stopwatch.

A wall clock may be set: back by an hour, and nothing would be due for an hour; ahead by a week,
and everything would be overdue for a week. Here it is read once, at the start, and only the
monotonic clock counts from then on.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobproof.probes.engine.prober import Clock

__all__ = ["AnswerTime", "SteadyClock"]

# An answer is looked at this long after it came, at most; more than that is a clock that was set.
_LONGEST_DELAY_S = 600.0
# What the two clocks may drift apart without any of them having been set.
_DRIFT_S = 1.0


@dataclass(frozen=True, slots=True)
class AnswerTime:
    """
    When an answer came.

    Attributes:
        at: On the steady clock.
        ahead_s: Of the wall clock, which the server's own times are compared with, before it.
    """

    at: float
    ahead_s: float = 0.0

    def steady(self, wall: float | None) -> float | None:
        """
        A time that the server names, on the steady clock.
        """
        return None if wall is None else wall - self.ahead_s


class SteadyClock:
    """
    Unix seconds as they were at the start, and as many seconds later.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.wall() - clock.monotonic()

    def now(self) -> float:
        """
        The time now.
        """
        return self._start + self._clock.monotonic()

    def moment(self, ended_at: float) -> AnswerTime:
        """
        What the wall clock showed as `ended_at`, a moment ago.
        """
        delay_s = min(max(0.0, self._clock.wall() - ended_at), _LONGEST_DELAY_S)
        at = self.now() - delay_s
        ahead_s = ended_at - at
        # One that was never set shows the same: then its own words stay exact.
        return AnswerTime(ended_at) if abs(ahead_s) < _DRIFT_S else AnswerTime(at, ahead_s)
