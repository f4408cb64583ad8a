"""
What a canary is: it says what to request in each slot and learns from what came of it.

A class behind an entry point of the group `jobproof.canaries`; it sends nothing itself.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar, Protocol

from pydantic import Field

from jobproof.contract.formats.durations import Duration
from jobproof.contract.formats.strict_model import StrictModel
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.probes.result import ProbeOutcome

__all__ = ["Canary", "CanaryContext", "CanaryOptions", "CanaryRequest", "IdOptions", "missing_id"]


class CanaryOptions(StrictModel):
    """
    What every canary may be told; a plug-in's own options derive from it.
    """

    interval: Duration | None = Field(default=None, description="Default: the target's interval.")
    timeout: Duration | None = Field(default=None, description="Default: the target's timeout.")


class IdOptions(CanaryOptions):
    """
    A canary that must be told which jobs to ask for.
    """

    ids: tuple[str, ...] = Field(min_length=1, description="Ids of jobs.")


@dataclass(frozen=True, slots=True)
class CanaryRequest:
    """
    What a canary wants sent: a job's id, what is known of that job, and whose token.
    """

    job_id: str
    subject: Subject
    credential: Credential = Credential.OWNER


@dataclass(frozen=True, slots=True)
class CanaryContext:
    """
    What a canary may know about its target.

    Attributes:
        known_ids: The known canary's ids.
        others: Names of all canaries configured for the target.
    """

    api: Api
    rng: random.Random
    known_ids: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()


class Canary(Protocol):
    """
    One kind of request. Called from one thread at a time.

    Attributes:
        Options: The configuration it takes.
        absence_is_right: Whether "no such job" is the right answer to it.
    """

    Options: ClassVar[type[CanaryOptions]]
    absence_is_right: ClassVar[bool]

    def __init__(self, options: CanaryOptions, context: CanaryContext) -> None: ...

    @property
    def round_size(self) -> int:
        """
        How many requests make one round, as the command `once` sends it.
        """

    def next_request(self) -> CanaryRequest:
        """
        The next request; never an empty id, which would be the URL of the list of jobs.
        """

    def on_result(self, request: CanaryRequest, outcome: ProbeOutcome) -> str | None:
        """
        Learn from an answer; a sentence for the log where a person should know.
        """


def missing_id(api: Api, rng: random.Random) -> str:
    """
    An id of the API's own form that nobody has.
    """
    return api.profile.id.fresh(rng)
