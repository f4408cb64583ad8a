"""
How often an API key may be used: a budget of requests a minute, and rest after a 429.

Pure: the time is passed in, on one monotonic clock.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobproof.contract.formats.http_date import read_retry_after
from jobproof.contract.model.exchange import Response
from jobproof.probes.result import MissReason

__all__ = ["LONGEST_REST_S", "BudgetLimits", "RateBudgets", "outage_s"]

LONGEST_REST_S = 300.0
"""The longest that one refusal may silence a key: an alert must not go blind for a day."""
_WINDOW_S = 60.0
_FIRST_REST_S = 5.0
# Slots of a grid that spends the whole budget are a minute apart but for the last bits of a
# float: without slack every other minute would lose one.
_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """
    What a key may be used for.

    Attributes:
        per_minute: Requests in any minute; `inf` for unlimited.
        reserved_per_minute: The canaries' share of it, which followed jobs can't take.
    """

    per_minute: float
    reserved_per_minute: float = 0.0


@dataclass(slots=True)
class _BudgetUse:
    """
    A key's last minute, and its rest; all times on the monotonic clock.

    Attributes:
        spent: When each request of the last minute was sent.
        spent_beside: Those of them that weren't a canary's.
        strikes: Refusals by the server in a row, one for each rest.
    """

    limits: BudgetLimits
    spent: deque[float] = field(default_factory=deque)
    spent_beside: deque[float] = field(default_factory=deque)
    rest_began: float = float("-inf")
    rest_until: float = float("-inf")
    strikes: int = 0


class RateBudgets:
    """
    Every key's use, over all canaries, followed jobs and listings that share it.
    """

    def __init__(self, limits: Mapping[str, BudgetLimits], rng: random.Random) -> None:
        self._rng = rng
        self._use = {key: _BudgetUse(limit) for key, limit in limits.items()}

    def configure(self, limits: Mapping[str, BudgetLimits]) -> None:
        """
        Take new limits over; what a key has spent and how long it rests stays.
        """
        fresh: dict[str, _BudgetUse] = {}
        for key, limit in limits.items():
            use = self._use.get(key) or _BudgetUse(limit)
            use.limits = limit
            fresh[key] = use
        self._use = fresh

    def refuse(self, key: str, at: float, *, beside: bool = False) -> MissReason | None:
        """
        Why the key can't be used at `at`, or None where it can.

        Args:
            beside: The request isn't a canary's, so the canaries' share is not for it.
        """
        use = self._use.get(key)
        if use is None:  # a reload took the key away while its probe was under way
            return None
        if at < use.rest_until:
            return MissReason.THROTTLED
        _forget(use.spent, at)
        if len(use.spent) + 1 > use.limits.per_minute + _ROUNDING_S:
            return MissReason.BUDGET
        if beside:
            _forget(use.spent_beside, at)
            free = use.limits.per_minute - use.limits.reserved_per_minute
            if len(use.spent_beside) + 1 > free + _ROUNDING_S:
                return MissReason.BUDGET
        return None

    def take(self, key: str, at: float, *, beside: bool = False) -> MissReason | None:
        """
        Use the key once at `at`, unless it is refused.
        """
        refusal = self.refuse(key, at, beside=beside)
        use = self._use.get(key)
        # Without a limit nothing is counted, or a fast grid would fill the memory with times.
        if refusal is None and use is not None and use.limits.per_minute != float("inf"):
            use.spent.append(at)
            if beside:
                use.spent_beside.append(at)
        return refusal

    def take_answer(
        self, key: str, response: Response, *, started: float, now: float, now_unix: float
    ) -> None:
        """
        An answer has come in: rest after a 429, and only then. A 503 speaks of the server and
        not of who asks, so it silences no key.

        Args:
            started: When its request was sent, on the monotonic clock, as `now`.
            now_unix: The wall clock, which a date in `Retry-After` is measured against.
        """
        if response.code == 429:
            wait_s = read_retry_after(response.header("retry-after"), now=now_unix)
            self.refused_by_server(key, started=started, now=now, retry_after_s=wait_s)
        else:
            self.answered(key, started=started)

    def refused_by_server(
        self, key: str, *, started: float, now: float, retry_after_s: float | None
    ) -> float:
        """
        The server has refused a request of the key: rest for as long as it asks, or, without
        a hint, longer each time.

        Probes that were under way when the rest began don't prolong it step by step.

        Returns:
            The end of the rest.
        """
        use = self._use.get(key)
        if use is None:
            return now
        # One burst of refusals is one strike: only a request that was sent after the rest
        # began shows that the rest was too short.
        if started >= use.rest_began:
            use.strikes += 1
            use.rest_began = now
        if retry_after_s is None or retry_after_s <= 0:
            rest_s = _FIRST_REST_S * 2.0 ** min(use.strikes - 1, 16)
            rest_s *= 1 + 0.2 * self._rng.random()  # so that a fleet doesn't come back as one
        else:
            rest_s = retry_after_s
        use.rest_until = max(use.rest_until, now + min(rest_s, LONGEST_REST_S))
        return use.rest_until

    def answered(self, key: str, *, started: float) -> None:
        """
        An answer that was no refusal: the next one starts the back-off from its beginning.
        """
        use = self._use.get(key)
        # An answer to a request from before the rest says nothing about the server now.
        if use is not None and started >= use.rest_until:
            use.strikes = 0

    def is_throttled(self, key: str, at: float) -> bool:
        """
        Whether the key rests at `at`.
        """
        use = self._use.get(key)
        return use is not None and at < use.rest_until

    def used_ratio(self, key: str, now: float) -> float:
        """
        The share of the minute's requests that is spent; 0 where there is no limit.
        """
        use = self._use.get(key)
        if use is None or use.limits.per_minute == float("inf"):
            return 0.0
        _forget(use.spent, now)
        return len(use.spent) / use.limits.per_minute

    def rest_s(self, key: str, now: float) -> float:
        """
        How much longer the key rests; 0 where it doesn't.
        """
        use = self._use.get(key)
        return max(0.0, use.rest_until - now) if use is not None else 0.0


def outage_s(response: Response, *, now_unix: float) -> float:
    """
    How long the server says to be out of service, within reason; 0 where it doesn't say.
    """
    if response.code != 503:
        return 0.0
    asked_s = read_retry_after(response.header("retry-after"), now=now_unix) or 0.0
    return min(asked_s, LONGEST_REST_S)


def _forget(times: deque[float], now: float) -> None:
    while times and times[0] <= now - _WINDOW_S + _ROUNDING_S:
        times.popleft()
