"""
One `Retry-After`, and what each of us makes of it: the check, a run of the suite, the daemon.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.builders import NOW, answer, said, trace
from tests.tools import time_zone

from jobproof.contract.formats.digits import read_decimal
from jobproof.contract.model.exchange import Response
from jobproof.contract.suite.running.rate_limiter import LONGEST_PAUSE_S, RateLimiter
from jobproof.probes.engine.rate_budget import (
    LONGEST_REST_S,
    BudgetLimits,
    RateBudgets,
    outage_s,
)

DEFAULT_S = 3.0
FIRST_REST_S = 5.0
SOON = formatdate(NOW + 30, usegmt=True)


@pytest.fixture(params=["UTC", "America/Los_Angeles"], autouse=True, scope="module")
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    with time_zone(request.param):
        yield


def is_called_wrong(value: str) -> bool:
    seen = trace(answer({"error": "slow down"}, 429, headers={"retry-after": value}))
    return "retry_after_is_well_formed" in {finding.check for finding in said(seen)}


def pause_s(value: str | None) -> float:
    now = [0.0]
    limiter = RateLimiter(
        rate_per_minute=None,
        budget=None,
        monotonic=lambda: now[0],
        wait=lambda seconds: now.__setitem__(0, now[0] + seconds),
    )
    limiter.pause(value, now=NOW, default_s=DEFAULT_S)
    limiter.acquire()
    return now[0]


def rest_s(value: str | None, code: int = 429) -> float:
    keys = RateBudgets({"k": BudgetLimits(math.inf)}, random.Random(7))
    headers = () if value is None else (("Retry-After", value),)
    keys.take_answer("k", Response(code, headers), started=0.0, now=0.0, now_unix=NOW)
    return keys.rest_s("k", 0.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1", 1.0),
        ("30", 30.0),
        (" 30 ", 30.0),
        ("030", 30.0),
        ("99999999", 99_999_999.0),
        ("9" * 60, 1e59),
        ("9" * 5_000, 1e300),
        (SOON, 30.0),
        (time.strftime("%A, %d-%b-%y %T GMT", time.gmtime(NOW + 30)), 30.0),
        (time.asctime(time.gmtime(NOW + 30)), 30.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1e11),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_it_asks_for_is_heeded_up_to_a_bound(value: str, seconds: float) -> None:
    assert not is_called_wrong(value)
    assert pause_s(value) == min(seconds, LONGEST_PAUSE_S)
    assert rest_s(value) == min(seconds, LONGEST_REST_S)


@pytest.mark.parametrize(
    "value", ["0", "Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"]
)
def test_no_wait_at_all_is_right_and_no_hint(value: str) -> None:
    assert not is_called_wrong(value)
    assert pause_s(value) == DEFAULT_S
    assert FIRST_REST_S <= rest_s(value) <= FIRST_REST_S * 1.2


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-5",
        "+5",
        "1_0",
        "5 s",
        "\u00b2",
        "\u0663",
        "nan",
        "inf",
        "Sun, 02 Aug 2026 12:01:00 -0000",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "0, 0 0 0",
        "1 Jan 2026 25:00 +9999999999",
        "99 Foo 9999999999",
        "2026-08-02T12:01:00Z",
        "x" * 100_000,
    ],
    ids=lambda value: value[:40],
)
def test_a_broken_one_is_the_servers_mistake_and_no_hint(value: str) -> None:
    assert is_called_wrong(value)
    assert pause_s(value) == DEFAULT_S
    assert FIRST_REST_S <= rest_s(value) <= FIRST_REST_S * 1.2


@pytest.mark.parametrize(("value", "seconds"), [("0.493", 0.493), ("1.5", 1.5), (" 2. ", 2.0)])
def test_a_fraction_is_the_servers_mistake_and_plain_enough_for_a_run(
    value: str, seconds: float
) -> None:
    assert is_called_wrong(value)
    assert pause_s(value) == seconds
    assert FIRST_REST_S <= rest_s(value) <= FIRST_REST_S * 1.2


def test_without_one_the_default_holds() -> None:
    assert pause_s(None) == DEFAULT_S
    assert FIRST_REST_S <= rest_s(None) <= FIRST_REST_S * 1.2


@pytest.mark.parametrize(
    ("code", "value", "key_rests", "is_announced"),
    [
        (429, None, True, False),
        (429, "30", True, False),
        (503, "30", False, True),
        (503, "soon", False, False),
        (503, "-5", False, False),
        (503, "0", False, False),
        (503, None, False, False),
        (502, "30", False, False),
        (200, "9", False, False),
    ],
)
def test_a_429_rests_the_key_and_a_503_that_says_when_announces_an_outage(
    code: int, value: str | None, key_rests: bool, is_announced: bool
) -> None:
    headers = () if value is None else (("Retry-After", value),)
    assert (rest_s(value, code) > 0.0) is key_rests
    assert (outage_s(Response(code, headers), now_unix=NOW) > 0.0) is is_announced


@given(st.text())
def test_no_value_stops_us_or_splits_us(value: str) -> None:
    paused, rested = pause_s(value), rest_s(value)
    assert 0.0 < paused <= LONGEST_PAUSE_S
    assert 0.0 < rested <= LONGEST_REST_S
    if is_called_wrong(value):
        assert paused == min(read_decimal(value.strip(" \t")) or DEFAULT_S, LONGEST_PAUSE_S)
