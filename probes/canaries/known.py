"""
Jobs that are ours: are they there, and right?
"""

from __future__ import annotations

from itertools import count
from typing import ClassVar

from jobproof.contract.model.exchange import Subject
from jobproof.probes.canaries.canary import CanaryContext, CanaryOptions, CanaryRequest, IdOptions
from jobproof.probes.result import ProbeOutcome

__all__ = ["KnownCanary"]


class KnownCanary:
    """
    Jobs that are the token's own and don't go away: 200 is right.

    One id of several that isn't found, while the others are, has aged out: that answer
    counts, and the id leaves the rotation. When none is found any more the ids aren't to
    blame, so the rotation is whole again and every answer counts.
    """

    Options: ClassVar[type[CanaryOptions]] = IdOptions
    absence_is_right: ClassVar[bool] = False

    def __init__(self, options: CanaryOptions, context: CanaryContext) -> None:
        assert isinstance(options, IdOptions)
        self._ids = options.ids
        self._shown: set[str] = set()
        self._aged: set[str] = set()
        self._round = count(context.rng.randrange(len(self._ids)))

    @property
    def round_size(self) -> int:
        return len(self._ids)

    def next_request(self) -> CanaryRequest:
        alive = self._alive()
        return CanaryRequest(alive[next(self._round) % len(alive)], Subject.KNOWN)

    def on_result(self, request: CanaryRequest, outcome: ProbeOutcome) -> str | None:
        job_id = request.job_id
        if outcome in (ProbeOutcome.OK, ProbeOutcome.VIOLATION):
            self._shown.add(job_id)
        elif outcome is ProbeOutcome.NOT_FOUND:
            self._shown.discard(job_id)
            if job_id not in self._aged and self._has_quorum():
                self._aged.add(job_id)
                return (
                    f"known job {job_id} is not found while others are: it has aged out; "
                    "name a newer one in its place"
                )
            # Without this an outage that is noticed id by id would leave one id to ask for.
            if not self._shown and self._aged:
                self._aged.clear()
                return "no known job is found any more: an outage, or a wrong token"
        return None

    def _alive(self) -> list[str]:
        return [job_id for job_id in self._ids if job_id not in self._aged]

    def _has_quorum(self) -> bool:
        alive = self._alive()
        return len(alive) > 1 and 2 * len(self._shown.intersection(alive)) >= len(alive)
