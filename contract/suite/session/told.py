"""
What a run has come to, as one value: whoever tells of it tells the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Self

from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.suite.reporting.nodes import Node, NodeState

__all__ = ["Told", "told_of_failure"]


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
        interrupted: The signal that ended it before its time.
    """

    exit_code: int
    nodes: tuple[Node, ...] = ()
    report: JsonDocument | None = None
    mistake: str = ""
    failure: str = ""
    interrupted: str | None = None

    def node(self, name: str) -> Node:
        """
        What the node of this name says; where the run never came so far, that it failed.
        """
        why = self.failure or "the run ended before it came to this"
        silent = Node(name, NodeState.FAILED, why)
        return next((node for node in self.nodes if node.name == name), silent)

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


def told_of_failure(failure: str) -> Told:
    """
    That jobproof itself has failed, and nothing is known of what was seen.
    """
    return Told(4, failure=f"jobproof itself failed: {failure}")
