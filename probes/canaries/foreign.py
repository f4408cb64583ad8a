"""
Somebody else's job: does it look like one that nobody has?
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import ClassVar

from jobproof.contract.model.exchange import Subject
from jobproof.probes.canaries.canary import Ask, CanaryOptions, IdOptions, Surroundings, missing_id
from jobproof.probes.result import Outcome

__all__ = ["Foreign"]


class Foreign:
    """
    Jobs that exist and belong to somebody else: the answer must be that of an id nobody has.
    """

    Options: ClassVar[type[CanaryOptions]] = IdOptions
    absence_is_right: ClassVar[bool] = True

    def __init__(self, options: CanaryOptions, around: Surroundings) -> None:
        assert isinstance(options, IdOptions)
        self._asks: Sequence[str | None] = options.ids
        if "missing" not in around.others:  # nobody else fetches what to compare with
            self._asks = (None, *options.ids)
        self._around = around
        self._turn = count()

    @property
    def turns(self) -> int:
        return len(self._asks)

    def ask(self) -> Ask:
        job_id = self._asks[next(self._turn) % len(self._asks)]
        if job_id is None:
            return Ask(missing_id(self._around.api, self._around.rng), Subject.MISSING)
        return Ask(job_id, Subject.FOREIGN)

    def saw(self, ask: Ask, outcome: Outcome) -> str | None:
        if outcome is Outcome.VIOLATION and ask.subject is Subject.FOREIGN:
            return f"somebody else's job {ask.job_id} is not hidden as a missing one is"
        return None
