"""
The contract suite itself. Run it by `pytest --pyargs jobproof.contract.suite` or `jobproof test`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import run_state_machine_as_test

from jobproof.contract.model.check import Check
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.verdict import CheckState, group, state_of
from jobproof.contract.suite.plugin import Session
from jobproof.contract.suite.reporting.summary import breaking, explain, explain_all
from jobproof.contract.suite.running.generated_cases import CaseSender, GeneratedCase, cases
from jobproof.contract.suite.running.rate_limiter import BudgetSpent
from jobproof.contract.suite.running.run import Run
from jobproof.contract.suite.running.state_machine import client_machine

__all__: list[str] = []

_TIME_LIMIT_S = 12.0
"""For generated cases, and for walks, as long as no rate limit sets the pace."""
_SUPPRESSED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def test_checks_are_sound(contract_session: Session) -> None:
    """
    No check crashed: a check that fails open would be silence.
    """
    run = contract_session.run()
    known = {check.id for check in run.checks}
    crashes = [found for found in run.groups if found.first.check not in known]
    if crashes:
        redactor = run.target.redactor
        messages = (found.first.redacted(redactor).message for found in crashes)
        pytest.fail("\n".join(messages), pytrace=False)


def test_generated_cases(contract_session: Session) -> None:
    """
    The contract is kept for cases that Schemathesis generates from the document.
    """
    run = contract_session.run()
    effort = run.target.effort
    if not effort.generated or run.is_over:
        pytest.skip("no case is generated: small effort, spent budget, or nobody there")
    new_findings = _NewFindings(run)
    with CaseSender(run.target) as sender:

        @settings(
            max_examples=effort.generated,
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

        _run_property(send_case, new_findings)
    # A run cut short may have reached too little, which is the clock's fault.
    if not new_findings.out_of_time():
        contract_session.note_generated()


def test_client_machine(contract_session: Session) -> None:
    """
    The contract is kept whatever a client does, in whatever order.
    """
    run = contract_session.run()
    walks = run.target.effort.walks
    if not walks or run.is_over:
        pytest.skip("no walk is taken: small effort, spent budget, or nobody there")
    new_findings = _NewFindings(run)
    machine = client_machine(run, new_findings, stop=new_findings.out_of_time)
    walk_settings = settings(
        max_examples=walks,
        stateful_step_count=15,
        deadline=None,
        database=None,
        derandomize=bool(run.target.seed),
        suppress_health_check=_SUPPRESSED,
    )
    _run_property(lambda: run_state_machine_as_test(machine, settings=walk_settings), new_findings)


def test_promise(promise: Check, contract_session: Session) -> None:
    """
    The endpoint keeps this promise in every answer, and has given it one to be seen in.
    """
    run = contract_session.run()
    own = [found for found in run.groups if found.first.check == promise.id]
    lack, strict = run.lack(promise), run.target.strict
    state = state_of((found.first for found in own), looked=lack is None, strict=strict)
    if state is CheckState.BROKEN:
        broken = [found for found in own if found.first.breaks(strict=strict)]
        text = "\n\n".join(explain_all(broken, promise, target=run.target))
        pytest.fail(text, pytrace=False)
    if state is CheckState.NOT_REACHED and lack is not None:
        pytest.skip(run.target.redactor.text(lack.text))


def test_run_reaches_the_contract(contract_session: Session) -> None:
    """
    Enough of the contract was touched for a green run to mean anything.
    """
    run = contract_session.run()
    if run.unreachable is not None:
        pytest.fail(f"{run.target.base_url} can't be reached: {run.unreachable}", pytrace=False)
    missing = contract_session.missing()
    stopped = f" ({run.stopped})" if run.stopped else ""
    if missing:
        text = f"too little was reached{stopped}: {'; '.join(missing)}"
        pytest.fail(run.target.redactor.text(text), pytrace=False)


class _NewFindings:
    """
    Raises at a broken promise that the plan hasn't reported already, and keeps the finding:
    a fault that comes and goes must not get lost in shrinking.

    Attributes:
        latest: The finding raised last; while shrinking, the one of the smallest case so far.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known = {f.check for f in breaking(run.planned, strict=run.target.strict)}
        self.latest: Finding | None = None
        self._deadline = time.monotonic() + _TIME_LIMIT_S

    def out_of_time(self) -> bool:
        """
        Whether a slow server has taken the time there is. A rate limit takes its own time.
        """
        return self._run.target.rate_per_minute is None and time.monotonic() > self._deadline

    def __call__(self, findings: tuple[Finding, ...]) -> None:
        for finding in breaking(findings, strict=self._run.target.strict):
            if finding.check not in self._known:
                self.latest = finding
                raise _BrokenPromise(finding.check)

    def note_silence(self) -> None:
        """
        Have the run find out whether somebody still answers.
        """
        self._run.note_silence()

    def text(self) -> str:
        """
        The finding in words.
        """
        assert self.latest is not None
        check = next((c for c in self._run.checks if c.id == self.latest.check), None)
        return explain(group([self.latest])[0], check, target=self._run.target)


class _BrokenPromise(AssertionError):
    """
    Tells Hypothesis to look for a smaller case.
    """


def _run_property(run_property: Callable[[], object], new_findings: _NewFindings) -> None:
    try:
        run_property()
    # A fault that comes and goes is flaky to Hypothesis, and two that differ come as a group.
    except (_BrokenPromise, FlakyFailure, BaseExceptionGroup):
        if new_findings.latest is None:
            raise
        pytest.fail(new_findings.text(), pytrace=False)
    except BudgetSpent:
        if new_findings.latest is not None:
            pytest.fail(new_findings.text(), pytrace=False)
    finally:
        new_findings.note_silence()
