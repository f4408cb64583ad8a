"""
Requests a minute, and rest after a 429.
"""

from __future__ import annotations

import math
import random

import pytest

from jobproof.probes.engine.rate_budget import BudgetLimits, RateBudgets


def keys(per_minute: float = math.inf, reserved: float = 0.0) -> RateBudgets:
    return RateBudgets({"k": BudgetLimits(per_minute, reserved)}, random.Random(7))


def test_no_minute_sees_more_requests_than_the_budget() -> None:
    pool = keys(10.0)
    taken = [at / 2 for at in range(1200) if pool.take("k", at / 2) is None]
    assert taken
    for start in taken:
        assert sum(start <= at < start + 60.0 for at in taken) <= 10


def test_followed_jobs_leave_the_canaries_their_share() -> None:
    pool = keys(10.0, reserved=6.0)
    assert [pool.take("k", 1.0, beside=True) for _ in range(5)] == [None] * 4 + ["budget"]
    assert [pool.take("k", 2.0) for _ in range(7)] == [None] * 6 + ["budget"]


def test_repeated_refusals_rest_longer_each_time_and_an_answer_ends_that() -> None:
    pool = keys()
    rests, now = [], 0.0
    for _ in range(4):
        until = pool.refused_by_server("k", started=now, now=now, retry_after_s=None)
        rests.append(until - now)
        now = until
    assert rests == sorted(rests)
    assert 35.0 < rests[-1] < 50.0
    pool.answered("k", started=now)
    until = pool.refused_by_server("k", started=now, now=now, retry_after_s=None)
    assert until - now < 7.0


def test_a_burst_of_refusals_counts_once() -> None:
    pool = keys()
    for late in range(10):
        until = pool.refused_by_server("k", started=0.0, now=1.0 + late / 10, retry_after_s=None)
    assert until < 1.0 + 1.0 + 6.1


def test_what_was_spent_outlives_a_reload() -> None:
    pool = keys(3.0)
    assert [pool.take("k", 1.0) for _ in range(3)] == [None] * 3
    pool.configure({"k": BudgetLimits(3.0)})
    assert pool.take("k", 2.0) == "budget"
    assert pool.used_ratio("k", 2.0) == 1.0


def test_the_key_works_again_when_its_rest_is_over() -> None:
    pool = keys()
    pool.refused_by_server("k", started=0.0, now=0.0, retry_after_s=30.0)
    assert pool.refuse("k", 29.9) == "backoff"
    assert pool.rest_s("k", 20.0) == pytest.approx(10.0)
    assert pool.refuse("k", 30.0) is None
