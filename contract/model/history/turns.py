"""
Answers of two kinds that came by turns, so that what tells the kinds apart is no accident.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jobproof.contract.model.observation import Observation

__all__ = ["latest_by_turns"]


def latest_by_turns(
    seen: Observation,
    before: Sequence[Observation],
    others: Sequence[Observation],
    *,
    times: int,
) -> tuple[Observation, ...]:
    """
    `seen` and the ones before it, newest first, where there are so many with one of the others
    between each two; else `seen` alone.
    """
    alike = (seen, *(one for one in before if one.code == seen.code))[:times]
    starts = [one.exchange.started_at for one in alike]
    between = [
        any(later > other.exchange.started_at > earlier for other in others)
        for later, earlier in pairwise(starts)
    ]
    return alike if len(alike) == times and all(between) else (seen,)
