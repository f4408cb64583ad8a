"""
Strings that are no ids: are they refused?
"""

from __future__ import annotations

from itertools import count
from typing import ClassVar

from jobproof.contract.model.exchange import Subject
from jobproof.probes.canaries.canary import CanaryContext, CanaryOptions, CanaryRequest, missing_id
from jobproof.probes.result import ProbeOutcome

__all__ = ["MalformedCanary"]


class MalformedCanary:
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

    def __init__(self, options: CanaryOptions, context: CanaryContext) -> None:
        self._around = context
        self._round = count(context.rng.randrange(len(self._STRINGS)))

    @property
    def round_size(self) -> int:
        return 3

    def next_request(self) -> CanaryRequest:
        step = next(self._round) % (len(self._STRINGS) + 3)
        if step < len(self._STRINGS):
            return CanaryRequest(self._STRINGS[step], Subject.MALFORMED)
        fresh = missing_id(self._around.api, self._around.rng)
        near = (fresh[:-1], f"{fresh}0", f"{{{fresh}}}")[step - len(self._STRINGS)]
        return CanaryRequest(near, Subject.MALFORMED)

    def on_result(self, next_request: CanaryRequest, outcome: ProbeOutcome) -> str | None:
        return None
