"""
Whatever a right server may do is silent, and one wrong thing in it is found.
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from tests.contract.life_judges import by_monitor, by_suite, unexplained
from tests.contract.life_table import life_table
from tests.contract.mocked_lives import LifePlan, life_plans, play

_CALM = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@settings(_CALM, max_examples=300)
@given(life_plans())
def test_a_right_life_is_silent(plan: LifePlan) -> None:
    life = play(plan)
    for judged in (by_suite, by_monitor):
        odd = unexplained(life, judged(life))
        assert odd == [], f"{judged.__name__}\n{life_table(life.target.api, life.polls, odd)}"
