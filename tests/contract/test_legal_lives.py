"""
Whatever a right server may do is silent, and one wrong thing in it is found.

By default some hundred lives, the same ones each time. With JOBPROOF_LEGAL_LIVES=100000 it is so
many, in shards, others each time; JOBPROOF_LEGAL_LIVES_SEED, which a failure tells, brings them
again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, seed, settings
from tests.contract.life_judges import by_monitor, by_suite, unexplained
from tests.contract.lived_apis import any_life

from jobproof.contract.model.finding import Finding
from jobproof.contract.testing.life_table import life_table
from jobproof.contract.testing.lives.life_plan import LifePlan, PlayedLife
from jobproof.contract.testing.lives.playing import play
from jobproof.contract.testing.lives.spoil import Spoil, framed_plans, spoil
from jobproof.contract.testing.lives.spoils import SPOILS

_LIVES = int(os.environ.get("JOBPROOF_LEGAL_LIVES", "300"))
_IS_LONG = "JOBPROOF_LEGAL_LIVES" in os.environ
_SHARD = 2_000
_SHARDS = range(-(-_LIVES // _SHARD))
# Of every five lives one more is spoiled, in each of the ways as often.
_SPOILED = max(_LIVES // 5 // len(SPOILS), 12)
_CALM = settings(
    deadline=None,
    derandomize=not _IS_LONG,
    database=None,
    # Some lives can't have some faults.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
_JUDGES: tuple[Callable[[PlayedLife], list[Finding]], ...] = (by_suite, by_monitor)


def _seed() -> int:
    # The workers of one run have to agree on it.
    told = os.environ.get("JOBPROOF_LEGAL_LIVES_SEED") or os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return random.Random(told).randrange(2**32) if told is None or not told.isdigit() else int(told)


_SEED = _seed()
_AGAIN = f"JOBPROOF_LEGAL_LIVES_SEED={_SEED}" if _IS_LONG else "derandomized"


def _seeded(test: Any, number: int) -> Any:
    return seed(_SEED + number)(test) if _IS_LONG else test


@pytest.mark.parametrize("shard", _SHARDS)
def test_a_right_life_is_silent(shard: int) -> None:
    @settings(_CALM, max_examples=min(_SHARD, _LIVES - shard * _SHARD))
    @given(any_life())
    def holds(plan: LifePlan) -> None:
        life = play(plan)
        for judged in _JUDGES:
            odd = unexplained(life, judged(life))
            table = life_table(life.target.api, life.polls, odd)
            assert not odd, f"{judged.__name__}, {_AGAIN}\n{table}"

    _seeded(holds, shard)()


@pytest.mark.parametrize("wrong", SPOILS.values(), ids=list(SPOILS))
def test_one_wrong_thing_in_a_right_life_is_found(wrong: Spoil) -> None:
    @settings(_CALM, max_examples=_SPOILED)
    @given(framed_plans(wrong, any_life()))
    def holds(plan: LifePlan) -> None:
        spoiled = spoil(plan, wrong)
        if spoiled is None:
            reject()
        life = spoiled.life
        for judged in _JUDGES:
            found = judged(life)
            at_place = {f.check for f in found if f.exchange is life.polls[spoiled.place]}
            notes = {spoiled.place: wrong.name}
            table = life_table(life.target.api, life.polls, found, notes=notes)
            assert at_place & wrong.found_by, f"{judged.__name__}, {_AGAIN}\n{table}"
