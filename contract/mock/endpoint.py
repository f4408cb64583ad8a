"""
The mocked endpoint itself: a request in, an answer out; no socket.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TypedDict
from urllib.parse import unquote_to_bytes, urlsplit

from jobproof.contract.errors import ConfigError
from jobproof.contract.mock.answer import (
    AnswerKind,
    Caller,
    MockAnswer,
    MockRequest,
    encode_json,
)
from jobproof.contract.mock.behaviour import Behaviour, BehaviourMemory, Hook, RequestContext
from jobproof.contract.mock.jobs.job_store import JobStore
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.mock.jobs.script import Script, read_script
from jobproof.contract.mock.listing import BadQuery, page_of_jobs
from jobproof.contract.mock.registry import find_behaviours
from jobproof.contract.model.api import Api
from jobproof.contract.openapi.security import SecurityKind

__all__ = ["FAULT_HEADER", "LoggedRequest", "Mock", "MockOptions"]

FAULT_HEADER = "X-Mock-Fault"
"""Names faults (comma-separated) for this one request."""

# Bounded, since a mock may run for days under load; the oldest entries go first.
_LOG_LIMIT = 200_000
_ALLOWED_METHODS = "GET, HEAD, OPTIONS"
_CHALLENGES = {SecurityKind.BEARER: "Bearer", SecurityKind.BASIC: 'Basic realm="api"'}


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """
    One request that the mock has answered.

    Attributes:
        at: Unix seconds on the mock's clock.
        target: As it stood on the request line.
        job_id: The id in the path, percent-decoded; None where there is none.
        credential: Whose token it was.
        fault: The faults and variants that changed this answer; None for none.
    """

    at: float
    method: str
    target: str
    job_id: str | None
    credential: Caller
    code: int
    fault: str | None


class MockOptions(TypedDict, total=False):
    """
    The options of a mock, as `Mock` explains them.
    """

    faults: Iterable[str | Behaviour]
    variants: Iterable[str | Behaviour]
    seed: int
    clock: Callable[[], float]
    jobs_per_minute: float
    lives: Iterable[str]
    script: Script | None
    ids: Iterable[str]


class Mock:
    """
    One API's endpoint with two tenants and scripted jobs. Safe to use from many threads.

    Args:
        faults: Faults to have from the start, by name or as they are.
        variants: Correct variants to be, by name or as they are.
        seed: Same seed, same ids and tokens.
        clock: Unix seconds.
        jobs_per_minute: New jobs in a minute.
        lives: More jobs for the owner, by their lives' names.
        script: What it says and how its jobs live; None for the API's `mock.yaml`.
        ids: Of the owner's first jobs; those of others are drawn.

    Raises:
        ConfigError: No `mock.yaml`, or an unknown fault, variant or life.
    """

    def __init__(
        self,
        api: Api,
        *,
        faults: Iterable[str | Behaviour] = (),
        variants: Iterable[str | Behaviour] = (),
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        jobs_per_minute: float = 0.0,
        lives: Iterable[str] = (),
        script: Script | None = None,
        ids: Iterable[str] = (),
    ) -> None:
        self.api = api
        self.script = read_script(api) if script is None else script
        self.prefix = urlsplit(api.profile.server).path.rstrip("/")
        self._clock = clock
        self._job_store = JobStore(
            api,
            self.script,
            seed=seed,
            started=clock(),
            jobs_per_minute=jobs_per_minute,
            lives=lives,
            ids=ids,
        )
        self._lock = threading.Lock()
        self._log: deque[LoggedRequest] = deque(maxlen=_LOG_LIMIT)
        self._memory = BehaviourMemory()
        self._faults: tuple[Behaviour, ...] = ()
        self._variants: tuple[Behaviour, ...] = ()
        self._job_path = self._path_of(api.profile.operation.path)
        listing = api.profile.listing
        self._listing_path = self._path_of(listing.path) if listing is not None else None
        self.set_variants(*variants)
        self.set_faults(*faults)

    @property
    def token(self) -> str:
        """
        The owner's token.
        """
        return self._job_store.tokens[Caller.OWNER]

    @property
    def other_token(self) -> str:
        """
        The other tenant's token.
        """
        return self._job_store.tokens[Caller.OTHER]

    @property
    def jobs(self) -> tuple[MockJob, ...]:
        """
        The owner's jobs.
        """
        return self._jobs_of(Caller.OWNER)

    @property
    def foreign_jobs(self) -> tuple[MockJob, ...]:
        """
        The other tenant's jobs.
        """
        return self._jobs_of(Caller.OTHER)

    @property
    def log(self) -> list[LoggedRequest]:
        """
        The requests so far, oldest first.
        """
        with self._lock:
            return list(self._log)

    def set_faults(self, *names: str | Behaviour) -> None:
        """
        Have exactly these faults from now on; their counters start anew.

        Raises:
            ConfigError: A name that no fault has.
        """
        behaviours = find_behaviours(names, of="fault")
        with self._lock:
            self._faults, self._memory = behaviours, BehaviourMemory()

    def set_variants(self, *names: str | Behaviour) -> None:
        """
        Be exactly these correct variants from now on.

        Raises:
            ConfigError: A name that no variant has.
        """
        behaviours = find_behaviours(names, of="variant")
        with self._lock:
            self._variants = behaviours

    def respond(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        *,
        connection: int = 0,
        turn: int = 1,
    ) -> MockAnswer:
        """
        Answer one request and log it; the last two as in `MockRequest`.
        """
        request = MockRequest(method, target, tuple(headers), connection, turn)
        # One at a time: a fault that comes every 20th time counts on an order.
        with self._lock:
            context = self._context(request)
            names = _fault_names(request.header(FAULT_HEADER))
            try:
                context.behaviours += find_behaviours(names, of="fault")
            except ConfigError as exc:
                answer = self._base_answer().with_content(400, f"{exc}\n".encode(), "text/plain")
            else:
                answer = self._answer(context)
            self._log.append(_log_entry(context, answer))
        return answer

    def _jobs_of(self, caller: Caller) -> tuple[MockJob, ...]:
        with self._lock:
            self._job_store.generate_due_jobs(self._clock())
            return self._job_store.owned_by(caller)

    def _context(self, request: MockRequest) -> RequestContext:
        now = self._clock()
        self._job_store.generate_due_jobs(now)
        context = RequestContext(
            request=request,
            now=now,
            api=self.api,
            script=self.script,
            job_store=self._job_store,
            memory=self._memory,
            behaviours=self._variants + self._faults,
        )
        match = self._job_path.fullmatch(request.path)
        if match:
            # The target was read as Latin-1, a character a byte: so it becomes bytes again.
            raw = unquote_to_bytes(match.group("job").encode("latin-1", "replace"))
            context.job_id = raw.decode("utf-8", "replace")
        context.credential = self._credential_of(request)
        return context

    def _challenged(self, refusal: MockAnswer) -> MockAnswer:
        """
        The refusal, with the challenge that a script may have left out: a 401 has one.
        """
        if refusal.code != 401 or refusal.header("WWW-Authenticate") is not None:
            return refusal
        kinds = {one.kind for each in self.api.operation.security.alternatives for one in each}
        known = [challenge for kind, challenge in _CHALLENGES.items() if kind in kinds]
        return refusal.with_header("WWW-Authenticate", ", ".join(known)) if known else refusal

    def _path_of(self, template: str) -> re.Pattern[str]:
        return re.compile(re.escape(self.prefix) + self.api.pattern_of(template))

    def _credential_of(self, request: MockRequest) -> Caller:
        token = self.api.access.token_at.read(request.headers, request.query)
        if token is None:
            return Caller.NONE
        for caller, callers_token in self._job_store.tokens.items():
            if token == callers_token:
                return caller
        return Caller.INVALID

    def _answer(self, context: RequestContext) -> MockAnswer:
        dated = self._correct_answer(context).with_header(
            "Date", formatdate(context.now, usegmt=True)
        )
        before = len(context.triggered)
        answer = context.apply_behaviours(Hook.ANSWER, dated)
        # After the behaviours: what they do to a 200 must show in its tag and its HEAD too.
        answer = _apply_if_none_match(answer, context.request)
        if answer == _apply_if_none_match(dated, context.request):
            del context.triggered[before:]  # a 304 shows nothing of what was changed
        if context.request.method == "HEAD":
            answer = answer.with_wire(omit_body=True)
        return answer

    def _correct_answer(self, context: RequestContext) -> MockAnswer:
        base, pages, method = self._base_answer(), self.script.pages, context.request.method
        listing = self._listing_path
        is_listing = listing is not None and listing.fullmatch(context.request.path) is not None
        # Path and method come before the token: they say nothing about any job.
        if context.job_id is None and not is_listing:
            context.answer_kind = AnswerKind.PATH
            return context.fixed_answer(base, pages.path)
        if method == "OPTIONS":
            context.answer_kind = AnswerKind.OPTIONS
            return replace(base.with_header("Allow", _ALLOWED_METHODS), code=204)
        if method not in ("GET", "HEAD"):
            context.answer_kind = AnswerKind.METHOD
            # RFC 9110 15.5.6: a 405 must list the allowed methods.
            refusal = context.fixed_answer(base, pages.method)
            return refusal.with_header("Allow", _ALLOWED_METHODS)
        private = base.with_header("Cache-Control", "private, no-cache")
        vary = self.api.access.token_at.header
        private = private.with_header("Vary", vary.title()) if vary else private
        context.caller = context.apply_behaviours(Hook.CALLER, self._admitted(context.credential))
        if not context.caller.known:
            context.answer_kind = AnswerKind.ANONYMOUS
            return self._challenged(context.fixed_answer(private, pages.anonymous))
        if is_listing:
            return self._listing_answer(context, private)
        return self._job_answer(context, private)

    def _admitted(self, credential: Caller) -> Caller:
        # Where no token is asked for there is one tenant for everybody who shows none.
        anybody = not self.api.access.is_required and credential is Caller.NONE
        return Caller.OWNER if anybody else credential

    def _listing_answer(self, context: RequestContext, base: MockAnswer) -> MockAnswer:
        try:
            body = page_of_jobs(context)
        except BadQuery:
            context.answer_kind = AnswerKind.REQUEST
            return context.fixed_answer(base, self.script.pages.request)
        context.answer_kind = AnswerKind.LISTING
        return base.with_json(200, body)

    def _job_answer(self, context: RequestContext, base: MockAnswer) -> MockAnswer:
        found = self._job_store.find(context.job_id or "")
        # A foreign job looks like none: a 403 would tell that the id exists.
        own = found if found is not None and found.tenant == context.caller else None
        context.job = context.apply_behaviours(Hook.JOB, own)
        if context.job is None:
            context.answer_kind = AnswerKind.UNKNOWN
            return context.fixed_answer(base, self.script.pages.unknown)
        context.answer_kind = AnswerKind.JOB
        # Looking must not move a job: a HEAD beside a GET has to find the same body.
        polled = context.request.method == "GET"
        view = context.job.poll(context.now) if polled else context.job.peek(context.now)
        context.view = context.apply_behaviours(Hook.VIEW, view)
        body = context.apply_behaviours(Hook.BODY, context.view.body(self.script, context.codec))
        payload = context.apply_behaviours(Hook.PAYLOAD, encode_json(body))
        tag = hashlib.sha256(payload).hexdigest()[:32]
        answer = base.with_content(200, payload, context.media_type(200))
        return answer.with_header("ETag", f'"{tag}"')

    def _base_answer(self) -> MockAnswer:
        return MockAnswer(200, tuple(self.script.headers.items()))


def _log_entry(context: RequestContext, answer: MockAnswer) -> LoggedRequest:
    return LoggedRequest(
        at=context.now,
        method=context.request.method,
        target=context.request.target,
        job_id=context.job_id,
        credential=context.credential,
        code=answer.code,
        fault=",".join(context.triggered) or None,
    )


def _fault_names(header: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (header or "").split(",") if name.strip())


def _apply_if_none_match(answer: MockAnswer, request: MockRequest) -> MockAnswer:
    tag, condition = answer.header("ETag"), request.header("If-None-Match")
    if answer.code != 200 or tag is None or condition is None or answer.is_settled:
        return answer
    if request.method not in ("GET", "HEAD"):
        return answer
    # RFC 9110 13.1.2: tags are compared weakly, so W/ makes no difference.
    known_tags = {item.strip().removeprefix("W/") for item in condition.split(",")}
    if condition.strip() != "*" and tag.removeprefix("W/") not in known_tags:
        return answer
    # A 304 has no content, and these two would speak of it.
    bare = answer.without_header("Content-Type").without_header("Content-Encoding")
    whole = replace(answer.wire, declared_length=None, truncated_at=None)
    return replace(bare, code=304, body=b"", wire=whole)
