"""
Answers that are late, or never come, or are more than anybody can read.
"""

from __future__ import annotations

from functools import cache

from jobproof.contract.mock.answer import Answer
from jobproof.contract.mock.faults.chapter import Chapter
from jobproof.contract.mock.turn import Turn

__all__ = ["LOAD"]

LOAD = Chapter("L", "load")

_SLOW_S = 3.0
_HUGE_BYTES = 20 * 1024 * 1024


@LOAD.answer("every answer takes 3 s", "answers_within_budget", definite=False)
def slow(answer: Answer, turn: Turn) -> Answer:
    return answer.sent(delay_s=_SLOW_S) if turn.asked_for is not None else answer


@LOAD.answer(
    "a job that exists is never answered, other ids are",
    "known_job_is_answered",
)
def hang(answer: Answer, turn: Turn) -> Answer:
    return answer.sent(silent=True) if turn.job is not None else answer


@LOAD.payload("a job has 20 MB", "body_is_within_size_cap", definite=False)
def huge(payload: bytes, turn: Turn) -> bytes:  # noqa: ARG001 -- every job is
    return payload.rstrip()[:-1] + _padding()


@cache
def _padding() -> bytes:
    return b',"padding":"' + b"x" * _HUGE_BYTES + b'"}'
