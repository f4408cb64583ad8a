"""
A check's two cases: an answer that it accepts, and one that only it rejects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobproof.contract.model.finding import Kind
from jobproof.contract.model.trace import Trace

__all__ = ["Case"]


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
