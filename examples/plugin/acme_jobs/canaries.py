"""
A canary: Acme deletes renders after 30 days, and deleted means gone.
"""

from __future__ import annotations

from itertools import count
from typing import ClassVar

from jobproof.contract.model.exchange import Subject
from jobproof.probes.canaries.canary import Ask, CanaryOptions, IdOptions, Surroundings
from jobproof.probes.result import Outcome

__all__ = ["Expired"]


class Expired:
    """
    Asks for renders that were deleted, in turn: "no such render" is the right answer.
    """

    Options: ClassVar[type[CanaryOptions]] = IdOptions
    absence_is_right: ClassVar[bool] = True

    def __init__(self, options: IdOptions, around: Surroundings) -> None:
        self._ids = options.ids
        self._turn = count(around.rng.randrange(len(self._ids)))

    @property
    def turns(self) -> int:
        return len(self._ids)

    def ask(self) -> Ask:
        return Ask(self._ids[next(self._turn) % len(self._ids)], Subject.MISSING)

    def saw(self, ask: Ask, outcome: Outcome) -> str | None:
        if outcome is Outcome.VIOLATION:
            return f"render {ask.job_id} was deleted and is back"
        return None
