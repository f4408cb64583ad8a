"""
The contract suite itself. Run it by `pytest --pyargs jobproof.contract.suite` or `jobproof test`.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import run_state_machine_as_test

from jobproof.contract.model.check import Check
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.verdict import group
from jobproof.contract.suite.plugin import Session
from jobproof.contract.suite.reporting.summary import breaking, explain
from jobproof.contract.suite.running.generated_cases import CaseSender, GeneratedCase, cases
from jobproof.contract.suite.running.rate_limiter import BudgetSpent
from jobproof.contract.suite.running.run import Run
from jobproof.contract.suite.running.state_machine import client_machine

__all__: list[str] = []

_AT_MOST_S = 12.0
_CALM = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def test_promise(promise: Check, contract_session: Session) -> None:
    """
    The endpoint keeps this promise in every answer to the plan.
    """
    run = contract_session.run()
    own = [finding for finding in run.planned if finding.check == promise.id]
    broken = group(breaking(own, strict=run.target.strict))
    if broken:
        text = "\n\n".join(explain(found, promise, target=run.target) for found in broken[:5])
        pytest.fail(text, pytrace=False)
    if run.unreachable is not None:
        pytest.skip(f"can't be reached: {run.unreachable}")
    if not promise.speaks_of(run.target.api.name):
        pytest.skip(f"it speaks of other APIs: {', '.join(promise.apis)}")
    if not run.reached(promise):
        pytest.skip(f"nothing was asked that it speaks of: {', '.join(promise.needs)}")


def test_checks_are_sound(contract_session: Session) -> None:
    """
    No check crashed: a check that fails open would be silence.
    """
    run = contract_session.run()
    known = {check.id for check in run.checks}
    crashes = group(f for f in run.findings if f.check not in known)
    if crashes:
        redactor = run.target.redactor
        told = (found.first.redacted(redactor).message for found in crashes)
        pytest.fail("\n".join(told), pytrace=False)


def test_generated_cases(contract_session: Session) -> None:
    """
    The contract is kept for cases that Schemathesis generates from the document.
    """
    run = contract_session.run()
    effort = run.target.effort
    if not effort.generated or run.unreachable is not None or run.stopped:
        pytest.skip("no case is generated: small effort, spent budget, or nobody there")
    fresh = _Fresh(run)
    with CaseSender(run.target) as courier:

        @settings(
            max_examples=effort.generated,
            deadline=None,
            database=None,
            derandomize=bool(run.target.seed),
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=_CALM,
        )
        @given(case=cases(run.target))
        def ask(case: GeneratedCase) -> None:
            if fresh.out_of_time():
                return
            run.rate_limiter.acquire()
            fresh(run.record(courier.send(case), generated=True)[1])

        _carry_out(ask, fresh)
    if not fresh.out_of_time():
        contract_session.generates()


def test_client_machine(contract_session: Session) -> None:
    """
    The contract is kept whatever a client does, in whatever order.
    """
    run = contract_session.run()
    walks = run.target.effort.walks
    if not walks or run.unreachable is not None or run.stopped:
        pytest.skip("no walk is taken: small effort, spent budget, or nobody there")
    fresh = _Fresh(run)
    machine = client_machine(run, fresh, stop=fresh.out_of_time)
    calm = settings(
        max_examples=walks,
        stateful_step_count=15,
        deadline=None,
        database=None,
        derandomize=bool(run.target.seed),
        suppress_health_check=_CALM,
    )
    _carry_out(lambda: run_state_machine_as_test(machine, settings=calm), fresh)


def test_run_reaches_the_contract(contract_session: Session) -> None:
    """
    Enough of the contract was touched for a green run to mean anything.
    """
    run = contract_session.run()
    if run.unreachable is not None:
        pytest.fail(f"{run.target.base_url} can't be reached: {run.unreachable}", pytrace=False)
    missing = run.coverage.missing()
    told = f" ({run.stopped})" if run.stopped else ""
    assert not missing, f"too little was reached{told}: {'; '.join(missing)}"


class _Fresh:
    """
    Raises at a broken promise that the plan hasn't reported already, and keeps it:
    a fault that comes and goes must not get lost in shrinking.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known = {f.check for f in breaking(run.planned, strict=run.target.strict)}
        self.kept: Finding | None = None
        self._until = time.monotonic() + _AT_MOST_S

    def out_of_time(self) -> bool:
        """
        Whether a server so slow has been asked enough. A rate limit takes its own time.
        """
        return self._run.target.rate_per_minute is None and time.monotonic() > self._until

    def __call__(self, findings: tuple[Finding, ...]) -> None:
        for finding in breaking(findings, strict=self._run.target.strict):
            if finding.check not in self._known:
                self.kept = finding
                raise _BrokenPromise(finding.check)

    def text(self) -> str:
        """
        The finding in words.
        """
        assert self.kept is not None
        check = next((c for c in self._run.checks if c.id == self.kept.check), None)
        return explain(group([self.kept])[0], check, target=self._run.target)


class _BrokenPromise(AssertionError):
    """
    Tells Hypothesis to look for a smaller case.
    """


def _carry_out(ask: object, fresh: _Fresh) -> None:
    try:
        ask()  # type: ignore[operator]
    except (_BrokenPromise, FlakyFailure, BaseExceptionGroup):
        if fresh.kept is None:
            raise
        pytest.fail(fresh.text(), pytrace=False)
    except BudgetSpent:
        if fresh.kept is not None:
            pytest.fail(fresh.text(), pytrace=False)
