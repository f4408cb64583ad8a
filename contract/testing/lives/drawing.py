"""
Strategies: whole lives of a job on a right server, planned as its pollers see them.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from hypothesis import strategies as st

from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.testing.lives.life_plan import CACHING, TAGS, TRAITS, LifePlan, Question
from jobproof.contract.testing.lives.lived_api import LivedApi

__all__ = ["life_plans", "stages_of"]

# Out of service is no sight of a job, a digest is of what no other makes anew, and what is written
# by turns is under two tags by turns; the others may come together.
_ALONE = {"maintenance", "as_documented", "true_digests", "times_rounded_by_turns"}
_VARIANTS = tuple(sorted(VARIANTS.keys() - _ALONE))
# Who opens itself to every page has no page of its own with credentials, two that write the same
# field write it twice, who hides that a job is there says no more than of one that isn't, and one
# that writes times anew doesn't read what another wrote.
_APART = (
    ("own_page_may_read", "preflight", "asking_page_may_read"),
    ("unchanged_says_little", "fields_of_many_layers"),
    ("anonymous_404", "refusal_in_envelope"),
    (
        *("times_with_offset", "times_in_small_letters", "offset_of_zero", "offset_unknown"),
        *("times_to_the_minute", "fractions_without_zeros", "microseconds", "nanoseconds"),
    ),
)
_ASKED = ("job",) * 12 + ("if",) * 4 + (
    "head", "options", "missing", "none", "invalid", "foreign", "later", "silent",
    "hostile not-an-id", "hostile a/b", "hostile \0", "hostile " + "x" * 1100,
)  # fmt: skip
_OUTSIDERS = ("none", "invalid", "foreign")


_TENTHS = st.integers(0, 250).map(lambda tenths: tenths / 10)
_TENTHS_OF_A_MINUTE = st.integers(0, 600).map(lambda tenths: tenths / 10)
_SHARES = st.integers(0, 4).map(lambda quarters: quarters / 4)


def _together(names: list[str]) -> tuple[str, ...]:
    for apart in _APART:
        several = [name for name in names if name in apart]
        names = [name for name in names if name not in several[1:]]
    return tuple(names)


@st.composite
def life_plans(draw: st.DrawFn, lived: LivedApi) -> LifePlan:
    """
    Any life that the profile allows, and any right way of serving it.
    """
    questions = draw(st.lists(_questions(lived), min_size=1, max_size=14))
    # A right server may leave one unanswered: of a job that never is, known_job_is_answered speaks.
    unanswered = [place for place, one in enumerate(questions) if one.asks == "silent"]
    for place in unanswered[1:]:
        questions[place] = replace(questions[place], asks="job")
    plan = LifePlan(
        lived,
        draw(stages_of(lived)),
        tuple(questions),
        age_s=draw(_TENTHS_OF_A_MINUTE),
        staleness_s=draw(st.sampled_from((0.0, 0.0, 2.0, 15.0))),
        skew_s=draw(st.sampled_from((0.0, 0.0, -50.0, 3.3, 50.0))),
        variants=draw(st.lists(st.sampled_from(_VARIANTS), max_size=4, unique=True).map(_together)),
        traits=draw(st.frozensets(st.sampled_from(TRAITS), max_size=3)),
        caching=draw(st.sampled_from(CACHING)),
        tags=draw(st.sampled_from(TAGS)),
    )
    # An old life, long over when it is first asked for.
    if plan.has_ended and draw(st.integers(0, 4)) == 4:
        plan = replace(plan, age_s=plan.lasts_s + 3 * 86_400.0)
    return plan


def _questions(lived: LivedApi) -> st.SearchStrategy[Question]:
    # Where no token is asked for, nobody is an outsider.
    is_open = not lived.api.access.is_required
    asked = [one for one in _ASKED if not (is_open and one in _OUTSIDERS)]
    return st.builds(
        Question,
        st.sampled_from(asked),
        st.one_of(st.integers(0, 30), st.integers(0, 200)).map(lambda tenths: tenths / 10),
        st.integers(1, 19).map(lambda tenths: tenths / 10),
        _SHARES,
        _SHARES,
        st.integers(0, 1),
    )


@st.composite
def stages_of(
    draw: st.DrawFn,
    lived: LivedApi,
    *,
    durations: st.SearchStrategy[float] = _TENTHS,
    verdicts: Container[str] = ("legal", "tolerated"),
) -> tuple[tuple[str, float, int], ...]:
    """
    Statuses by moves that the profile allows, begun with one in which a job isn't over.

    Args:
        durations: Of each status, in seconds.
        verdicts: Those of the moves.
    """
    lifecycle = lived.api.lifecycle
    status = draw(st.sampled_from([s for s in lifecycle.statuses if not lifecycle.is_terminal(s)]))
    stages = [(status, 0.0, _body(draw, lived, status))]
    for after in draw(st.lists(durations, max_size=7)):
        following = [
            s
            for s in lifecycle.statuses
            if s != status and (step := lifecycle.step(status, s)) and step.verdict in verdicts
        ]
        if not following:
            break
        status = draw(st.sampled_from(following))
        stages.append((status, after, _body(draw, lived, status)))
    return tuple(stages)


def _body(draw: st.DrawFn, lived: LivedApi, status: str) -> int:
    return draw(st.integers(0, len(lived.bodies_of(status)) - 1))
