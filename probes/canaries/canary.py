"""
What is asked: one canary, one kind of question with a known right answer.

A canary is a class behind an entry point of the group `jobproof.canaries`. It says what
to ask in each slot and learns from what came of it; it sends nothing itself.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field

from jobproof.contract.formats.durations import Duration
from jobproof.contract.formats.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Reason, Request, Subject
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.trace import Observation
from jobproof.probes.result import Outcome

__all__ = [
    "Anonymous",
    "Ask",
    "Canary",
    "CanaryOptions",
    "Followed",
    "Foreign",
    "IdOptions",
    "Known",
    "Malformed",
    "Missing",
    "Surroundings",
    "build_request",
    "missing_id",
    "outcome_of",
]


class CanaryOptions(BaseModel):
    """
    What every canary may be told; a plug-in's own options derive from it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    interval: Duration | None = Field(default=None, description="Default: the target's interval.")
    timeout: Duration | None = Field(default=None, description="Default: the target's timeout.")


class IdOptions(CanaryOptions):
    """
    A canary that must be told which jobs to ask for.
    """

    ids: tuple[str, ...] = Field(min_length=1, description="Ids of jobs.")


class AnonymousOptions(CanaryOptions):
    """
    Ids to ask for without a token; the known canary's if none are named.
    """

    ids: tuple[str, ...] = Field(default=(), description="Default: the known canary's ids.")


@dataclass(frozen=True, slots=True)
class Ask:
    """
    One question: for which id, knowing what of it, as whom.
    """

    job_id: str
    subject: Subject
    credential: Credential = Credential.OWNER


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What a canary may know about the target that it asks.

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
    One kind of question. Called from one thread at a time.

    Attributes:
        Options: The configuration it takes.
        absence_is_right: Whether "no such job" is the right answer to it.
    """

    Options: ClassVar[type[CanaryOptions]]
    absence_is_right: ClassVar[bool]

    def __init__(self, options: CanaryOptions, around: Surroundings) -> None: ...

    @property
    def turns(self) -> int:
        """
        Questions that make one round by hand.
        """

    def ask(self) -> Ask:
        """
        The next question; never an empty id, which would ask for the list of jobs.
        """

    def saw(self, ask: Ask, outcome: Outcome) -> str | None:
        """
        Learn from an answer; a sentence for the log where a person should know.
        """


class Known:
    """
    Jobs that are the token's own and don't go away: 200 is right.

    One id of several that isn't found, while the others are, has aged out: that answer
    counts, and the id leaves the rotation. When none is found any more the ids aren't to
    blame, so the rotation is whole again and every answer counts.
    """

    Options: ClassVar[type[CanaryOptions]] = IdOptions
    absence_is_right: ClassVar[bool] = False

    def __init__(self, options: CanaryOptions, around: Surroundings) -> None:
        assert isinstance(options, IdOptions)
        self._ids = options.ids
        self._shown: set[str] = set()
        self._aged: set[str] = set()
        self._turn = count(around.rng.randrange(len(self._ids)))

    @property
    def turns(self) -> int:
        return len(self._ids)

    def ask(self) -> Ask:
        alive = self._alive()
        return Ask(alive[next(self._turn) % len(alive)], Subject.KNOWN)

    def saw(self, ask: Ask, outcome: Outcome) -> str | None:
        job_id = ask.job_id
        if outcome in (Outcome.OK, Outcome.VIOLATION):
            self._shown.add(job_id)
        elif outcome is Outcome.NOT_FOUND:
            self._shown.discard(job_id)
            if job_id not in self._aged and self._has_quorum():
                self._aged.add(job_id)
                return (
                    f"known job {job_id} is not found while others are: it has aged out; "
                    "name a newer one in its place"
                )
            if not self._shown and self._aged:
                self._aged.clear()
                return "no known job is found any more: an outage, or a wrong token"
        return None

    def _alive(self) -> list[str]:
        return [job_id for job_id in self._ids if job_id not in self._aged]

    def _has_quorum(self) -> bool:
        alive = self._alive()
        return len(alive) > 1 and 2 * len(self._shown.intersection(alive)) >= len(alive)


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


class Followed:
    """
    Jobs on their way to an end; the watch list says which and when, not the grid.
    """

    absence_is_right: ClassVar[bool] = False


def missing_id(api: Api, rng: random.Random) -> str:
    """
    An id of the API's own form that nobody has.
    """
    return api.profile.id.fresh(rng)


def build_request(
    api: Api, base_url: str, ask: Ask, token: Secret | None, *, user_agent: str
) -> Request:
    """
    The question as a GET of the job endpoint; the token goes along only as the owner.
    """
    headers: tuple[tuple[str, str], ...] = (
        ("Accept", "application/json"),
        ("User-Agent", user_agent),
    )
    credential = ask.credential
    if credential is Credential.INVALID:
        headers = (*headers, api.authorization(api.profile.auth.invalid))
    elif credential is Credential.OWNER and token is not None:
        headers = (*headers, api.authorization(token.reveal()))
    url = api.target(base_url, ask.job_id)
    return Request("GET", url, headers, ask.job_id, ask.subject, credential)


_FAILURES = {
    Reason.DNS: Outcome.DNS,
    Reason.CONNECT: Outcome.CONNECT,
    Reason.BLOCKED: Outcome.CONNECT,
    Reason.TLS: Outcome.TLS,
    Reason.TIMEOUT: Outcome.TIMEOUT,
    Reason.PROTOCOL: Outcome.PROTOCOL,
    Reason.ENCODING: Outcome.PROTOCOL,
    Reason.TOO_LARGE: Outcome.TOO_LARGE,
}


def outcome_of(api: Api, seen: Observation, findings: Sequence[Finding]) -> Outcome:
    """
    How a probe ended: first by what came over the wire, then by the contract.
    """
    failure = seen.exchange.failure
    if failure is not None:
        return _FAILURES[failure.reason]
    code, wanted = seen.code, _right_codes(api, seen)
    if code not in wanted:
        if 200 not in wanted and 200 <= code < 300:
            return Outcome.VIOLATION  # somebody's job, shown to whoever asks
        return _outcome_of_code(code, api)
    if any(finding.breaks(strict=False) for finding in findings):
        return Outcome.VIOLATION
    return Outcome.OK


def _right_codes(api: Api, seen: Observation) -> frozenset[int]:
    if seen.subject is Subject.KNOWN and seen.credential is Credential.OWNER:
        return frozenset({200})
    asked = {seen.subject.value, seen.credential.value}
    profile = api.profile
    refusals = {e.code for e in profile.expected if asked.intersection(e.asked)}
    return frozenset(profile.not_found.codes).union(refusals)


def _outcome_of_code(code: int, api: Api) -> Outcome:
    if code == 429:
        return Outcome.RATE_LIMITED
    if code in api.profile.not_found.codes:
        return Outcome.NOT_FOUND
    if code in (401, 403):
        return Outcome.AUTH
    if 300 <= code < 400:
        return Outcome.REDIRECT
    return Outcome.SERVER_ERROR if code >= 500 else Outcome.UNEXPECTED_CODE
