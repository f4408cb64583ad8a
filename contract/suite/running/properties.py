"""
What no plan foresees: cases that Schemathesis generates from the document, and walks of a client
in random order.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import run_state_machine_as_test

from jobproof.contract.model.finding import Finding
from jobproof.contract.suite.running.generated_cases import CaseSender, GeneratedCase, cases
from jobproof.contract.suite.running.rate_limiter import BudgetSpent
from jobproof.contract.suite.running.run import Run
from jobproof.contract.suite.running.state_machine import client_machine

__all__ = ["NewFindings", "send_generated_cases", "take_walks"]

_TIME_LIMIT_S = 12.0
"""For generated cases, and for walks, as long as no rate limit sets the pace."""
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
        self._deadline = time.monotonic() + _TIME_LIMIT_S

    def out_of_time(self) -> bool:
        """
        Whether a slow server has taken the time there is. A rate limit takes its own time.
        """
        return self._run.target.rate_per_minute is None and time.monotonic() > self._deadline

    def __call__(self, findings: tuple[Finding, ...]) -> None:
        for finding in findings:
            if self._breaks(finding) and finding.check not in self._known:
                self.latest = finding
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
    new_findings = NewFindings(run)
    sender = CaseSender(run.target, run.sender)

    @settings(
        max_examples=run.target.effort.generated,
        deadline=None,
        database=None,
        derandomize=bool(run.target.seed),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=_SUPPRESSED,
    )
    @given(case=cases(run.target))
    def send_case(case: GeneratedCase) -> None:
        # Hypothesis has no time limit: cases that are left pass unsent.
        if new_findings.out_of_time():
            return
        run.rate_limiter.acquire()
        new_findings(run.record(sender.send(case), generated=True)[1])

    _carry_out(run, send_case, new_findings)
    return new_findings


def take_walks(run: Run) -> NewFindings:
    """
    Have a client poll, change its token and its method, in whatever order.
    """
    new_findings = NewFindings(run)
    machine = client_machine(run, new_findings, stop=new_findings.out_of_time)
    walk_settings = settings(
        max_examples=run.target.effort.walks,
        stateful_step_count=15,
        deadline=None,
        database=None,
        derandomize=bool(run.target.seed),
        suppress_health_check=_SUPPRESSED,
    )
    _carry_out(
        run, lambda: run_state_machine_as_test(machine, settings=walk_settings), new_findings
    )
    return new_findings


def _carry_out(run: Run, run_property: Callable[[], object], new_findings: NewFindings) -> None:
    try:
        run_property()
    # A fault that comes and goes is flaky to Hypothesis, and two that differ come as a group.
    except (_BrokenPromise, FlakyFailure, BaseExceptionGroup):
        if new_findings.latest is None:
            raise
    except BudgetSpent:
        return
    finally:
        run.note_silence()
