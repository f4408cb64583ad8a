"""
The gate that every request of a run passes.
"""

from __future__ import annotations

import pytest
from tests.contract.virtual_time import VirtualTime

from jobproof.contract.suite.running.rate_limiter import (
    LONGEST_OUTAGES_S,
    LONGEST_PAUSE_S,
    BudgetSpent,
    Pace,
    RateLimiter,
)

NOW = 1_790_000_000.0  # Mon, 21 Sep 2026 14:13:20 GMT


def rate_limiter(
    time: VirtualTime, rate: float | None = None, budget: int | None = None
) -> RateLimiter:
    return RateLimiter(rate_per_minute=rate, budget=budget, monotonic=time, wait=time.wait)


def test_requests_are_spread_evenly_at_the_rate() -> None:
    time = VirtualTime()
    limiter = rate_limiter(time, rate=30.0)
    starts = []
    for _ in range(4):
        limiter.acquire()
        starts.append(time.now)
    assert starts == [100.0, 102.0, 104.0, 106.0]


def test_limiters_that_share_a_pace_take_its_slots_by_turns_and_rest_together() -> None:
    time = VirtualTime()
    one, other = rate_limiter(time, budget=2), rate_limiter(time)
    one.pace = other.pace = Pace(30.0, monotonic=time)
    starts = []
    for limiter in (one, other, one, other):
        limiter.acquire()
        starts.append(time.now)
    assert starts == [100.0, 102.0, 104.0, 106.0]
    # What one was asked for, the other heeds; what one may send in all is its own.
    one.pause("60", now=NOW, default_s=5.0)
    other.acquire()
    assert time.now == 166.0
    with pytest.raises(BudgetSpent):
        one.acquire()


def test_without_a_rate_nobody_waits() -> None:
    time = VirtualTime()
    limiter = rate_limiter(time)
    for _ in range(1000):
        limiter.acquire()
    assert time.waits == []
    assert limiter.sent == 1000


def test_the_budget_ends_the_run_and_is_never_overdrawn() -> None:
    limiter = rate_limiter(VirtualTime(), budget=2)
    limiter.acquire()
    limiter.acquire()
    with pytest.raises(BudgetSpent):
        limiter.acquire()
    assert limiter.sent == 2


def test_nothing_passes_while_the_server_asked_for_rest() -> None:
    time = VirtualTime()
    limiter = rate_limiter(time)
    limiter.pause("7", now=NOW, default_s=5.0)
    limiter.acquire()
    assert time.now == 107.0


def test_a_pause_never_becomes_shorter_by_another() -> None:
    time = VirtualTime()
    limiter = rate_limiter(time)
    limiter.pause("7", now=NOW, default_s=5.0)
    limiter.pause("2", now=NOW, default_s=5.0)
    limiter.acquire()
    assert time.now == 107.0


def test_who_names_no_time_is_left_alone_for_longer_each_time_and_not_for_ever() -> None:
    time = VirtualTime()
    limiter = rate_limiter(time)
    waited = []
    while limiter.pause(None, now=NOW, default_s=1.0):
        before = time.now
        limiter.acquire()
        waited.append(time.now - before)
    assert waited == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, *[LONGEST_PAUSE_S] * 5]


def test_an_answer_that_is_no_429_begins_the_count_anew() -> None:
    time = VirtualTime()
    limiter = rate_limiter(time)
    for _ in range(3):
        assert limiter.pause(None, now=NOW, default_s=1.0)
    limiter.acquire()
    limiter.resume()
    assert limiter.pause(None, now=NOW, default_s=1.0)
    before = time.now
    limiter.acquire()
    assert time.now - before == 1.0


def test_who_names_a_time_and_never_means_it_is_asked_a_few_times() -> None:
    limiter = rate_limiter(VirtualTime())
    told = [limiter.pause("7", now=NOW, default_s=1.0) for _ in range(5)]
    assert told == [True, True, True, True, False]


def test_outages_are_sat_out_as_long_as_a_run_can_bear_all_of_them() -> None:
    time = VirtualTime()
    limiter = rate_limiter(time)
    assert not limiter.sit_out(None)
    assert not limiter.sit_out(LONGEST_OUTAGES_S + 1)
    limiter.acquire()
    assert time.waits == []
    assert limiter.sit_out(20.0)
    limiter.acquire()
    assert time.waits == [20.0]
    assert not limiter.sit_out(20.0)
    # At once, again and again, is a second each time.
    assert not all(limiter.sit_out(0.0) for _ in range(30))


def test_once_closed_nothing_passes_and_what_waits_doesn_t_count() -> None:
    time = VirtualTime()
    limiter = RateLimiter(
        rate_per_minute=60.0, budget=None, monotonic=time, wait=lambda _s: limiter.close()
    )
    limiter.acquire()
    with pytest.raises(BudgetSpent):
        limiter.acquire()
    assert limiter.sent == 1
    with pytest.raises(BudgetSpent):
        limiter.acquire()
