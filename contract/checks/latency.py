"""
How long an answer may take.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.contract.formats.wording import Words
from jobproof.contract.model.check import Premise, check
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.trace import Trace

__all__ = ["answers_within_budget"]

_IN_A_ROW = 3


def _is_timed_in_a_row(trace: Trace) -> bool:
    is_timed = all(seen.exchange.is_timed for seen in (*trace.recent, trace.latest))
    return is_timed and len(trace.recent) == _IN_A_ROW - 1


@check(
    basis=Basis.INFERRED,
    source="profile.yaml: latency",
    severity=Severity.MEDIUM,
    premise=Premise("no job was asked for three times, each of them timed", _is_timed_in_a_row),
    window=_IN_A_ROW - 1,
)
def answers_within_budget(trace: Trace) -> Iterator[Remark]:
    """
    Answers come within the budget; one slow answer is noise, three in a row are not.
    """
    budget = trace.api.profile.latency
    took = trace.latest.exchange.elapsed_s
    if took <= budget.budget or len(trace.recent) < _IN_A_ROW - 1:
        return
    if all(seen.exchange.elapsed_s > budget.budget for seen in trace.recent):
        yield violation(
            "code",
            f"{_IN_A_ROW} answers in a row took longer than {budget.budget:g} s",
            expected=Words(f"{budget.budget:g} s"),
            found=Words(f"{took:.2f} s"),
            basis=budget.basis,
            source=budget.source,
        )
