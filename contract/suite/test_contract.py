"""
The contract suite itself. Run it by `pytest --pyargs jobproof.contract.suite` or `jobproof test`.

No node sends anything: each tells its part of what the one run has come to.
"""

from __future__ import annotations

from jobproof.contract.model.check import Check
from jobproof.contract.suite.plugin import Tell
from jobproof.contract.suite.reporting.nodes import promise_node

__all__: list[str] = []


def test_checks_are_sound(tell: Tell) -> None:
    """
    No check crashed: a check that fails open would be silence.
    """
    tell("test_checks_are_sound")


def test_generated_cases(tell: Tell) -> None:
    """
    The contract is kept for cases that Schemathesis generates from the document.
    """
    tell("test_generated_cases")


def test_client_machine(tell: Tell) -> None:
    """
    The contract is kept whatever a client does, in whatever order.
    """
    tell("test_client_machine")


def test_promise(promise: Check, tell: Tell) -> None:
    """
    The endpoint keeps this promise in every answer, and has given it one to be seen in.
    """
    tell(promise_node(promise.id))


def test_run_reaches_the_contract(tell: Tell) -> None:
    """
    Enough of the contract was touched for a green run to mean anything.
    """
    tell("test_run_reaches_the_contract")


def test_verdict(tell: Tell) -> None:
    """
    The contract is kept, as far as the run says.
    """
    tell("test_verdict")
