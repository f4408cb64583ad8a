"""
Strategies for people's own tests: lives that a client has to bear, and lives that it mustn't.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from hypothesis import reject
from hypothesis import strategies as st

from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.testing.life import Life
from jobproof.contract.testing.lives.drawing import stages_of
from jobproof.contract.testing.lives.life_plan import LifePlan, PlayedLife, Question
from jobproof.contract.testing.lives.lived_api import LivedApi, lived_api
from jobproof.contract.testing.lives.playing import play
from jobproof.contract.testing.lives.spoil import Spoil, framed_plans, spoil
from jobproof.contract.testing.lives.spoils import SPOILS

__all__ = ["IllegalLife", "illegal_lives", "legal_lives"]

_LONGEST_S = 600.0
"""From a job's creation to the last look at it, where no limit is shorter."""
_STEPS = 400
"""In so many parts of that time a life is drawn: a long wait shrinks to a short one."""


@dataclass(frozen=True, repr=False)
class IllegalLife(Life):
    """
    Attributes:
        wrong: What is wrong with it, as the name of the way.
        place: Which of its moments is wrong.
    """

    wrong: str = ""
    place: int = 0


def legal_lives(api: str | None = None) -> st.SearchStrategy[Life]:
    """
    Lives from the first look to the end that the API's profile allows, as one client sees them.

    No check has anything to say of them.

    Args:
        api: An installed API, or a folder, with a `mock.yaml`; None for the default one.

    Raises:
        ConfigError: There is no such API, or nobody knows what its jobs look like.
    """
    return _plans(_lived(api)).map(lambda plan: _life(play(plan)))


def illegal_lives(api: str | None = None) -> st.SearchStrategy[IllegalLife]:
    """
    Lives with one wrong thing in them; `broken` names the promises.

    Args:
        api: As of `legal_lives`.

    Raises:
        ConfigError: As of `legal_lives`.
    """
    lived = _lived(api)
    ways = [name for name, one in SPOILS.items() if one.is_plain and one.can_be(lived)]
    return st.sampled_from(ways).flatmap(lambda name: _spoiled(lived, SPOILS[name]))


@st.composite
def _spoiled(draw: st.DrawFn, lived: LivedApi, way: Spoil) -> IllegalLife:
    spoiled = spoil(draw(framed_plans(way, _plans(lived))), way)
    if spoiled is None:
        reject()
    life, place = spoiled.life, spoiled.place
    drawn = IllegalLife(life.target.api, life.polls, _judged(life), wrong=way.name, place=place)
    # What one API promises, another needn't.
    if way.found_by.isdisjoint(drawn.broken):
        reject()
    return drawn


@st.composite
def _plans(draw: st.DrawFn, lived: LivedApi) -> LifePlan:
    """
    Plain lives: one poller, no other question, a server without whims, and an end.
    """
    lifecycle = lived.api.lifecycle
    step_s = min([one.after for one in lifecycle.limits] + [_LONGEST_S]) / _STEPS
    steps = st.integers(0, 10).map(lambda count: round(count * step_s, 3))
    stages = draw(stages_of(lived, durations=steps, verdicts=("legal",)))
    stages = tuple(one for one in stages if not lifecycle.is_terminal(one[0]))
    end = draw(st.sampled_from([s for s in lifecycle.statuses if lifecycle.is_terminal(s)]))
    body = draw(st.integers(0, len(lived.bodies_of(end)) - 1))
    plan = LifePlan(lived, (*stages, (end, draw(steps), body)), (), age_s=0.1)
    gaps = draw(st.lists(steps, max_size=12))
    looks = [Question(gap_s=gap, elapsed_s=0.1) for gap in [0.1, *gaps]]
    # The last look is one at the end, however few there were before.
    left_s = max(plan.lasts_s - sum(gaps), 0.0) + 1.0
    return replace(plan, questions=(*looks, Question(gap_s=left_s, elapsed_s=0.1)))


def _lived(api: str | None) -> LivedApi:
    return lived_api(find_api(api or default_api()).with_any_values())


def _life(life: PlayedLife) -> Life:
    return Life(life.target.api, life.polls, _judged(life))


@cache
def _judge() -> Judge:
    return Judge(load_checks())


def _judged(life: PlayedLife) -> tuple[Finding, ...]:
    api, judge = life.target.api, _judge()
    history = judge.history_of(api)
    found: list[Finding] = []
    for poll in life.polls:
        seen = api.observe(poll)
        found += judge(Trace.after(history, api, seen))
        history.add(seen)
    return tuple(found)
