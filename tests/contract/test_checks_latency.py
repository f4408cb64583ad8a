"""
Latency: the promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

import pytest
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


def test_two_slow_answers_in_a_row_are_noise_too() -> None:
    polls = (answer(at=NOW - 20, elapsed_s=1), answer(at=NOW - 10, elapsed_s=3))
    assert said(trace(*polls, answer(elapsed_s=3))) == ()


@pytest.mark.parametrize(("took_s", "found"), [(2.0, ()), (2.001, ("2.00 s",))])
def test_an_answer_that_takes_the_whole_budget_is_within_it(
    took_s: float, found: tuple[str, ...]
) -> None:
    slow = [answer(at=NOW - ago, elapsed_s=3) for ago in (20, 10)]
    assert tuple(f.found for f in said(trace(*slow, answer(elapsed_s=took_s)))) == found
    first = answer(at=NOW - 20, elapsed_s=took_s)
    assert len(said(trace(first, slow[1], answer(elapsed_s=3)))) == len(found)
