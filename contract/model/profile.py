"""
What OpenAPI cannot say about a job endpoint: where things live, and how a job lives.

A profile is data (`profile.yaml` in an API's folder). Every promise in it carries a
`basis` and a `source`, so that a finding can say where the promise stands written.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from jobproof.contract.formats.addresses.urls import BaseUrl
from jobproof.contract.formats.durations import Duration
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.parameter_value import ParameterValue
from jobproof.contract.formats.strict_model import StrictModel
from jobproof.contract.model.acceptance.accepted import Policy
from jobproof.contract.model.finding import Basis
from jobproof.contract.model.status_rules import Pointer, StatusRule, text_keys

__all__ = [
    "AskedBy",
    "Auth",
    "Cadence",
    "Codec",
    "ExpectedCode",
    "Id",
    "JobFailure",
    "Limit",
    "Listing",
    "Phase",
    "Profile",
    "Promise",
    "StatusWord",
    "Timestamp",
    "TransitionRule",
]


class Phase(StrEnum):
    """
    What a status word means for whoever waits.
    """

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """
        Whether the job's life is over.
        """
        return self is not Phase.PENDING


class Codec(StrEnum):
    """
    How a point in time is written.
    """

    RFC3339 = "rfc3339"
    UNIX = "unix"
    """Seconds since 1970."""
    UNIX_MS = "unix_ms"
    """Milliseconds since 1970."""


class Promise(StrictModel):
    """
    Where a promise stands written.
    """

    basis: Basis
    source: str


class OperationRef(StrictModel):
    """
    Which operation of the document is the job endpoint.
    """

    path: str
    method: Literal["get"] = "get"
    parameter: str


class Auth(StrictModel):
    """
    How a token travels, where the document doesn't say it, or says it wrong.
    """

    header: str = "Authorization"
    prefix: str = "Bearer "
    invalid: str = "jobproof-invalid-token"
    """A token of the right form that can't be right."""
    required: Promise | None = None
    """Who says that nobody gets in without a token; else the document's `security` decides."""


class Id(Promise):
    """
    Where the job's id stands in the body, and what ids look like.
    """

    at: Pointer
    shape: Literal["uuid", "token", "integer"] = "uuid"
    alphabet: str = Field(default="0123456789abcdef", min_length=2)
    prefix: str = ""
    length: int = Field(default=24, ge=8, le=200)
    case_insensitive: bool | None = None
    """Ids that differ in letter case only name the same job; as a rule, UUIDs do (RFC 9562 4)."""

    @property
    def any_case(self) -> bool:
        """
        Whether ids that differ in letter case only name the same job.
        """
        return self.shape == "uuid" if self.case_insensitive is None else self.case_insensitive

    def fresh(self, rng: random.Random) -> str:
        """
        A well-formed id that nobody has, as it stands in the path.
        """
        if self.shape == "uuid":
            return str(uuid.UUID(int=rng.getrandbits(128), version=4))
        if self.shape == "integer":  # where counting never gets, and still exact in a double
            return str(rng.randrange(2**52, 2**53))
        return self.prefix + "".join(rng.choice(self.alphabet) for _ in range(self.length))

    def spelled(self, found: Json) -> Json:
        """
        An id out of a body as it stands in the path; what is no such id comes back as it is.
        """
        if self.shape == "integer" and isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        return found


class StatusWord(StrictModel):
    """
    One status: its phase, its rank in the order of life, its colour on pages.
    """

    phase: Phase
    rank: int = 0
    meaning: str = ""
    colour: str = "#8e8e8e"
    waits_unbounded: bool = False
    """A status whose length no documented limit covers."""
    source: str | None = Field(default=None, min_length=1)
    """Where it stands written, if the document's enumeration lacks it."""


