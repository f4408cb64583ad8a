"""
What each check is good for: the faults that it alone finds, and nobody would without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from jobproof.contract.model.check import Check
from jobproof.contract.scoring.score_row import ScoreRow

__all__ = ["UNPROVABLE", "proofs", "sole_finder", "unproved"]

_NO_VIOLATION = "it tells what is new, or that nothing can be said, and calls nothing wrong"

UNPROVABLE: Mapping[str, str] = MappingProxyType(
    {
        "endpoint_is_available": _NO_VIOLATION,
        "endpoint_stays_in_service": _NO_VIOLATION,
        "keys_are_declared": _NO_VIOLATION,
        "result_comes_with_the_end": _NO_VIOLATION,
        "server_clock_agrees": _NO_VIOLATION,
        "id_is_matched_by_case": "where ids are no UUIDs another id than was asked for is echoed",
        "part_was_asked_for": "206 is undocumented as well, but where a document has it",
        "status_is_readable": "it speaks where the schema leaves open what a status is",
    }
)
"""The checks that no fault of the mocked API can prove, and why."""


def proofs(rows: Iterable[ScoreRow]) -> dict[str, tuple[str, ...]]:
    """
    By check, the faults that it alone finds, in each run against them.
    """
    decided_by: dict[str, set[str | None]] = {}
    for row in rows:
        if row.kind == "fault":
            decided_by.setdefault(row.name, set()).add(sole_finder(row.checks, row.breaking))
    proved: dict[str, tuple[str, ...]] = {}
    for fault, deciding in decided_by.items():
        check = next(iter(deciding))
        if check is not None and len(deciding) == 1:
            proved[check] = (*proved.get(check, ()), fault)
    return proved


def sole_finder(checks: Collection[str], breaking: Collection[str]) -> str | None:
    """
    The check without which a red run would be green, or a run that is red with `--strict`;
    None where another one finds something, too.

    A check is a pure function of what was asked and answered, so that leaving one out changes
    nothing that the others say.

    Args:
        checks: Those that have found something wrong.
        breaking: Those of them that turn the run red without `--strict`.
    """
    deciding = breaking or checks
    return next(iter(deciding)) if len(deciding) == 1 else None


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
