"""
No token, or a wrong one: does nobody see anything?
"""

from __future__ import annotations

from itertools import count
from typing import ClassVar

from pydantic import Field

from jobproof.contract.model.exchange import Credential, Subject
from jobproof.probes.canaries.canary import Ask, CanaryOptions, Surroundings, missing_id
from jobproof.probes.result import Outcome

__all__ = ["Anonymous"]


class AnonymousOptions(CanaryOptions):
    """
    Ids to ask for without a token; the known canary's if none are named.
    """

    ids: tuple[str, ...] = Field(default=(), description="Default: the known canary's ids.")


class Anonymous:
    """
    Without a token and with a wrong one, for known jobs and for ids nobody has, in turn:
    never 200, and nothing that tells the two apart.
    """

    Options: ClassVar[type[CanaryOptions]] = AnonymousOptions
    absence_is_right: ClassVar[bool] = True

    def __init__(self, options: CanaryOptions, around: Surroundings) -> None:
        assert isinstance(options, AnonymousOptions)
        self._ids = options.ids or around.known_ids
        self._around = around
        self._turn = count()

    @property
    def turns(self) -> int:
        return 4 if self._ids else 2

    def ask(self) -> Ask:
        turn = next(self._turn)
        credential = (Credential.NONE, Credential.INVALID)[turn % 2]
        # The missing id goes first: it is what the known one's answer is compared with.
        if not self._ids or turn // 2 % 2 == 0:
            fresh = missing_id(self._around.api, self._around.rng)
            return Ask(fresh, Subject.MISSING, credential)
        return Ask(self._ids[turn // 4 % len(self._ids)], Subject.KNOWN, credential)

    def saw(self, ask: Ask, outcome: Outcome) -> str | None:
        if outcome is Outcome.VIOLATION:
            who = "no token" if ask.credential is Credential.NONE else "a wrong token"
            return f"the answer to {who} is not a plain refusal"
        return None
