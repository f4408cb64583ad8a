"""
Strings that are no ids: are they refused?
"""

from __future__ import annotations

from itertools import count
from typing import ClassVar

from jobproof.contract.model.exchange import Subject
from jobproof.probes.canaries.canary import Ask, CanaryOptions, Surroundings, missing_id
from jobproof.probes.result import Outcome

__all__ = ["Malformed"]


class Malformed:
    """
    Strings that are no ids, in turn: a refusal is right, a 5xx or anybody's job is not.
    """

    Options: ClassVar[type[CanaryOptions]] = CanaryOptions
    absence_is_right: ClassVar[bool] = True

    _STRINGS = (
        *("0", "-1", "null", "undefined", "not-an-id", "true", "[]", "{}", "*"),
        *("..", "../..", "%2e%2e", "a/b", "a\\b", "a;b=c", "a?b=c", "a#b", "a&b", "a+b", "a b"),
        *("'", '"', "<b>", "%", "%zz", "%00", "\x00", "\n", "\t", "é", "ｊｏｂ", "😀", "\u202e"),
        *("0" * 36, "-" * 36, "g" * 36, "a" * 1024),
    )

    def __init__(self, options: CanaryOptions, around: Surroundings) -> None:
        self._around = around
        self._turn = count(around.rng.randrange(len(self._STRINGS)))

    @property
    def turns(self) -> int:
        return 3

    def ask(self) -> Ask:
        turn = next(self._turn) % (len(self._STRINGS) + 3)
        if turn < len(self._STRINGS):
            return Ask(self._STRINGS[turn], Subject.MALFORMED)
        fresh = missing_id(self._around.api, self._around.rng)
        near = (fresh[:-1], f"{fresh}0", f"{{{fresh}}}")[turn - len(self._STRINGS)]
        return Ask(near, Subject.MALFORMED)

    def saw(self, ask: Ask, outcome: Outcome) -> str | None:
        return None
