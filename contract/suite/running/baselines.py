"""
How a server answers for ids that nobody has: what the refusal of a job must not differ from.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation

__all__ = ["Baselines"]

_MOST_BASELINES = 8
"""How many answers to an unknown id a foreign job's is compared with."""

_Asked = tuple[Credential, str, Manner]


@dataclass(slots=True)
class Baselines:
    """
    The last few of them: by whose right, by which method and in which manner they were asked for.
    """

    _kept: dict[_Asked, deque[Observation]] = field(default_factory=dict)

    def add(self, seen: Observation) -> None:
        """
        Keep it, if it is one of these.
        """
        if seen.subject is Subject.MISSING and seen.response is not None:
            asked = (seen.credential, seen.method, seen.manner)
            self._kept.setdefault(asked, deque(maxlen=_MOST_BASELINES)).append(seen)

    def like(self, seen: Observation) -> tuple[Observation, ...]:
        """
        Those by the same right, asked for as `seen` was, and plainly.
        """
        plain = (seen.credential, "GET", Manner.PLAIN)
        alike = (seen.credential, seen.method, seen.manner)
        # Those that are asked for plainly come last: the last one tells whether anybody is there.
        asked = (plain,) if alike == plain else (alike, plain)
        return tuple(one for key in asked for one in self._kept.get(key, ()))