class TransitionRule(Promise):
    """
    A step that the ranks alone would call wrong.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    verdict: Literal["legal", "tolerated", "illegal"]


class Limit(Promise):
    """
    How long a job may stay unfinished, by the vendor's own word.
    """

    name: str
    after: Duration
    verdict: Literal["violation", "drift"]
    unobserved_wait: Duration = 0.0
    """Slack for waiting that nobody saw: time before the first sight may be unbounded."""


class Statuses(Promise):
    """
    Where the status stands, and its words.
    """

    at: Pointer = ""
    words: Annotated[dict[str, StatusWord], BeforeValidator(text_keys)]
    rules: tuple[StatusRule, ...] = ()
    """The first one that holds names the word."""
    otherwise: str | None = None
    """The word where no rule holds; without it such an answer has no status."""
    backward: Promise
    """The promise that a job doesn't move to a lower rank."""
    terminal: Promise
    """The promise that an ended job stays ended."""
    moves: tuple[TransitionRule, ...] = ()
    limits: tuple[Limit, ...] = ()

    @property
    def place(self) -> str:
        """
        Where findings about the status point.
        """
        return self.at or "status"

    @cached_property
    def headers(self) -> tuple[str, ...]:
        """
        The headers that tell the status, beside the body.
        """
        conditions = (condition for rule in self.rules for condition in rule.when)
        return tuple(sorted({c.header.lower() for c in conditions if c.header is not None}))

    @model_validator(mode="after")
    def _is_told_in_one_way(self) -> Self:
        if bool(self.at) == bool(self.rules):
            raise ValueError("say where the status stands, by `at`, or what tells it, by `rules`")
        if self.otherwise is not None and not self.rules:
            raise ValueError("`otherwise` goes with `rules`")
        return self


class Timestamp(StrictModel):
    """
    A point in a job's life, and with which statuses it must and may stand.

    `required_in` and `allowed_in` name statuses; None means that nothing is promised.
    """

    at: Pointer
    codec: Codec = Codec.RFC3339
    required_in: tuple[str, ...] | None = None
    allowed_in: tuple[str, ...] | None = None
    required: Promise | None = None
    allowed: Promise | None = None
    ends_life: bool = True
    """Whether it marks the end of the job: it can't lie before the creation."""


class Times(Promise):
    """
    When a job was created, and its later points in time.
    """

    created: Pointer
    codec: Codec = Codec.RFC3339
    later: tuple[Timestamp, ...] = ()
    skew: Duration = 60.0
    """How far a server's clock may be ahead of its own Date header or ours."""


class JobResult(Promise):
    """
    What a finished job has to show.
    """

    at: tuple[Pointer, ...]
    proof: tuple[Pointer, ...]
    """At least one of these is present and non-empty when the job has succeeded."""
    required_in: tuple[str, ...]
    links: tuple[Pointer, ...] = ()
    """Where URLs stand: a string, a list, a map or objects with a `url`."""
    schemes: tuple[str, ...] = ("https",)
    early_in: tuple[str, ...] = ()
    """Unfinished statuses in which something may already be shown (previews)."""


class JobFailure(Promise):
    """
    Where the reason of a failure stands.
    """

    at: tuple[Pointer, ...]
    required_in: tuple[str, ...] = ()
    allowed_in: tuple[str, ...] = ()
    allowed: Promise
    """The promise that no reason stands elsewhere."""


class NotFound(Promise):
    """
    How the endpoint says that there is no such job.
    """

    codes: tuple[Annotated[int, Field(ge=400, le=499)], ...] = Field(default=(404,), min_length=1)


AskedBy = Literal[
    "known", "missing", "malformed", "altered", "recased", "foreign", "owner", "none", "invalid"
]


class ExpectedCode(Promise):
    """
    A code that is right although the document doesn't list it, in the vendor's own words; what
    HTTP itself lets a server answer needs no entry.
    """

    code: int = Field(ge=100, le=599)
    asked: tuple[AskedBy, ...] = ()
    """Subjects (`malformed`) or credentials (`none`, `invalid`); empty: any."""
    description: str


