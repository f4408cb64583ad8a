"""
One request and its answer, as values.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from jobproof.contract.formats.headers import (
    HeaderPairs,
    first_values,
    header_value,
    header_values,
    repeated_names,
)
from jobproof.contract.formats.secrets.redaction import Redactor, is_masked, is_sensitive, scheme_of
from jobproof.contract.formats.secrets.token_place import TokenPlace, cookies_in, queried
from jobproof.contract.model.manners.manner import Manner

__all__ = [
    "LONGEST_UNTIMED_S",
    "Credential",
    "Exchange",
    "NotRecorded",
    "Phases",
    "Reason",
    "Request",
    "Response",
    "Subject",
    "TransportFailure",
]


LONGEST_UNTIMED_S = 30.0
"""For how long an exchange may have gone on that nobody timed: clients seldom wait longer."""


class NotRecorded(Exception):
    """
    A recorder left out what somebody asks for: it may have been there, or not.
    """


class Subject(StrEnum):
    """
    What the client knows about the id in its request.
    """

    KNOWN = "known"
    """A job that belongs to the credential."""
    MISSING = "missing"
    """A well-formed id that nobody has: a fresh random one."""
    MALFORMED = "malformed"
    """A hostile string that is no id at all."""
    ALTERED = "altered"
    """A known id with something done to it: trimmed, shortened, padded."""
    RECASED = "recased"
    """A known id in the other letter case."""
    FOREIGN = "foreign"
    """A job that exists and belongs to somebody else."""
    DISGUISED = "disguised"
    """The id of somebody else's job in another spelling."""
    UNSTATED = "unstated"
    """Recorded traffic: nobody said."""


class Credential(StrEnum):
    """
    By whose right the request is made.
    """

    OWNER = "owner"
    """The token that was given to us."""
    NONE = "none"
    """No token at all."""
    INVALID = "invalid"
    """A token that can't be right."""
    UNSTATED = "unstated"


