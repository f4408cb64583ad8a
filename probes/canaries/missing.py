"""
An id that nobody has: is it not found?
"""

from __future__ import annotations

from typing import ClassVar

from jobproof.contract.model.exchange import Subject
from jobproof.probes.canaries.canary import CanaryContext, CanaryOptions, CanaryRequest, missing_id
from jobproof.probes.result import ProbeOutcome

__all__ = ["MissingCanary"]


class MissingCanary:
    """
    An id that nobody has, another one each time so that no cache answers: "no such job" is right.
    """

    Options: ClassVar[type[CanaryOptions]] = CanaryOptions
    absence_is_right: ClassVar[bool] = True

    def __init__(self, options: CanaryOptions, context: CanaryContext) -> None:
        self._around = context

    @property
    def round_size(self) -> int:
        return 1

    def next_request(self) -> CanaryRequest:
        return CanaryRequest(missing_id(self._around.api, self._around.rng), Subject.MISSING)

    def on_result(self, request: CanaryRequest, outcome: ProbeOutcome) -> str | None:
        return None
