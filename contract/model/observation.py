"""
One exchange with its body read: what there is to see in an answer.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice

from jobproof.contract.formats.addresses.id_spellings import Spelling, spelling_of
from jobproof.contract.formats.http_date import read_http_date
from jobproof.contract.formats.json_body import JsonBody, is_json_type, read_body
from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json, frozen
from jobproof.contract.model.exchange import Credential, Exchange, Response, Subject
from jobproof.contract.model.intermediary.marks import mark_of
from jobproof.contract.model.job import Job, JobReader
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.profile import Profile
from jobproof.contract.openapi.document import Operation
from jobproof.contract.openapi.schema import Content, ResponseSpec, SchemaError

__all__ = ["Observation", "Observer", "ParsedBody", "media_type_of"]

# Together 2 MiB of bodies at most for each API.
_MOST_CACHED = 128
_MOST_CACHED_BYTES = 16_384
# One wrong type in a long list fails once an item; ten tell what is wrong.
_MOST_ERRORS = 10
_MOST_UNDECLARED = 1_000
# What a body is called where nobody said what it is, or that it is a page.
_SHAPELESS = ("", "text/html", "text/plain", "application/octet-stream")
_PLAIN_ID = re.compile(r"[\w -]*", re.ASCII)
# A recording doesn't say whose token it holds, so it is taken for the owner's.
_AUTHORISED = (Credential.OWNER, Credential.UNSTATED)


@dataclass(frozen=True)
class ParsedBody:
    """
    What an answer says, whenever and to whomever it was given.

    Attributes:
        spec: What the document says of this code, or None.
        content: What the document says of this code and media type, or None.
        body: The body as JSON; None where there is none to read (HEAD, 204, 206, 304, no answer),
            or where what the document says, or the head, is something else than JSON.
        held_to: The documented content that the body has to be; None where the document has
            no JSON for it.
        job: The job in a 200; None elsewhere, or where the body holds none.
    """

    spec: ResponseSpec | None = None
    content: Content | None = None
    body: JsonBody | None = None
    held_to: Content | None = None
    job: Job | None = None

    @cached_property
    def is_validated(self) -> bool:
        """
        Whether the document has a schema for the body that not every body would pass.
        """
        return self.body is not None and self.held_to is not None and self.held_to.constrains

    @cached_property
    def schema_errors(self) -> tuple[SchemaError, ...]:
        """
        What the document's schema doesn't allow in the body; the first few.
        """
        if self.held_to is None or self.body is None:
            return ()
        value = self.body.whole_value
        # NaN is a null to the validator, and json_numbers_are_finite speaks of it.
        errors = (
            error
            for error in self.held_to.errors(value)
            if error.found is not None or pick(value, error.at) is None
        )
        return tuple(islice(errors, _MOST_ERRORS))

    @cached_property
    def undeclared(self) -> tuple[tuple[str, str, frozenset[str]], ...]:
        """
        Keys of the body that the document doesn't name: pointer, key, and the names
        declared at that place; the first thousand.
        """
        if self.held_to is None or self.body is None:
            return ()
        return tuple(islice(self.held_to.undeclared(self.body.value), _MOST_UNDECLARED))

    @cached_property
    def undeclared_more(self) -> int:
        """
        How many more of them there are.
        """
        if len(self.undeclared) < _MOST_UNDECLARED or self.held_to is None or self.body is None:
            return 0
        return self.held_to.count_undeclared(self.body.value) - len(self.undeclared)


_NO_BODY = ParsedBody()


@dataclass(frozen=True, slots=True)
class Observation:
    """
    An exchange with its body read.

    Attributes:
        exchange: The request and what came of it, as values.
        response: The whole answer, or None.
        media_type: In lower case, without parameters; "" where the header is missing.
        spec: What the document says of this code, or None.
        content: What the document says of this code and media type, or None.
        body: The body as JSON; None where there is none to read, as in `ParsedBody`.
        job: The job in a 200; None elsewhere, or where the body holds none.
        is_not_found: The answer says that there is no such job, by the profile's codes.
        parsed_body: What the body says, the same for each answer of the same code, media type and
            bytes.
        intermediary: Who answers in the API's place, and the evidence of it; None where it is
            the API, as far as is known. Then the answer says nothing of the API.
    """

    exchange: Exchange
    response: Response | None
    media_type: str
    # Not properties that lead to `parsed_body`: checks look at them a hundred times a judgement.
    spec: ResponseSpec | None
    content: Content | None
    body: JsonBody | None
    job: Job | None
    is_not_found: bool
    parsed_body: ParsedBody = field(repr=False, compare=False)
    intermediary: str | None = None

    def from_intermediary(self, evidence: str) -> Observation:
        """
        The same answer, now that it is known not to be the API's.
        """
        return replace(self, intermediary=evidence, is_not_found=False, job=None)

    @property
    def code(self) -> int:
        """
        The HTTP code; 0 where no whole answer came.
        """
        return self.response.code if self.response else 0

    @property
    def subject(self) -> Subject:
        """
        What the client knew of the id.
        """
        return self.exchange.request.subject

    @property
    def credential(self) -> Credential:
        """
        By whose right the request was made.
        """
        return self.exchange.request.credential

    @property
    def manner(self) -> Manner:
        """
        How the question was put.
        """
        return self.exchange.request.manner

    @property
    def method(self) -> str:
        """
        The request's method.
        """
        return self.exchange.request.method

    @property
    def told_at(self) -> float:
        """
        When the answer was made, Unix seconds: by its Date, or when it was asked for, if earlier.
        """
        asked_at = self.exchange.started_at
        text = self.response.known_header("date") if self.response is not None else None
        stated = read_http_date(text, now=asked_at) if text is not None else None
        return min(asked_at, stated) if stated is not None else asked_at

    @property
    def asked_for(self) -> str | None:
        """
        The id in the request, before percent-encoding.
        """
        return self.exchange.request.job_id

    @property
    def authorised(self) -> bool:
        """
        Whether the client may see the job, as far as is known.
        """
        return self.exchange.request.credential in _AUTHORISED

    def spelling_of(self, found: Json) -> Spelling:
        """
        What the id that was asked for is to the one that was found.
        """
        asked = self.asked_for
        if asked is None or not isinstance(found, str):
            return Spelling.OTHER
        return spelling_of(asked, found, as_sent=asked in self.exchange.request.url)

    @property
    def has_hostile_id(self) -> bool:
        """
        Whether anybody on the way may refuse the id or lead it elsewhere: a string that is none,
        or one altered by more than letters, digits and blanks.
        """
        # Asked by a dozen checks of every answer, so it goes no detours.
        subject = self.exchange.request.subject
        if subject is Subject.ALTERED or subject is Subject.DISGUISED:
            return _PLAIN_ID.fullmatch(self.asked_for or "") is None
        return subject is Subject.MALFORMED

    @property
    def speaks_for_document(self) -> bool:
        """
        Whether the body is to be held to the document. A hostile id may end up on
        another route, whose answer the operation's document doesn't describe, and what is asked
        for besides may have chosen a representation that it doesn't list.
        """
        if self.exchange.request.may_choose and self.content is None and self.media_type:
            return False
        if not self.has_hostile_id:
            return True
        if self.job is not None:
            return self.job.id is not None
        return is_json_type(self.media_type) and not _leaves_route(self.asked_for or "")

    @property
    def is_view(self) -> bool:
        """
        Whether this is a plain sight of a job by somebody who may see it.
        """
        # Asked of the whole history at each judgement, so it goes no detours.
        request = self.exchange.request
        return (
            self.job is not None
            and request.method == "GET"
            and request.credential in _AUTHORISED
            and request.manner is Manner.PLAIN
        )


class Observer:
    """
    Reads answers; one that was read before, byte for byte, isn't read again, nor held to
    the document's schema again: an endpoint under watch says the same thing all day.
    """

    __slots__ = (
        *("_lock", "_operation", "_parsed_bodies"),
        *("_profile", "_reader", "_telling_headers"),
    )

    def __init__(self, operation: Operation, profile: Profile, reader: JobReader) -> None:
        self._operation = operation
        self._profile = profile
        self._reader = reader
        self._parsed_bodies: dict[tuple[object, ...], ParsedBody] = {}
        # All targets of an API share it, whichever thread reads their answers.
        self._lock = threading.Lock()
        self._telling_headers = profile.status.headers

    def __call__(self, exchange: Exchange) -> Observation:
        """
        The answer of `exchange`, read as far as it can be read.
        """
        response = exchange.response
        if response is None:
            return _observation(exchange, None, "", _NO_BODY)
        stated = response.known_header("content-type")
        media_type = _plain(stated or "")
        # The method belongs to it: HEAD has the head of a GET and no body to read.
        told = tuple([response.known_header(name) for name in self._telling_headers])
        is_whole = response.has_all_headers  # a status that a header tells isn't known without it
        key = (response.code, stated, exchange.request.method, response.body, told, is_whole)
        parsed_body = self._parsed_bodies.get(key)
        if parsed_body is None:
            parsed_body = self._read(exchange, response, media_type)
            if len(response.body or b"") <= _MOST_CACHED_BYTES:
                with self._lock:
                    if len(self._parsed_bodies) >= _MOST_CACHED:
                        del self._parsed_bodies[next(iter(self._parsed_bodies))]  # the oldest
                    self._parsed_bodies[key] = parsed_body
        is_not_found = self._profile.is_not_found(response.code)
        seen = _observation(exchange, response, media_type, parsed_body, is_not_found=is_not_found)
        evidence = _intermediary(seen, response)
        return seen if evidence is None else seen.from_intermediary(evidence)

    def _read(self, exchange: Exchange, response: Response, media_type: str) -> ParsedBody:
        spec = self._operation.response_for(response.code)
        # With its parameters: two contents may differ in a profile or a version alone.
        content = spec.content_for(response.known_header("content-type") or "") if spec else None
        body, held_to = None, None
        # A part of a body is no JSON.
        data = None if response.code in (204, 206, 304) else response.body
        if exchange.request.method == "GET" and data is not None:
            if spec is not None and spec.contents:
                body, held_to = _documented_body(data, media_type, spec, content)
            # Undocumented, it is what its own head says; but an outage page may call itself
            # anything, and a redirect has no body to speak of.
            elif is_json_type(media_type) and (spec is not None or response.code // 100 in (2, 4)):
                body = _shown(data)
        job = None
        # Only these codes are promised to be a job; an error may have an id and a status as well.
        if response.code in self._profile.job_codes:
            job = self._job(response, body)
        return ParsedBody(spec, content, body, held_to, job)

    def _job(self, response: Response, body: JsonBody | None) -> Job | None:
        code, headers = response.code, response.headers
        # A status that a header may tell isn't known without it.
        if not response.has_all_headers and self._telling_headers:
            return None
        if body is not None and body.readable:
            return self._reader.read(body.value, code=code, headers=headers)
        # Where the code alone tells the status, as 303 may, the body need not say a word.
        if code != 200 and response.body is not None and not response.body.strip():
            return self._reader.read({}, code=code, headers=headers)
        return None


def _observation(
    exchange: Exchange,
    response: Response | None,
    media_type: str,
    read: ParsedBody,
    *,
    is_not_found: bool = False,
) -> Observation:
    return Observation(
        *(exchange, response, media_type, read.spec, read.content, read.body, read.job),
        is_not_found,
        read,
    )


def _intermediary(seen: Observation, response: Response) -> str | None:
    is_read = seen.body is not None and seen.body.readable
    if is_read and 200 <= response.code < 300:
        return None  # a job, or what the API has in its place
    is_json = is_read or (seen.body is None and is_json_type(seen.media_type))
    mark = mark_of(response, is_json=is_json)
    # A hostile id may be refused by whoever sees it first.
    if mark is None or (mark.refuses and seen.has_hostile_id):
        return None
    return mark.evidence


def media_type_of(response: Response) -> str:
    """
    The media type in lower case, without parameters; "" where the header is missing.
    """
    return _plain(response.known_header("content-type") or "")


def _leaves_route(job_id: str) -> bool:
    # A server that decodes before it routes, or a proxy that tidies the path, takes
    # these to another route.
    folded = job_id.lower()
    return folded in ("", ".", "..") or any(s in folded for s in ("/", "\\", "%2f", "%5c"))


def _documented_body(
    data: bytes, media_type: str, spec: ResponseSpec, content: Content | None
) -> tuple[JsonBody | None, Content | None]:
    """
    The body as JSON where it has to be JSON, and the content that it is held to.
    """
    if content is not None:
        is_json = _promises_json(content, media_type)
        return (_shown(data), content) if is_json else (None, None)
    json_contents = [c for c in spec.contents if is_json_type(_plain(c.media_type))]
    held_to = json_contents[0] if json_contents else None
    # Where all that is documented is JSON it is read whatever its Content-Type says: one wrong
    # header would hide the body from every check.
    if is_json_type(media_type) or len(json_contents) == len(spec.contents):
        return _shown(data), held_to
    if held_to is None:
        return None, None
    body = _shown(data)
    # It may have been meant as one of the other types, so it is JSON only if it looks like it.
    return (body, held_to) if isinstance(body.value, dict | list) else (None, None)


def _shown(data: bytes) -> JsonBody:
    # Every check is shown the same value, and a plug-in's may try to change it.
    body = read_body(data)
    return replace(body, value=frozen(body.value))


def _promises_json(content: Content, media_type: str) -> bool:
    stated = _plain(content.media_type)
    if "*" not in stated:
        return is_json_type(stated)
    # `*/*` promises no JSON, so the head decides; but what a schema gives names to is no page.
    return is_json_type(media_type) or (bool(content.declared) and media_type in _SHAPELESS)


def _plain(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
