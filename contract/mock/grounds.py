"""
On what ground a fault is called one: where the promise that it breaks stands written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from jobproof.contract.mock.faults import Fault
from jobproof.contract.model.check import Check
from jobproof.contract.model.finding import Basis, Severity

__all__ = ["Grounds", "grounds_of"]


class Grounds(NamedTuple):
    """
    Where the broken promise stands written, and how much it hurts to break it.
    """

    basis: Basis
    source: str
    severity: Severity


def grounds_of(fault: Fault, checks: Mapping[str, Check]) -> Grounds:
    """
    What the fault states itself, and for the rest what the check says that finds it.

    Args:
        checks: Every check by its id.

    Raises:
        KeyError: The fault names a check that there isn't.
    """
    broken = [checks[name] for name in fault.promises]
    # What is wrong beyond taste is so by the promise that is more than somebody's reading.
    written = (one for one in broken if fault.definite and one.basis is not Basis.INFERRED)
    first = next(written, broken[0])
    # Where the promise is written and the fault is arguable, it is our reading that breaks it.
    basis = first.basis if fault.definite else Basis.INFERRED
    return Grounds(
        fault.basis or basis,
        fault.source or first.source,
        fault.severity or first.severity,
    )
