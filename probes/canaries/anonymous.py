"""
No token, or a wrong one: does nobody see anything?
"""

from __future__ import annotations

from itertools import count
from typing import ClassVar

from pydantic import Field

from jobproof.contract.model.exchange import Credential, Subject
from jobproof.probes.canaries.canary import CanaryContext, CanaryOptions, CanaryRequest, missing_id
from jobproof.probes.result import ProbeOutcome

__all__ = ["AnonymousCanary"]


class AnonymousOptions(CanaryOptions):
    """
    Ids to ask for without a token; the known canary's if none are named.
    """

    ids: tuple[str, ...] = Field(default=(), description="Default: the known canary's ids.")


class AnonymousCanary:
    """
    Without a token and with a wrong one, for known jobs and for ids nobody has, in turn:
    never 200, and nothing that tells the two apart.
    """

    Options: ClassVar[type[CanaryOptions]] = AnonymousOptions
    absence_is_right: ClassVar[bool] = True

    def __init__(self, options: CanaryOptions, context: CanaryContext) -> None:
        assert isinstance(options, AnonymousOptions)
        self._ids = options.ids or context.known_ids
        self._around = context
        self._round = count()

    @property
    def round_size(self) -> int:
        return 4 if self._ids else 2

    def next_request(self) -> CanaryRequest:
        # Four steps an id: without a token and with a wrong one, missing and then known.
        step = next(self._round)
        credential = (Credential.NONE, Credential.INVALID)[step % 2]
        # The missing id goes first: it is what the known one's answer is compared with.
        if not self._ids or step // 2 % 2 == 0:
            fresh = missing_id(self._around.api, self._around.rng)
            return CanaryRequest(fresh, Subject.MISSING, credential)
        return CanaryRequest(self._ids[step // 4 % len(self._ids)], Subject.KNOWN, credential)

    def on_result(self, request: CanaryRequest, outcome: ProbeOutcome) -> str | None:
        if outcome is ProbeOutcome.VIOLATION:
            who = "no token" if request.credential is Credential.NONE else "a wrong token"
            return f"the answer to {who} is not a plain refusal"
        return None
