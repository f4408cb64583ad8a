"""
Who judges a job's life: the suite and the monitor, as each of them does it; and what a right life
may show all the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.contract.builders import judge

from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.finding import Drift, Finding, Kind
from jobproof.contract.suite.running.run import Run
from jobproof.contract.testing.lives.life_plan import PlayedLife
from jobproof.probes.engine.judging import RawResult, ResultJudge

__all__ = ["by_monitor", "by_suite", "unexplained"]


class _SendsNothing:
    def send(self, request: object, *, deadline_s: float) -> Exchange:
        raise AssertionError("nothing is to be asked")


def by_suite(life: PlayedLife) -> list[Finding]:
    """
    What `jobproof test` finds.
    """
    run = Run(life.target, judge().checks, _SendsNothing())
    return [found for poll in life.polls for found in run.record(poll)[1]]


def by_monitor(life: PlayedLife) -> list[Finding]:
    """
    What `jobproof watch` finds.
    """
    target = life.target
    judging = ResultJudge(target.api, judge(), target.token, staleness_s=target.staleness_s)
    found: list[Finding] = []
    for poll in life.polls:
        begun, took = poll.started_at, poll.elapsed_s
        result = judging(RawResult("t", "drawn", poll.request, begun, 0.0, took, poll)).result
        assert result.error is None, result.error
        found += result.findings
    return found


_ADDING_KEYS = frozenset(
    {"has_another_key", "not_found_says_more", "refusal_repeats_question", "counts_views"}
)


def unexplained(life: PlayedLife, findings: Iterable[Finding]) -> list[Finding]:
    """
    The findings that a right life mustn't have: every violation, and each remark about what it
    hasn't shown.
    """
    return [found for found in findings if not _is_explained(life, found)]


def _is_explained(life: PlayedLife, found: Finding) -> bool:
    plan, code = life.plan, found.exchange.response.code if found.exchange.response else 0
    match found.kind, found.check, found.drift:
        # A code that the profile, or HTTP, calls right and the document doesn't list.
        case Kind.GAP, "code_is_documented", None:
            return code != 200
        # A key that nobody declared, in a body that has one.
        case Kind.DRIFT, "keys_are_declared", Drift.UNDECLARED_KEY:
            return "counted" in plan.traits or bool(_ADDING_KEYS & {*plan.variants})
        # A step that the profile calls tolerated, in a life, or of a server, that takes one.
        case Kind.DRIFT, "status_moves_forward", Drift.TOLERATED_MOVE:
            return "neighbours_in_any_order" in plan.variants or _has_tolerated_step(life)
        # An answer that is behind, of a replica that may be.
        case Kind.DRIFT, _, Drift.STALE_ANSWER:
            return plan.staleness_s > 0
        # A limit that is no promise of this job's kind, once it is passed by either clock.
        case Kind.DRIFT, "job_ends_in_time", Drift.LIMIT_EXCEEDED:
            if "waits_for_hours" in plan.variants:
                return True
            age = found.exchange.ended_at + max(-life.plan.skew_s, 0.0) - life.created
            return age + max(plan.skew_s, 0.0) > min(
                limit.after for limit in life.target.api.lifecycle.limits
            )
        # Nobody has answered.
        case Kind.INCONCLUSIVE, "endpoint_is_available", None:
            return found.exchange.failure is not None
    return False


def _has_tolerated_step(life: PlayedLife) -> bool:
    lifecycle = life.target.api.lifecycle
    statuses = [status for status, _, _ in life.plan.stages]
    # Polls that are far apart may miss what lies between two statuses.
    steps = (
        lifecycle.step(before, after)
        for place, before in enumerate(statuses)
        for after in statuses[place + 1 :]
    )
    return any(step is not None and step.verdict == "tolerated" for step in steps)
