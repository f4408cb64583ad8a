"""
What a run has come to, as one value: whoever tells of it tells the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from signal import Signals
from typing import Self

from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.model.verdict import Verdict
from jobproof.contract.plugins import default_api
from jobproof.contract.suite.options import OptionValues
from jobproof.contract.suite.reporting.nodes import VERDICT_NODE, Node, NodeState
from jobproof.contract.suite.reporting.report import report_without_run

__all__ = ["Told", "told_without_run"]


@dataclass(frozen=True, slots=True)
class Told:
    """
    Attributes:
        exit_code: 0 kept, 1 broken, 2 usage, 3 inconclusive, 4 a failure of ours, 130 or 143
            interrupted.
        nodes: What each node says, by its name.
        report: None where nothing could be asked.
        mistake: What a person has to mend before anything can be asked; empty if nothing.
        failure: Why no node has anything to say of its own.
        silence: Why nobody could ask, through no fault of ours: the verdict says it, and no promise
            was reached.
        interrupted: The signal that ended it before its time.
    """

    exit_code: int
    nodes: tuple[Node, ...] = ()
    report: JsonDocument | None = None
    mistake: str = ""
    failure: str = ""
    silence: str = ""
    interrupted: str | None = None

    def node(self, name: str) -> Node:
        """
        What the node of this name says; where the run never came so far, that it failed.
        """
        if self.silence and name != VERDICT_NODE:
            return Node(name, NodeState.SKIPPED, f"not reached: {self.silence}")
        why = self.failure or self.silence or "the run ended before it came to this"
        silent = Node(name, NodeState.FAILED, why)
        return next((node for node in self.nodes if node.name == name), silent)

    def when_interrupted(self, name: str) -> Self:
        """
        The same, and a signal has come after it: what is broken stays so, and what has failed.
        """
        if self.exit_code in {1, 2, 4} or self.interrupted is not None or self.report is None:
            return self
        code = 128 + Signals[name]
        why = self.report["why"] or f"interrupted ({name}) after it was judged"
        report = {**self.report, "exit_code": code, "interrupted": name, "why": why}
        return replace(self, exit_code=code, report=report, interrupted=name)

    def as_json(self) -> JsonDocument:
        """
        As plain JSON, for another process.
        """
        return asdict(self)

    @classmethod
    def from_json(cls, told: JsonDocument) -> Self:
        """
        What `as_json` was made of.
        """
        return cls(**{**told, "nodes": tuple(_nodes(told["nodes"]))})


def _nodes(nodes: Iterable[JsonDocument]) -> Iterable[Node]:
    for node in nodes:
        yield Node(node["name"], NodeState(node["state"]), node["text"])


def told_without_run(
    values: OptionValues,
    *,
    crash: str | None = None,
    interrupted: str | None = None,
    silence: str = "",
) -> Told:
    """
    That it came to no run, or nothing is known of it: jobproof itself has failed, somebody has
    interrupted it before, or nobody could ask.
    """
    if silence:
        code, why = 3, silence
    elif interrupted is None:
        first, _, _ = (crash or "").partition("\n")
        code, why = 4, f"jobproof itself failed: {first}"
    else:
        code, why = 128 + Signals[interrupted], f"interrupted ({interrupted})"
    report = report_without_run(
        api=values["api"] or default_api(),
        url=values["url"],
        exit_code=code,
        why=why,
        crash=crash,
        interrupted=interrupted,
    )
    failure = why if crash is None else f"{why}\n{crash}"
    return Told(
        code,
        report=report,
        failure="" if silence else failure,
        silence=silence and f"{Verdict.INCONCLUSIVE}: {silence}",
        interrupted=interrupted,
    )
