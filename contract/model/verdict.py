"""
Many findings, one verdict: what is news once, what breaks the run, what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.finding import Finding, Kind, Severity

__all__ = ["FindingGroup", "Verdict", "conclude", "group", "overlay"]

_RANK = {Kind.VIOLATION: 0, Kind.DRIFT: 1, Kind.GAP: 2, Kind.INCONCLUSIVE: 3}


class Verdict(StrEnum):
    """
    What a run adds up to.
    """

    KEPT = "kept"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit_code(self) -> int:
        """
        0 kept, 1 broken, 3 inconclusive.
        """
        return {Verdict.KEPT: 0, Verdict.BROKEN: 1, Verdict.INCONCLUSIVE: 3}[self]


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """
    The same news, once.

    Attributes:
        first: The finding that brought it.
        count: How often it was seen.
    """

    first: Finding
    count: int


def group(findings: Iterable[Finding]) -> tuple[FindingGroup, ...]:
    """
    Findings without repetitions, gravest first. A gap is one group a code.
    """
    found: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        key: tuple[str, ...] = finding.fingerprint
        if finding.kind is Kind.GAP:
            # A hundred hostile ids refused with 400 are one hole in the document.
            key = (finding.check, finding.kind, str(finding.found))
        found.setdefault(key, []).append(finding)
    groups = [FindingGroup(_plainest(items), len(items)) for items in found.values()]
    severities = list(Severity)  # written there from the gravest down
    return tuple(
        sorted(groups, key=lambda g: (_RANK[g.first.kind], severities.index(g.first.severity)))
    )


def conclude(findings: Iterable[Finding], *, missing: Sequence[str], strict: bool) -> Verdict:
    """
    Broken if a promise is; else inconclusive if the run reached too little; else kept.
    """
    # What is broken stays broken, however little the run has reached.
    if any(finding.breaks(strict=strict) for finding in findings):
        return Verdict.BROKEN
    return Verdict.INCONCLUSIVE if missing else Verdict.KEPT


def _plainest(findings: list[Finding]) -> Finding:
    """
    The finding about the simplest request: a known job before a hostile id.
    """
    order = list(Subject)
    # One that brings a patch says more than one that doesn't.
    return min(findings, key=lambda f: (f.patch is None, order.index(f.exchange.request.subject)))


def overlay(groups: Iterable[FindingGroup], *, title: str) -> dict[str, object] | None:
    """
    An OpenAPI Overlay 1.0 document that describes every gap found; None where none was.
    """
    actions = [g.first.patch for g in groups if g.first.kind is Kind.GAP and g.first.patch]
    if not actions:
        return None
    return {
        "overlay": "1.0.0",
        "info": {"title": f"What {title} answers and doesn't document", "version": "1"},
        "actions": actions,
    }
