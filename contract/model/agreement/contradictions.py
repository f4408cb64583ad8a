"""
Pointers of one profile that can't all be right, whatever the document says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jobproof.contract.formats.yaml_file import Location
from jobproof.contract.model.agreement.pointers import PointerUse, Role, shown

__all__ = ["contradictions", "idle_places"]

_OUTCOME = frozenset({Role.RESULT, Role.PROOF, Role.LINKS})
_TIME = frozenset({Role.TIME_TEXT, Role.TIME_NUMBER})
_STILL = _OUTCOME | {Role.FAILURE, Role.FROZEN}
_OTHER = (Role.VOLATILE, Role.FROZEN, Role.ELSEWHERE)
_SINGLE = frozenset({Role.ID, Role.STATUS, Role.FAILURE}) | _TIME | _OUTCOME
"""Of these a place is one, or is read wrongly as the other."""


def contradictions(uses: Sequence[PointerUse]) -> Iterator[tuple[Location, str]]:
    """
    Places that would be two things at once, each with its key and what is wrong.
    """
    yield from _said_twice(uses)
    meant: dict[str, PointerUse] = {}
    for use in uses:
        first = meant.setdefault(use.pointer, use) if use.role in _SINGLE else use
        if first is not use and first.key != use.key and not {first.role, use.role} <= _OUTCOME:
            yield use.location, f"{shown(use.pointer)} is {first.role.value} already"
    yield from _within_another(uses)
    yield from _without_proof(uses)


def idle_places(uses: Sequence[PointerUse]) -> Iterator[tuple[Location, str]]:
    """
    Places of `volatile` that make no difference, for nothing there is held still.
    """
    still = [use for use in uses if use.role in _STILL]
    for use in uses:
        if use.role is Role.VOLATILE and not any(
            use.is_within(held.pointer) or held.is_within(use.pointer) for held in still
        ):
            message = "is in no result, failure or `frozen`: it may change anyhow, and can go here"
            yield use.location, f"{shown(use.pointer)} {message}"


def _said_twice(uses: Sequence[PointerUse]) -> Iterator[tuple[Location, str]]:
    seen: set[tuple[Location, str]] = set()
    for use in uses:
        if (use.key, use.pointer) in seen:
            yield use.location, f"{shown(use.pointer)} stands in this list twice"
        seen.add((use.key, use.pointer))


def _within_another(uses: Sequence[PointerUse]) -> Iterator[tuple[Location, str]]:
    volatile = [use for use in uses if use.role is Role.VOLATILE]
    for use in uses:
        for other in volatile:
            if use.keeps and use.is_within(other.pointer):
                message = f"{shown(use.pointer)} is {use.role.value}, which stays as it is"
                yield other.location, message
        if use.location[:2] == ("times", "later") or use.role in _OTHER:
            continue
        for reason in uses:
            is_below = use.pointer != reason.pointer and use.is_within(reason.pointer)
            if reason.role is Role.FAILURE and is_below:
                message = f"{shown(use.pointer)} belongs to the reason of a failure at "
                yield use.location, message + shown(reason.pointer)


def _without_proof(uses: Sequence[PointerUse]) -> Iterator[tuple[Location, str]]:
    results = [use for use in uses if use.role is Role.RESULT]
    proofs = [use for use in uses if use.role is Role.PROOF]
    for result in results:
        if proofs and not any(proof.is_within(result.pointer) for proof in proofs):
            message = f"no proof stands at {shown(result.pointer)} or below"
            yield result.location, f"{message}: it is no place of results, or a proof is missing"
    first = proofs[0] if proofs else None
    if first and results and not any(first.is_within(result.pointer) for result in results):
        message = f"{shown(first.pointer)} lies at none of result.at: list its place there"
        yield first.location, message