@dataclass(frozen=True, slots=True)
class Request:
    """
    What is sent, and what the client knows about the job it is for.

    Attributes:
        url: Absolute, percent-encoded; as sent.
        headers: Name and value pairs as sent, `Authorization` included.
        job_id: The id before percent-encoding; None where the request is for no job.
        token_at: Where a token stands, if there is one; None where nobody said.
        secret_at: Where other secrets stand: place, and name (of a header in small letters).
        has_all_headers: Whether no header was sent but these; a browser adds some that its
            recorder doesn't see.
        manner: How the question is put; plain also where nobody said.
        may_choose: Whether it says more than the id, which may choose another representation.
    """

    method: str
    url: str = field(repr=False)  # may hold the token, too
    headers: HeaderPairs = field(default=(), repr=False)
    job_id: str | None = None
    subject: Subject = Subject.UNSTATED
    credential: Credential = Credential.UNSTATED
    token_at: TokenPlace | None = None
    secret_at: frozenset[tuple[str, str]] = frozenset()
    has_all_headers: bool = True
    manner: Manner = Manner.PLAIN
    may_choose: bool = False

    def header(self, name: str) -> str | None:
        """
        The first value sent under `name` (any case), or None.

        Raises:
            NotRecorded: There is none, and not all that were sent are known.
        """
        value = header_value(self.headers, name)
        if value is None and not self.has_all_headers:
            raise NotRecorded(f"the request's {name}")
        return value

    @property
    def credentials(self) -> tuple[str, ...]:
        """
        The secrets that it carries; a token that can't be right is none.
        """
        sent = (value for name, value in self.headers if self._is_secret(name))
        found = [value.removeprefix(scheme_of(value)) for value in sent]
        if self._is_secret("cookie"):
            # Each by itself: an answer that gives one back doesn't give back the whole header.
            found += [value for _, value in cookies_in(self.headers)]
        found += queried(self.url, self._secret_parameters)
        if self.token_at is not None and self.token_at.is_pair and not self._shows_invalid_token:
            # It travels in base64, and an answer may name it as it was read.
            pair = self.token or ""
            found += [pair, pair.partition(":")[2]]
        return tuple(dict.fromkeys(filter(None, found)))

    @property
    def token(self) -> str | None:
        """
        What stands in the place for a token, as in `TokenPlace.read`; None where nobody said which.
        """
        if self.token_at is None:
            return None
        query = self.url.partition("?")[2].partition("#")[0]
        return self.token_at.read(self.headers, query)

    @property
    def carries_token(self) -> bool:
        """
        Whether the asker has sent a token of his own, known or masked by a recorder.
        """
        if self.credential in (Credential.INVALID, Credential.NONE):
            return False
        # Of headers that weren't recorded the client may still have said that it was there.
        is_told = self.credential is Credential.OWNER and not self.has_all_headers
        if is_told or self.token is not None:
            return True
        # Of masked cookies not even the names are left.
        in_cookie = self.token_at is not None and self.token_at.place == "cookie"
        return in_cookie and any(map(is_masked, header_values(self.headers, "cookie")))

    def redacted(self, redactor: Redactor) -> Request:
        """
        The same without secrets; asking again needs a token that can't be right, so it stays.
        """
        at = self.token_at
        is_shown = self._shows_invalid_token and (at is None or at.place == "query")
        # What every question in that manner adds is nobody's secret.
        added = self.manner.spec.query_text
        own = self.url.removesuffix(added)
        url = redactor.url(own, self._secret_parameters, foreign=not is_shown)
        url += added if own != self.url else ""
        headers = tuple(
            (redactor.text(name), self._redacted_value(name, value, redactor))
            for name, value in self.headers
        )
        job_id = None if self.job_id is None else redactor.text(self.job_id)
        return replace(self, url=url, headers=headers, job_id=job_id)

    def _redacted_value(self, name: str, value: str, redactor: Redactor) -> str:
        spec, at = self.manner.spec, self.token_at
        is_ours = (name, value) in spec.headers
        if spec.value is not None and at is not None and name.lower() == at.header:
            is_ours = value == (spec.value or at.prefix).strip()
        if is_ours:
            return value
        if self._holds_invalid_token(name):
            return redactor.text(value, foreign=False)
        return redactor.header(name, value, secret=("header", name.lower()) in self._secret_keys)

    @property
    def _secret_keys(self) -> frozenset[tuple[str, str]]:
        if self.token_at is None or self._shows_invalid_token:
            return self.secret_at
        return self.secret_at | {self.token_at.key}

    @property
    def _secret_parameters(self) -> list[str]:
        return [name for place, name in self._secret_keys if place == "query"]

    def _is_secret(self, header: str) -> bool:
        if self._holds_invalid_token(header):
            return False
        return is_sensitive(header) or ("header", header.lower()) in self._secret_keys

    def _holds_invalid_token(self, header: str) -> bool:
        at = self.token_at
        return self._shows_invalid_token and (at is None or header.lower() == at.header)

    @property
    def _shows_invalid_token(self) -> bool:
        # One that was made of a real one tells too much of it.
        return self.credential is Credential.INVALID and self.manner.spec.token is None


@dataclass(frozen=True)
class Response:
    """
    Any HTTP answer, 5xx included.

    Attributes:
        headers: Name and value pairs in wire order, spelled as received.
        body: Decoded bytes (after `Content-Encoding`), up to the client's cap; None where a
            recorder left them out, which is not the same as a body without a byte.
        raw: Bytes as they came (before `Content-Encoding`), same cap; None as with `body`.
        http_version: "1.0", "1.1", "2" or "3".
        has_all_headers: Whether no header came but these.
    """

    code: int
    headers: HeaderPairs = ()
    body: bytes | None = b""
    raw: bytes | None = b""
    http_version: str = "1.1"
    has_all_headers: bool = True

    def header(self, name: str) -> str | None:
        """
        The first value received under `name` (any case), or None.

        Raises:
            NotRecorded: There is none, and not all that came are known.
        """
        value = self._first_values.get(name.lower())
        if value is None and not self.has_all_headers:
            raise NotRecorded(f"the answer's {name}")
        return value

    def known_header(self, name: str) -> str | None:
        """
        The same for who doesn't judge; None also where nobody knows.
        """
        return self._first_values.get(name.lower())

    @cached_property
    def names(self) -> frozenset[str]:
        """
        The names of the headers that came, in lower case.
        """
        return frozenset(self._first_values)

    @cached_property
    def repeated(self) -> frozenset[str]:
        """
        The names, in lower case, that came more than once.
        """
        is_once = len(self._first_values) == len(self.headers)
        return frozenset() if is_once else repeated_names(self.headers)

    @cached_property
    def head(self) -> str:
        """
        All names and values, each in a line of its own: for who looks for something anywhere.
        """
        return "\n".join([part for pair in self.headers for part in pair])

    @cached_property
    def _first_values(self) -> dict[str, str]:
        # Each check looks some up: two dozen times a judgement.
        return first_values(self.headers)

    def header_values(self, name: str) -> tuple[str, ...]:
        """
        All values received under `name` (any case), in order.

        Raises:
            NotRecorded: As with `header`.
        """
        if not self.repeated and (value := self._first_values.get(name.lower())) is not None:
            return (value,)
        values = header_values(self.headers, name)
        if not values and not self.has_all_headers:
            raise NotRecorded(f"the answer's {name}")
        return values

    @property
    def recorded_body(self) -> bytes:
        """
        The body.

        Raises:
            NotRecorded: A recorder left it out.
        """
        if self.body is None:
            raise NotRecorded("the answer's body")
        return self.body

    def need_all_headers(self) -> None:
        """
        For who compares names, to whom a header that wasn't seen is none that is absent.

        Raises:
            NotRecorded: Not all that came are known.
        """
        if not self.has_all_headers:
            raise NotRecorded("the answer's headers")

    def redacted(self, redactor: Redactor) -> Response:
        """
        The same without secrets.
        """
        # What nobody could decode nobody can search for secrets, so it goes as well.
        body = None if self.body is None else redactor.content(self.body)
        # What decodes to a body without secrets holds none either.
        raw = self.raw if body is not None and body == self.body else body
        return replace(self, headers=redactor.headers(self.headers), body=body, raw=raw)


