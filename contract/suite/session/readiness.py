"""
Waiting until an endpoint answers at all, as after a deployment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from jobproof.contract.formats.durations import write_duration
from jobproof.contract.model.exchange import Exchange

__all__ = ["Readiness", "wait_until_ready"]

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_BEFORE_IT = (502, 503, 504)
"""What a gateway answers as long as nobody stands behind it."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """
    Attributes:
        tries: How many requests it took.
        last: What came of the last one.
    """

    tries: int
    waited_s: float
    last: Exchange

    @property
    def is_ready(self) -> bool:
        """
        Whether somebody answers; who says only that he is out of service answers, too.
        """
        return _has_answered(self.last)

    @property
    def note(self) -> str:
        """
        How long it took, in words; "" where nobody had to wait.
        """
        if self.tries == 1 and self.is_ready:
            return ""
        waited = write_duration(max(1.0, round(self.waited_s)))
        if self.is_ready:
            return f"the endpoint was ready after {waited}, at the request no. {self.tries}"
        detail = self.last.failure.detail if self.last.failure is not None else ""
        return f"not ready after {waited} and {self.tries} requests: {detail}"


def wait_until_ready(
    ask: Callable[[], Exchange],
    within_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] = time.sleep,
) -> Readiness:
    """
    Ask, and again, until there is an answer or the time is over.

    Args:
        ask: Puts a plain question; each one counts.
        clock: The monotonic one.
    """
    began, pause_s, tries = clock(), _FIRST_PAUSE_S, 0
    while True:
        exchange = ask()
        tries += 1
        passed_s = clock() - began
        if _is_served(exchange) or passed_s >= within_s:
            return Readiness(tries, passed_s, exchange)
        wait(min(pause_s, within_s - passed_s))
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


def _has_answered(exchange: Exchange) -> bool:
    return exchange.failure is None or exchange.failure.partial is not None


def _is_served(exchange: Exchange) -> bool:
    response = exchange.response
    return _has_answered(exchange) and (response is None or response.code not in _BEFORE_IT)
