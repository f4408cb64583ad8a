"""
The gate that every request of a run passes.
"""

from __future__ import annotations

import pytest

from jobproof.contract.suite.running.rate_limiter import BudgetSpent, RateLimiter

NOW = 1_790_000_000.0  # Mon, 21 Sep 2026 14:13:20 GMT


class Time:
    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def rate_limiter(time: Time, rate: float | None = None, budget: int | None = None) -> RateLimiter:
    return RateLimiter(rate_per_minute=rate, budget=budget, monotonic=time, wait=time.wait)


def test_requests_are_spread_evenly_at_the_rate() -> None:
    time = Time()
    limiter = rate_limiter(time, rate=30.0)
    starts = []
    for _ in range(4):
        limiter.acquire()
        starts.append(time.now)
    assert starts == [100.0, 102.0, 104.0, 106.0]


def test_without_a_rate_nobody_waits() -> None:
    time = Time()
    limiter = rate_limiter(time)
    for _ in range(1000):
        limiter.acquire()
    assert time.waits == []
    assert limiter.sent == 1000


def test_the_budget_ends_the_run_and_is_never_overdrawn() -> None:
    limiter = rate_limiter(Time(), budget=2)
    limiter.acquire()
    limiter.acquire()
    with pytest.raises(BudgetSpent):
        limiter.acquire()
    assert limiter.sent == 2


def test_nothing_passes_while_the_server_asked_for_rest() -> None:
    time = Time()
    limiter = rate_limiter(time)
    limiter.pause("7", now=NOW, default_s=5.0)
    limiter.acquire()
    assert time.now == 107.0


def test_a_pause_never_becomes_shorter_by_another() -> None:
    time = Time()
    limiter = rate_limiter(time)
    limiter.pause("7", now=NOW, default_s=5.0)
    limiter.pause("2", now=NOW, default_s=5.0)
    limiter.acquire()
    assert time.now == 107.0