class Reason(StrEnum):
    """
    Why there is no whole answer: a closed set.
    """

    DNS = "dns"
    CONNECT = "connect"
    BLOCKED = "blocked"
    """The address that the name resolved to is refused by the IP policy."""
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    """Bytes came that aren't HTTP, or fewer or more than were announced."""
    ENCODING = "encoding"
    """The body doesn't decode as its `Content-Encoding` says."""
    TOO_LARGE = "too_large"
    """The decoded body passed the cap and was cut there."""


@dataclass(frozen=True, slots=True)
class TransportFailure:
    """
    No whole answer came.

    Attributes:
        detail: One line for a person; never holds a header or a secret.
        partial: The head, and the body so far, where a head did arrive; of a body that
            passed the cap, the first 64 KiB.
    """

    reason: Reason
    detail: str
    partial: Response | None = None

    def redacted(self, redactor: Redactor) -> TransportFailure:
        """
        The same without secrets.
        """
        partial = self.partial.redacted(redactor) if self.partial is not None else None
        if partial is not None:
            partial = replace(partial, raw=partial.body)  # more may have come than was decoded
        return replace(self, detail=redactor.text(self.detail), partial=partial)


@dataclass(frozen=True, slots=True)
class Phases:
    """
    Where the time went, in seconds, each phase by itself; 0.0 where it didn't happen.
    """

    resolve: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    wait: float = 0.0
    transfer: float = 0.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    One request and what came of it.

    Attributes:
        started_at: Wall clock at the first byte's sending, Unix seconds.
        elapsed_s: Seconds from start to the last byte or the failure (monotonic).
        remote_ip: The address actually connected to; None if none was.
        reused: Whether the connection had carried an earlier request.
        is_timed: Whether `elapsed_s` was measured; where it wasn't, it is 0.
        certificate_expires_at: `notAfter` of the leaf, Unix seconds; None without TLS.
    """

    request: Request
    answer: Response | TransportFailure
    started_at: float
    elapsed_s: float
    phases: Phases = Phases()
    remote_ip: str | None = None
    reused: bool = False
    certificate_expires_at: float | None = None
    is_timed: bool = True

    @property
    def response(self) -> Response | None:
        """
        The whole answer, or None where none came.
        """
        return self.answer if isinstance(self.answer, Response) else None

    @property
    def failure(self) -> TransportFailure | None:
        """
        Why no whole answer came, or None where one did.
        """
        return self.answer if isinstance(self.answer, TransportFailure) else None

    @property
    def ended_at(self) -> float:
        """
        Wall clock when the answer was whole, Unix seconds.
        """
        # Not read off the wall clock, which may be set back in between.
        return self.started_at + self.elapsed_s

    @property
    def over_by(self) -> float:
        """
        Wall clock when the answer was whole for certain, Unix seconds.
        """
        return self.ended_at if self.is_timed else self.started_at + LONGEST_UNTIMED_S

    def redacted(self, redactor: Redactor) -> Exchange:
        """
        The same without the redactor's secrets, and without those that the request carries.
        """
        wider = redactor.also(self.request.credentials)
        return replace(
            self, request=self.request.redacted(wider), answer=self.answer.redacted(wider)
        )
