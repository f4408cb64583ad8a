"""
What each check is good for: the faults that it alone finds, and nobody would without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from jobproof.contract.model.check import Check
from jobproof.contract.scoring.score_row import ScoreRow

__all__ = ["UNPROVABLE", "proofs", "unproved"]

UNPROVABLE: Mapping[str, str] = MappingProxyType({})
"""The checks that no fault can prove, and why: whatever breaks them breaks another promise, too."""


def proofs(rows: Iterable[ScoreRow]) -> dict[str, tuple[str, ...]]:
    """
    By check, the faults that it alone finds, in each run against them.
    """
    found_by: dict[str, list[frozenset[str]]] = {}
    for row in rows:
        if row.kind == "fault":
            found_by.setdefault(row.name, []).append(frozenset(row.checks))
    proved: dict[str, tuple[str, ...]] = {}
    for fault, runs in found_by.items():
        # A check is a pure function of what was asked and answered: leaving one out changes
        # nothing that the others say.
        if len(runs[0]) == 1 and len(set(runs)) == 1:
            (check,) = runs[0]
            proved[check] = (*proved.get(check, ()), fault)
    return proved


def unproved(api: str, checks: Iterable[Check], rows: Iterable[ScoreRow]) -> tuple[str, ...]:
    """
    The checks which nobody would miss, but for those that can't be proved.
    """
    proved = proofs(rows)
    return tuple(
        check.id
        for check in checks
        if check.speaks_of(api) and check.id not in proved and check.id not in UNPROVABLE
    )
