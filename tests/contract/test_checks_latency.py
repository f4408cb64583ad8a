"""
Latency: the promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from tests.contract.builders import NOW, answer, failure, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.finding import Basis

CASES = {
    "answers_within_budget": Case(
        accepts=trace(
            answer(at=NOW - 20, elapsed_s=3),
            answer(at=NOW - 10, elapsed_s=1),
            answer(elapsed_s=3),
        ),
        rejects=trace(
            answer(at=NOW - 20, elapsed_s=3),
            answer(at=NOW - 10, elapsed_s=3),
            answer(elapsed_s=3),
        ),
        at="code",
    ),
}


def test_one_slow_answer_is_noise() -> None:
    assert said(trace(answer(elapsed_s=9))) == ()


def test_a_timeout_counts_as_a_slow_answer() -> None:
    seen = trace(failure(at=NOW - 30), answer(at=NOW - 10, elapsed_s=3), answer(elapsed_s=3))
    assert [(f.check, f.basis) for f in said(seen)] == [("answers_within_budget", Basis.INFERRED)]
