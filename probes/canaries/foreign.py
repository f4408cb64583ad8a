"""
Somebody else's job: does it look like one that nobody has?
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import ClassVar

from jobproof.contract.model.exchange import Subject
from jobproof.probes.canaries.canary import (
    CanaryContext,
    CanaryOptions,
    CanaryRequest,
    IdOptions,
    missing_id,
)
from jobproof.probes.result import ProbeOutcome

__all__ = ["ForeignCanary"]


class ForeignCanary:
    """
    Jobs that exist and belong to somebody else: the answer must be that of an id nobody has.
    """

    Options: ClassVar[type[CanaryOptions]] = IdOptions
    absence_is_right: ClassVar[bool] = True

    def __init__(self, options: CanaryOptions, context: CanaryContext) -> None:
        assert isinstance(options, IdOptions)
        self._ids: Sequence[str | None] = options.ids
        if "missing" not in context.others:  # nobody else fetches what to compare with
            self._ids = (None, *options.ids)
        self._around = context
        self._round = count()

    @property
    def round_size(self) -> int:
        return len(self._ids)

    def next_request(self) -> CanaryRequest:
        job_id = self._ids[next(self._round) % len(self._ids)]
        if job_id is None:
            return CanaryRequest(missing_id(self._around.api, self._around.rng), Subject.MISSING)
        return CanaryRequest(job_id, Subject.FOREIGN)

    def on_result(self, request: CanaryRequest, outcome: ProbeOutcome) -> str | None:
        if outcome is ProbeOutcome.VIOLATION and request.subject is Subject.FOREIGN:
            return f"somebody else's job {request.job_id} is not hidden as a missing one is"
        return None
