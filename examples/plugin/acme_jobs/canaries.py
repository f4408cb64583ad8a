"""
A canary: Acme deletes renders after 30 days, and deleted means gone.
"""

from __future__ import annotations

from itertools import count
from typing import ClassVar

from jobproof.contract.model.exchange import Subject
from jobproof.probes.canaries.canary import CanaryContext, CanaryOptions, CanaryRequest, IdOptions
from jobproof.probes.result import ProbeOutcome

__all__ = ["Expired"]


class Expired:
    """
    Asks for renders that were deleted, in turn: "no such render" is the right answer.
    """

    Options: ClassVar[type[CanaryOptions]] = IdOptions
    absence_is_right: ClassVar[bool] = True

    def __init__(self, options: IdOptions, context: CanaryContext) -> None:
        self._ids = options.ids
        self._round = count(context.rng.randrange(len(self._ids)))

    @property
    def round_size(self) -> int:
        return len(self._ids)

    def next_request(self) -> CanaryRequest:
        return CanaryRequest(self._ids[next(self._round) % len(self._ids)], Subject.MISSING)

    def on_result(self, request: CanaryRequest, outcome: ProbeOutcome) -> str | None:
        if outcome is ProbeOutcome.VIOLATION:
            return f"render {request.job_id} was deleted and is back"
        return None
