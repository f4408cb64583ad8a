"""
Strings that are no ids: are they refused?
"""

from __future__ import annotations

from itertools import count
from typing import ClassVar

from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.hostile_ids import NONSENSE_IDS
from jobproof.probes.canaries.canary import CanaryContext, CanaryOptions, CanaryRequest, missing_id
from jobproof.probes.result import ProbeOutcome

__all__ = ["MalformedCanary"]


class MalformedCanary:
    """
    Strings that are no ids, in turn: a refusal is right, a 5xx or anybody's job is not.
    """

    Options: ClassVar[type[CanaryOptions]] = CanaryOptions
    absence_is_right: ClassVar[bool] = True

    def __init__(self, options: CanaryOptions, context: CanaryContext) -> None:
        self._around = context
        self._round = count(context.rng.randrange(len(NONSENSE_IDS)))

    @property
    def round_size(self) -> int:
        return 3

    def next_request(self) -> CanaryRequest:
        step = next(self._round) % (len(NONSENSE_IDS) + 3)
        if step < len(NONSENSE_IDS):
            return CanaryRequest(NONSENSE_IDS[step], Subject.MALFORMED)
        # Near misses of a real id: cut, longer by one, in braces as a UUID may be written.
        fresh = missing_id(self._around.api, self._around.rng)
        near = (fresh[:-1], f"{fresh}0", f"{{{fresh}}}")[step - len(NONSENSE_IDS)]
        return CanaryRequest(near, Subject.MALFORMED)

    def on_result(self, request: CanaryRequest, outcome: ProbeOutcome) -> str | None:
        return None
