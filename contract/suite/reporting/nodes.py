"""
What each node of the suite says, in pytest and in JUnit XML: all of them of one outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from jobproof.contract.model.finding import Finding
from jobproof.contract.model.verdict import CheckState, Verdict, group
from jobproof.contract.suite.reporting.explain import Whereabouts, explain, explain_all
from jobproof.contract.suite.reporting.outcome import Outcome

__all__ = [
    "GENERATED_CASES",
    "SUITE_MODULE",
    "VERDICT_NODE",
    "WALKS",
    "Node",
    "NodeState",
    "PropertyOutcome",
    "nodes_of",
    "promise_node",
]

SUITE_MODULE = "jobproof.contract.suite.test_contract"
"""Where the nodes are, as `--pyargs` takes it, whatever their folder is called in a checkout."""

GENERATED_CASES = "test_generated_cases"
WALKS = "test_client_machine"
VERDICT_NODE = "test_verdict"


class NodeState(StrEnum):
    """
    How a node ends.
    """

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Node:
    """
    Attributes:
        name: As pytest calls it, parameters included.
        text: Why it failed, or was skipped.
    """

    name: str
    state: NodeState = NodeState.PASSED
    text: str = ""


@dataclass(frozen=True, slots=True)
class PropertyOutcome:
    """
    What came of requests that Hypothesis draws.

    Attributes:
        skipped: Why none was sent.
        found: What no request of the plan had shown: of the smallest case, where one was found.
        complete: None was left out for lack of time.
    """

    skipped: str = ""
    found: Finding | None = None
    complete: bool = True


def promise_node(check_id: str) -> str:
    """
    The name of the node of a check.
    """
    return f"test_promise[{check_id}]"


def nodes_of(
    outcome: Outcome,
    properties: Mapping[str, PropertyOutcome] | None = None,
    *,
    evidence: Whereabouts = lambda _found: "",
) -> Iterator[Node]:
    """
    One node a check, one for the verdict, and those that say what the verdict rests on.

    Args:
        properties: What came of requests that are drawn, by the name of the node; recordings have
            none of these.
        evidence: Where that of a finding lies.
    """
    for node in _nodes(outcome, properties or {}, evidence):
        is_mute = outcome.crash is not None and node.state is not NodeState.FAILED
        yield _failed(node.name, outcome.redactor.text(outcome.why or "")) if is_mute else node


def _nodes(
    outcome: Outcome, properties: Mapping[str, PropertyOutcome], evidence: Whereabouts
) -> Iterator[Node]:
    redactor = outcome.redactor
    crashes = [one.first.redacted(redactor).message for one in outcome.crashed()]
    yield _failed("test_checks_are_sound", "\n".join(crashes))
    for name, drawn in properties.items():
        if drawn.skipped:
            yield Node(name, NodeState.SKIPPED, drawn.skipped)
        else:
            yield _failed(name, _told(drawn.found, outcome, evidence))
    for one in outcome.of_checks():
        name = promise_node(one.check.id)
        if one.state is CheckState.BROKEN:
            texts = explain_all(one.broken, one.check, target=outcome, evidence=evidence)
            yield Node(name, NodeState.FAILED, "\n\n".join(texts))
        elif one.state is CheckState.NOT_REACHED and one.lack is not None:
            yield Node(name, NodeState.SKIPPED, redactor.text(one.lack.text))
        else:
            yield Node(name)
    yield _failed("test_run_reaches_the_contract", _too_little(outcome))
    yield _failed(VERDICT_NODE, _verdict(outcome))


def _failed(name: str, text: str) -> Node:
    return Node(name, NodeState.FAILED, text) if text else Node(name)


def _told(found: Finding | None, outcome: Outcome, evidence: Whereabouts) -> str:
    if found is None:
        return ""
    check = next((check for check in outcome.checks if check.id == found.check), None)
    return explain(group([found])[0], check, target=outcome, evidence=evidence)


def _too_little(outcome: Outcome) -> str:
    if outcome.unreachable is not None:
        return outcome.unreachable
    if not outcome.missing:
        return ""
    stopped = f" ({outcome.stopped})" if outcome.stopped else ""
    missing = "; ".join(outcome.missing)
    return outcome.redactor.text(f"too little was reached{stopped}: {missing}")


def _verdict(outcome: Outcome) -> str:
    if outcome.verdict is Verdict.KEPT:
        return ""
    why = outcome.why
    if why is None:
        names = [one.check.id for one in outcome.of_checks() if one.state is CheckState.BROKEN]
        why = ", ".join(names)
    elif outcome.crash is not None:
        # Where it was raised, for whoever mends it.
        why = f"{why}\n{outcome.crash}"
    return outcome.redactor.text(f"{outcome.verdict}: {why}")
