"""
How long until a job is polled again.
"""

from __future__ import annotations

from jobproof.contract.formats.http_date import read_wait
from jobproof.contract.formats.json_value import Json
from jobproof.contract.model.observation import Observation

__all__ = ["PollPace"]

_SLOWER = 1.5
"""Each poll that shows nothing new has the next one come so many times later."""
_SLOWEST = 8.0
"""And no later than so many intervals."""
_LONGEST_WAIT_S = 60.0
"""The longest that one answer's `Retry-After` keeps a job from being looked at."""


class PollPace:
    """
    Of each job: faster where something happens, slower where nothing does.

    Args:
        interval_s: Between two polls at first, and after each change.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._latest: dict[str, tuple[Json, float]] = {}

    def after(self, seen: Observation, *, now: float) -> float:
        """
        The seconds to wait after that answer.

        Args:
            now: The wall clock, Unix seconds.
        """
        job_id = seen.asked_for or ""
        status = seen.job.status if seen.job is not None else str(seen.code)
        wait_s = self._interval_s
        if job_id in self._latest:
            before, waited_s = self._latest[job_id]
            if status == before:
                wait_s = min(waited_s * _SLOWER, self._interval_s * _SLOWEST)
        self._latest[job_id] = (status, wait_s)
        asked_s = read_wait(seen.response.header("retry-after"), now=now) if seen.response else None
        return max(wait_s, min(asked_s or 0.0, _LONGEST_WAIT_S))
