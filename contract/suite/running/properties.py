"""
What no plan foresees: cases that Schemathesis generates from the document, and walks of a client
in random order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, example, given, seed, settings
from hypothesis.errors import Flaky, FlakyFailure
from hypothesis.stateful import run_state_machine_as_test

from jobproof.contract.model.finding import Finding
from jobproof.contract.suite.running.generated_cases import (
    GeneratedCase,
    cases,
    limit_cases,
    request_of_case,
)
from jobproof.contract.suite.running.rate_limiter import BudgetSpent
from jobproof.contract.suite.running.run import Run
from jobproof.contract.suite.running.run_records import RunPart
from jobproof.contract.suite.running.state_machine import client_machine

__all__ = ["NewFindings", "send_generated_cases", "take_walks"]

Drawn = TypeVar("Drawn", bound=Callable[..., Any])

_MOST_TO_SHRINK = 24
"""How many requests may be spent on a smaller case of what was found."""
_SUPPRESSED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


class NewFindings:
    """
    Raises at a broken promise that the plan hasn't reported already, and keeps the finding:
    a fault that comes and goes must not get lost in shrinking.

    Attributes:
        latest: The finding raised last; while shrinking, the one of the smallest case so far.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known = {f.check for f in run.planned if self._breaks(f)}
        self.latest: Finding | None = None
        self._deadline = time.monotonic() + run.target.effort.drawing_s
        self._enough: int | None = None

    def out_of_time(self) -> bool:
        """
        Whether a slow server has taken the time there is. A rate limit takes its own time.
        """
        return self._run.target.rate_per_minute is None and time.monotonic() > self._deadline

    def is_enough(self) -> bool:
        """
        Whether nothing more is to be sent: out of time, or a finding has been made smaller for as
        many requests as its search may cost.
        """
        spent = self._enough is not None and self._run.requests >= self._enough
        return spent or self.out_of_time()

    def __call__(self, findings: tuple[Finding, ...]) -> None:
        for finding in findings:
            if self._breaks(finding) and finding.check not in self._known:
                self.latest = finding
                if self._enough is None:
                    self._enough = self._run.requests + _MOST_TO_SHRINK
                raise _BrokenPromise(finding.check)

    def _breaks(self, finding: Finding) -> bool:
        return finding.breaks(strict=self._run.target.strict)


class _BrokenPromise(AssertionError):
    """
    Tells Hypothesis to look for a smaller case.
    """


def send_generated_cases(run: Run) -> NewFindings:
    """
    Send cases of the operation, right and wrong ones, and have their answers judged.
    """
    run.part = RunPart.GENERATED
    new_findings, limits = NewFindings(run), limit_cases(run.target)

    @settings(
        max_examples=max(1, run.target.effort.generated - len(limits)),
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=_SUPPRESSED,
    )
    @given(case=cases(run.target))
    def send_case(case: GeneratedCase) -> None:
        # Hypothesis has no time limit: cases that are left pass unsent.
        if new_findings.is_enough():
            return
        new_findings(run.put(request_of_case(run.target, case), generated=True)[1])

    for limit in limits:
        send_case = example(case=limit)(send_case)
    _carry_out(run, _seeded(run, send_case), new_findings)
    return new_findings


def take_walks(run: Run) -> NewFindings:
    """
    Have a client poll, change its token and its method, in whatever order.
    """
    run.part = RunPart.MACHINE
    new_findings = NewFindings(run)
    machine = _seeded(run, client_machine(run, new_findings, stop=new_findings.is_enough))
    walk_settings = settings(
        max_examples=run.target.effort.walks,
        stateful_step_count=run.target.effort.steps,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=_SUPPRESSED,
    )
    _carry_out(
        run, lambda: run_state_machine_as_test(machine, settings=walk_settings), new_findings
    )
    return new_findings


def _seeded(run: Run, drawn: Drawn) -> Drawn:
    return seed(run.target.seed)(drawn) if run.target.seed else drawn


def _carry_out(run: Run, run_property: Callable[[], object], new_findings: NewFindings) -> None:
    try:
        run_property()
    # A fault that comes and goes is flaky to Hypothesis, and two that differ come as a group.
    except (_BrokenPromise, FlakyFailure, BaseExceptionGroup):
        if new_findings.latest is None:
            raise
    # Or it draws otherwise the second time, since less was left to ask by then.
    except Flaky:
        return
    except BudgetSpent:
        return
    finally:
        run.note_silence()
