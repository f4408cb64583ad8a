"""
Requests a minute, and rest after a 429.
"""

from __future__ import annotations

import math
import random

import pytest

from jobproof.contract.model.exchange import Response
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


def test_who_only_asks_is_a_canary_unless_it_is_said() -> None:
    pool = keys(10.0, reserved=10.0)
    assert (pool.refuse("k", 1.0), pool.refuse("k", 1.0, beside=True)) == (None, "budget")


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
    assert pool.refuse("k", 29.9) == "throttled"
    assert pool.rest_s("k", 20.0) == pytest.approx(10.0)
    assert pool.refuse("k", 30.0) is None


class _Middling(random.Random):
    def random(self) -> float:
        """
        Always the half.
        """
        return 0.5


def middling(per_minute: float = math.inf) -> RateBudgets:
    return RateBudgets({"k": BudgetLimits(per_minute)}, _Middling())


def test_a_rest_doubles_up_to_five_minutes() -> None:
    pool, rests, now = middling(), [], 0.0
    for _ in range(9):
        until = pool.refused_by_server("k", started=now, now=now, retry_after_s=None)
        rests.append(until - now)
        now = until
    assert rests == pytest.approx([5.5, 11, 22, 44, 88, 176, 300, 300, 300])


@pytest.mark.parametrize(
    ("asked_s", "rest_s"),
    [(None, 5.5), (-1.0, 5.5), (0.0, 5.5), (0.5, 0.5), (300, 300), (301, 300)],
)
def test_a_rest_is_as_long_as_the_server_asks_within_reason(
    asked_s: float | None, rest_s: float
) -> None:
    pool = middling()
    until = pool.refused_by_server("k", started=8.0, now=10.0, retry_after_s=asked_s)
    assert until == pytest.approx(10.0 + rest_s)
    assert pool.rest_s("k", 10.0) == pytest.approx(rest_s)
    assert pool.rest_s("k", 1_000.0) == 0.0


def test_a_shorter_rest_does_not_end_a_longer_one() -> None:
    pool = middling()
    pool.refused_by_server("k", started=0.0, now=0.0, retry_after_s=60.0)
    assert pool.refused_by_server("k", started=0.0, now=1.0, retry_after_s=5.0) == 60.0


@pytest.mark.parametrize(
    ("code", "stated", "rest_s"),
    [
        (429, "30", 30.0),
        (429, None, 5.5),
        (503, "30", 0.0),
        (503, None, 0.0),
        (502, "30", 0.0),
        (504, "30", 0.0),
        (428, "30", 0.0),
        (430, "30", 0.0),
        (200, None, 0.0),
    ],
)
def test_a_key_rests_after_a_429_alone(code: int, stated: str | None, rest_s: float) -> None:
    pool = middling()
    headers = (("Retry-After", stated),) if stated is not None else ()
    pool.take_answer("k", Response(code, headers), started=1.0, now=2.0, now_unix=0.0)
    assert pool.rest_s("k", 2.0) == pytest.approx(rest_s)


def test_an_answer_to_a_question_from_before_the_rest_says_nothing_of_it() -> None:
    pool = middling()
    until = pool.refused_by_server("k", started=0.0, now=1.0, retry_after_s=None)
    pool.take_answer("k", Response(200), started=until - 0.1, now=until, now_unix=0.0)
    longer = pool.refused_by_server("k", started=until, now=until, retry_after_s=None)
    assert longer - until == pytest.approx(11.0)
    pool.take_answer("k", Response(200), started=longer, now=longer + 1, now_unix=0.0)
    again = pool.refused_by_server("k", started=longer, now=longer + 1, retry_after_s=None)
    assert again - longer - 1 == pytest.approx(5.5)


def test_a_key_that_a_reload_took_away_is_refused_nothing() -> None:
    pool = middling(3.0)
    pool.configure({})
    assert pool.refuse("k", 0.0) is None
    assert pool.take("k", 0.0) is None
    assert pool.refused_by_server("k", started=0.0, now=7.0, retry_after_s=30.0) == 7.0
    pool.take_answer("k", Response(200), started=0.0, now=7.0, now_unix=0.0)
    assert (pool.used_ratio("k", 7.0), pool.rest_s("k", 7.0)) == (0.0, 0.0)


def test_a_minutes_use_is_told_as_a_share_and_forgotten_after_it() -> None:
    pool = middling(4.0)
    assert [pool.take("k", at) for at in (0.0, 1.0)] == [None, None]
    assert [pool.used_ratio("k", now) for now in (1.0, 59.9, 60.0, 61.0)] == [0.5, 0.5, 0.25, 0.0]
    assert middling().used_ratio("k", 1.0) == 0.0


def test_a_refused_request_spends_nothing_and_what_goes_beside_counts_for_both() -> None:
    pool = RateBudgets({"k": BudgetLimits(3.0, 1.0)}, _Middling())
    assert [pool.take("k", 0.0, beside=True) for _ in range(4)] == [None, None, "budget", "budget"]
    assert [pool.take("k", 0.0) for _ in range(2)] == [None, "budget"]
    assert pool.take("k", 60.0, beside=True) is None


def test_nothing_is_reserved_unless_it_is_said() -> None:
    pool = middling(3.0)
    assert [pool.take("k", 0.0, beside=True) for _ in range(4)] == [None, None, None, "budget"]
