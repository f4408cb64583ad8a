"""
Answers that are late, or never come, or are more than anybody can read.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from jobproof.contract.mock.answer import AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import documents_absence
from jobproof.contract.mock.faults.fault_group import FaultGroup

__all__ = ["LOAD"]

LOAD = FaultGroup("L", "load")

# Over the budget of an answer, under the timeout of a probe: late, and yet an answer.
_SLOW_S = 3.0
# Over the size cap of the client.
_HUGE_BYTES = 20 * 1024 * 1024


@LOAD.answer(
    "every answer takes 3 s",
    "answers_within_budget",
    definite=False,
    proves="answers_within_budget",
)
def slow(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_wire(delay_s=_SLOW_S) if context.job_id is not None else answer


@LOAD.answer(
    "a job that exists is never answered, other ids are",
    "known_job_is_answered",
    proves="known_job_is_answered",
)
def hang(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_wire(silent=True) if context.job is not None else answer


@LOAD.payload("a job has 20 MB", "body_is_within_size_cap", definite=False)
def huge(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job is
    # Before the closing brace, so that it stays valid JSON: the size alone is wrong.
    return payload.rstrip()[:-1] + _padding()


# Made once: 20 MB a request would measure the mock, not the client.
@cache
def _padding() -> bytes:
    return b',"padding":"' + b"x" * _HUGE_BYTES + b'"}'


@LOAD.answer(
    "an answer without a job has 20 MB",
    "body_is_within_size_cap",
    definite=False,
    applies=documents_absence,
    proves="body_is_within_size_cap",
)
def huge_refusal(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN or not answer.body.endswith(b"}"):
        return answer
    return replace(answer, body=answer.body[:-1] + _padding())
