"""
An id that nobody has: is it not found?
"""

from __future__ import annotations

from typing import ClassVar

from jobproof.contract.model.exchange import Subject
from jobproof.probes.canaries.canary import Ask, CanaryOptions, Surroundings, missing_id
from jobproof.probes.result import Outcome

__all__ = ["Missing"]


class Missing:
    """
    An id that nobody has, another one each time so that no cache answers: 404 is right.
    """

    Options: ClassVar[type[CanaryOptions]] = CanaryOptions
    absence_is_right: ClassVar[bool] = True

    def __init__(self, options: CanaryOptions, around: Surroundings) -> None:
        self._around = around

    @property
    def turns(self) -> int:
        return 1

    def ask(self) -> Ask:
        return Ask(missing_id(self._around.api, self._around.rng), Subject.MISSING)

    def saw(self, ask: Ask, outcome: Outcome) -> str | None:
        return None
