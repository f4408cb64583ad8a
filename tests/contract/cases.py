"""
A check's two cases: an answer that it accepts, and one that only it rejects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from tests.contract.builders import said

from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.trace import Trace

__all__ = ["Case", "accepted", "each", "rejected"]

_LOUD = (Kind.VIOLATION, Kind.DRIFT, Kind.INCONCLUSIVE)


@dataclass(frozen=True)
class Case:
    """
    Attributes:
        accepts: As near to the fault as a correct server may come.
        rejects: The fault and nothing else.
        says: The kind of finding with which the check rejects.
        at: The pointer of its finding.
        also: Checks that must speak of the same fault, and why they must.
    """

    accepts: Trace
    rejects: Trace
    at: str
    says: Kind = Kind.VIOLATION
    also: Mapping[str, str] = field(default_factory=dict)


def each(cases: Mapping[str, Case]) -> pytest.MarkDecorator:
    """
    One test a check.
    """
    return pytest.mark.parametrize(("check", "case"), cases.items(), ids=list(cases))


def accepted(case: Case) -> None:
    """
    No check at all has anything against the accepted answer; gaps aren't against it.
    """
    assert _told(said(case.accepts, *_LOUD)) == []


def rejected(check: str, case: Case) -> None:
    """
    The check speaks, of the place it should, and no other does but those that must.
    """
    found = said(case.rejects, *_LOUD)
    mine = [f for f in found if f.check == check]
    assert [(f.kind, f.pointer) for f in mine if f.kind is case.says] == [(case.says, case.at)]
    others = {f.check for f in found} - {check}
    assert others == set(case.also), _told(found)


def _told(findings: tuple[Finding, ...]) -> list[str]:
    return [f"{f.check} [{f.kind}] at {f.pointer}: {f.message}" for f in findings]
