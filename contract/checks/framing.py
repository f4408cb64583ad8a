"""
Messages on the wire: where an answer begins and ends, and what comes beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.contract.model.check import Premise, check
from jobproof.contract.model.finding import Basis, Remark, violation
from jobproof.contract.model.trace import Trace

__all__ = ["part_was_asked_for"]


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.3.7: 206 answers a request for a range",
    premise=Premise("no answer was a 206", lambda trace: trace.latest.code == 206),
)
def part_was_asked_for(trace: Trace) -> Iterator[Remark]:
    """
    206, a part of the answer, comes only to who asked for a part.
    """
    seen = trace.latest
    if seen.code == 206 and seen.exchange.request.header("range") is None:
        yield violation("code", "a part came of what was asked for whole", expected=200, found=206)