class Cadence(StrictModel):
    """
    How often one may ask.
    """

    poll: Duration
    slowest: Duration = 60.0
    requests_per_minute: float = Field(default=12.0, gt=0)


class Latency(Promise):
    """
    How fast an answer should be.
    """

    budget: Duration


class BodyLimit(Promise):
    """
    How large an answer may be, in bytes after decoding.
    """

    limit: int = Field(gt=0)


class Listing(Promise):
    """
    The sibling operation that lists jobs, for finding ids to follow.
    """

    path: str
    items: Pointer
    id: Pointer
    status: Pointer
    cursor: Pointer | None = None
    cursor_parameter: str = "cursor"
    status_parameter: str | None = None
    limit_parameter: str | None = None


class Profile(StrictModel):
    """
    Everything about one job API that its OpenAPI document cannot say.
    """

    api: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    document: str
    operation: OperationRef
    server: BaseUrl
    token_env: str = "JOBPROOF_TOKEN"  # noqa: S105 -- the name of a variable
    auth: Auth = Auth()
    parameters: dict[str, ParameterValue] = Field(default_factory=dict)
    """Values of the operation's parameters besides the job's id."""
    headers: dict[str, ParameterValue] = Field(default_factory=dict)
    """What every request carries besides its token."""
    id: Id
    status: Statuses
    times: Times | None = None
    result: JobResult | None = None
    failure: JobFailure | None = None
    not_found: NotFound
    expected: tuple[ExpectedCode, ...] = ()
    given: tuple[Pointer, ...] = ()
    """What was settled when a job was created, or once on its way: once there, it stays."""
    declared_elsewhere: tuple[Pointer, ...] = ()
    """Keys that the document lacks and the vendor is known to send: no drift."""
    volatile: tuple[Pointer, ...] = ()
    """Places in a result that may change after a job's end all the same (counters, expiry)."""
    frozen: tuple[Pointer, ...] = ()
    """Places beside status, result and failure that stay as they are once a job has ended."""
    cadence: Cadence
    latency: Latency
    body: BodyLimit
    listing: Listing | None = None
    policy: Policy = Policy()

    @cached_property
    def job_codes(self) -> frozenset[int]:
        """
        The codes under which a job is shown: 200, and those that a rule of the status names.
        """
        conditions = (condition for rule in self.status.rules for condition in rule.when)
        return frozenset({200, *(c.code for c in conditions if c.code is not None)})

    def is_not_found(self, code: int) -> bool:
        """
        Whether an answer with that code says that there is no such job.
        """
        return code in self.not_found.codes

    @model_validator(mode="after")
    def _words_are_known(self) -> Self:
        words = self.status.words
        if not any(word.phase.terminal for word in words.values()):
            raise ValueError("status.words has no terminal status: polling would never end")
        for place, used in self._used_words():
            for word in used:
                if word not in words:
                    problem = f"{place} names the status {word!r}, which status.words doesn't have"
                    raise ValueError(problem)
        if "{" + self.operation.parameter + "}" not in self.operation.path:
            where = f"operation.path {self.operation.path!r} has no {{{self.operation.parameter}}}"
            raise ValueError(f"{where}: the parameter must stand in the path")
        return self

    def _used_words(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for index, rule in enumerate(self.status.rules):
            yield f"status.rules[{index}]", (rule.word,)
        if self.status.otherwise is not None:
            yield "status.otherwise", (self.status.otherwise,)
        for index, move in enumerate(self.status.moves):
            yield f"status.moves[{index}]", move.before + move.after
        for index, time in enumerate(self.times.later if self.times else ()):
            yield f"times.later[{index}]", (time.required_in or ()) + (time.allowed_in or ())
        if self.result:
            yield "result", self.result.required_in + self.result.early_in
        if self.failure:
            yield "failure", self.failure.required_in + self.failure.allowed_in
