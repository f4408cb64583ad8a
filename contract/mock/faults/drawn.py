"""
What no plan foresees: faults at the limits of an id, and in what one request leaves for the next.
"""

from __future__ import annotations

from itertools import pairwise

from jobproof.contract.mock.answer import AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.faults.access import needs_token
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.life import MockJob

__all__ = ["DRAWN"]

DRAWN = FaultGroup("D", "what no plan foresees")

_LONGEST = 256
_TURNS = 4


@DRAWN.answer("an id of exactly 256 characters passes the check of its length", "no_server_error")
def length_off_by_one(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if len(context.job_id or "") != _LONGEST or context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)


@DRAWN.answer("the first number beyond 64 bits crashes the reader of ids", "no_server_error")
def number_overflows(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    is_beyond = context.job_id == str(2**63)
    if not is_beyond or context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)


@DRAWN.job("two ended jobs that are asked for by turns get mixed up", "job_id_is_echoed")
def turns_mix_up_jobs(job: MockJob | None, context: RequestContext) -> MockJob | None:
    asked = _latest(context, context.job_id or "")
    if job is None or not context.api.lifecycle.is_terminal(job.peek(context.now).status):
        return job
    if len(asked) < _TURNS or len(set(asked)) != 2:
        return job
    if asked[0] != asked[2] or asked[1] != asked[3]:
        return job
    own = context.job_store.owned_by(context.caller)
    return next((one for one in own if one.id == asked[2]), job)


@DRAWN.answer(
    "a job that one token after another is shown for crashes",
    "no_server_error",
    applies=needs_token,
)
def tokens_in_turns_crash(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    asked = _latest(context, f"{context.job_id} {context.credential}")
    same_job = len({one.partition(" ")[0] for one in asked}) == 1
    if context.answer_kind is not AnswerKind.JOB or len(asked) < _TURNS or not same_job:
        return answer
    changes = sum(one != other for one, other in pairwise(asked))
    return context.fixed_answer(answer, context.script.pages.crash) if changes == 3 else answer


@DRAWN.answer("a job that is asked for by one method after another crashes", "no_server_error")
def methods_in_turns_crash(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    asked = _latest(context, f"{context.job_id} {context.request.method}")
    is_walk = asked == [f"{context.job_id} {name}" for name in ("HEAD", "GET", "OPTIONS", "GET")]
    if context.answer_kind is not AnswerKind.JOB or not is_walk:
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)


def _latest(context: RequestContext, asked: str) -> list[str]:
    """
    What was asked last, this time included: as many as make a pattern.
    """
    latest: list[str] = context.first_value("latest", [])
    latest.append(asked)
    del latest[:-_TURNS]
    return latest
