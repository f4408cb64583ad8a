"""
One wrong thing in a right life: each has its place in the life, and the checks that may find it.

Two plain polls frame it, the second begun when all that the first has shown is known everywhere,
with one more plain poll between them; around all of them is any noise. What can't be known isn't
drawn: a step back to where the job may have come from one of the statuses since, an old tag of a
job that may have come back, a reason or a result that this job doesn't have, and a refused token
where nobody needs one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.profile import Phase, Timestamp
from jobproof.contract.testing.lives.life_plan import LifePlan, PlayedLife, Question
from jobproof.contract.testing.lives.lived_api import LivedApi
from jobproof.contract.testing.lives.playing import play

__all__ = ["FEATURES", "Frame", "Spoil", "SpoiledLife", "framed_plans", "spoil"]


_PHASES = {
    "ended": (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED),
    "succeeded": (Phase.SUCCEEDED,),
    "failed": (Phase.FAILED,),
}


def _stamps(lived: LivedApi) -> tuple[Timestamp, ...]:
    times = lived.api.profile.times
    return times.later if times is not None else ()


def _ends(lived: LivedApi) -> int:
    return len(lived.api.lifecycle.of_phase(*_PHASES["ended"]))


FEATURES: Mapping[str, Callable[[LivedApi], bool]] = {
    "token": lambda lived: lived.api.access.is_required,
    "creation time": lambda lived: lived.api.profile.times is not None,
    "end time": lambda lived: any(one.ends_life for one in _stamps(lived)),
    "time of some statuses": lambda lived: any(one.allowed_in for one in _stamps(lived)),
    "several ends": lambda lived: _ends(lived) > 1,
    "result": lambda lived: lived.api.profile.result is not None,
    "reason": lambda lived: lived.api.profile.failure is not None and bool(lived.reason),
}
"""What an API may have, and another not."""


@dataclass(frozen=True)
class Frame:
    """
    The life, and the two polls of the frame: what the first has shown, and what the second will.
    """

    life: PlayedLife
    first: Exchange
    second: Exchange

    @property
    def created(self) -> float:
        """
        When the job was created, as the second poll shows it.
        """
        job = self.life.target.api.observe(self.second).job
        assert job is not None
        assert job.created_at is not None
        return job.created_at

    @property
    def shown(self) -> set[str]:
        """
        The statuses that were shown from the first poll to the second.
        """
        polls = self.life.polls
        first, second = (
            next(place for place, poll in enumerate(polls) if poll is one)
            for one in (self.first, self.second)
        )
        seen = (self.life.target.api.observe(poll).job for poll in polls[first : second + 1])
        return {str(job.status) for job in seen if job is not None}

    def body(self, of: Exchange) -> JsonObject:
        """
        A copy of the job in an answer.
        """
        seen = self.life.target.api.observe(of)
        return json.loads(json.dumps(seen.job.body)) if seen.job is not None else {}

    @property
    def status(self) -> str:
        """
        What the second poll shows.
        """
        job = self.life.target.api.observe(self.second).job
        return str(job.status) if job is not None else ""


@dataclass(frozen=True)
class Spoil:
    """
    Attributes:
        apply: The two polls as they are wrong; None where this life can't have the fault.
        found_by: The checks that may find it.
        wants: `ended`, `succeeded` or `failed` at both polls of the frame, or `running`.
        needs: What an API must have that its lives can be wrong in this way; of `FEATURES`.
        is_plain: Whoever polls a job of their own sees it, without any condition.
    """

    name: str
    apply: Callable[[Frame], tuple[Exchange, Exchange] | None]
    found_by: frozenset[str]
    wants: str = ""
    needs: frozenset[str] = frozenset()
    is_plain: bool = True

    def can_be(self, lived: LivedApi) -> bool:
        """
        Whether lives of that API may be wrong so.
        """
        is_possible = all(FEATURES[name](lived) for name in self.needs)
        phases = _PHASES.get(self.wants)
        return is_possible and (phases is None or bool(lived.api.lifecycle.of_phase(*phases)))


@dataclass(frozen=True)
class SpoiledLife:
    """
    Attributes:
        place: Of the wrong answer among the polls.
    """

    life: PlayedLife
    place: int


@st.composite
def framed_plans(draw: st.DrawFn, wanted: Spoil, plans: st.SearchStrategy[LifePlan]) -> LifePlan:
    """
    A right life with a frame in it in which `wanted` may have its place.

    Args:
        plans: Right lives.
    """
    plan = draw(plans)
    lifecycle = plan.lived.api.lifecycle
    running = tuple(s for s in plan.stages if not lifecycle.is_terminal(s[0]))
    if wanted.wants == "running":
        plan = replace(plan, stages=running, age_s=min(plan.age_s, 600.0))
    elif wanted.wants:
        status = draw(st.sampled_from(lifecycle.of_phase(*_PHASES[wanted.wants])))
        body = draw(st.integers(0, len(plan.lived.bodies_of(status)) - 1))
        stages = (*running, (status, 2.0, body))
        plan = replace(plan, stages=stages)
        age_s = plan.lasts_s + plan.staleness_s + 30.0 + draw(st.integers(0, 20))
        plan = replace(plan, age_s=age_s)
    else:
        plan = replace(plan, age_s=plan.age_s + plan.staleness_s)
    # Between them are as many others as the life has; a failing life shrinks to the frame.
    before = draw(st.integers(0, len(plan.questions)))
    between = draw(st.integers(before, len(plan.questions)))
    frame = Question("job", waits=True)
    questions = (
        *plan.questions[:before], frame, *plan.questions[before:between], frame, frame,
        *plan.questions[between:],
    )  # fmt: skip
    return replace(plan, questions=questions)


def spoil(plan: LifePlan, by: Spoil) -> SpoiledLife | None:
    """
    The life with the one wrong thing in it; None where it can't have it.
    """
    life = play(plan)
    framing = [place for place, question in enumerate(plan.questions) if question.waits]
    first, middle, second = (life.places[place] for place in framing)
    frame = Frame(life, life.polls[first], life.polls[second])
    # One of them may be throttled.
    framed = (life.polls[place].response for place in (first, middle, second))
    if any(response is None or response.code != 200 for response in framed):
        return None
    wrong = by.apply(frame)
    if wrong is None:
        return None
    polls = list(life.polls)
    polls[first], polls[second] = wrong
    return SpoiledLife(replace(life, polls=tuple(polls)), second)
