"""
What became of what a run accepts: used, past its day, or of no use any more.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.model.acceptance.accepted import AcceptedFinding
from jobproof.contract.model.verdict import FindingGroup

__all__ = ["AcceptanceState", "AcceptanceUse", "uses_of"]


class AcceptanceState(StrEnum):
    """
    What became of one entry of what is accepted.
    """

    USED = "used"
    """Such a finding was seen, and accepted."""
    LAPSED = "lapsed"
    """Such a finding was seen, and its last day was over: it counts again."""
    UNUSED = "unused"
    """The check has looked, and saw none: the entry may go."""
    NOT_REACHED = "not_reached"
    """The check had nothing to look at: nothing is known."""


@dataclass(frozen=True, slots=True)
class AcceptanceUse:
    """
    Attributes:
        count: How often such a finding was seen.
    """

    entry: AcceptedFinding
    state: AcceptanceState
    count: int

    def as_dict(self) -> JsonObject:
        """
        As the report has it.
        """
        entry = self.entry
        return {
            "check": entry.check,
            "pointer": entry.pointer,
            "kind": entry.kind,
            "reason": entry.reason,
            "expires": entry.expires.isoformat(),
            "state": self.state.value,
            "count": self.count,
        }


def uses_of(
    entries: Iterable[AcceptedFinding], groups: Iterable[FindingGroup], reached: Container[str]
) -> Iterator[AcceptanceUse]:
    """
    What became of each entry.

    Args:
        groups: Everything that was found, accepted or not.
        reached: The ids of the checks that had anything to look at.
    """
    found = list(groups)
    for entry in entries:
        own = [g for g in found if entry.covers(g.first.check, g.first.kind, g.pointers)]
        if own:
            # A run may last beyond midnight, and then it counts from there on.
            is_over = any(not entry.holds_at(one.ended_at) for one in own)
            state = AcceptanceState.LAPSED if is_over else AcceptanceState.USED
        else:
            is_reached = entry.check in reached
            state = AcceptanceState.UNUSED if is_reached else AcceptanceState.NOT_REACHED
        yield AcceptanceUse(entry, state, sum(one.count for one in own))
