"""
The mocked endpoint itself: a question in, an answer out; no socket.
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
from jobproof.contract.mock.answer import JSON, AnswerKind, Caller, MockAnswer, MockRequest, encode
from jobproof.contract.mock.behaviour import Behaviour, Hook, JobMemory, RequestContext
from jobproof.contract.mock.jobs.job_store import JobStore
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.mock.jobs.script import read_script
from jobproof.contract.mock.listing import BadQuery, page_of_jobs
from jobproof.contract.mock.registry import find_behaviours
from jobproof.contract.model.api import Api

__all__ = ["FAULT_HEADER", "LoggedRequest", "Mock", "MockOptions"]

FAULT_HEADER = "X-Mock-Fault"
"""Names faults (comma-separated) for this one request."""

_LOGGED = 200_000
_ALLOWED = "GET, HEAD, OPTIONS"


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """
    One question the mock was asked.

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
    What a mock may be told, as `Mock` explains it.
    """

    faults: Iterable[str]
    variants: Iterable[str]
    seed: int
    clock: Callable[[], float]
    lively: float
    lives: Iterable[str]


class Mock:
    """
    One API's endpoint with two tenants and scripted jobs. Safe to ask from many threads.

    Args:
        faults: Names of faults to have from the start.
        variants: Names of correct variants to be.
        seed: Same seed, same ids and tokens.
        clock: Unix seconds.
        lively: New jobs in a minute.
        lives: More jobs for the owner, by their lives' names.

    Raises:
        ConfigError: No `mock.yaml`, or an unknown fault, variant or life.
    """

    def __init__(
        self,
        api: Api,
        *,
        faults: Iterable[str] = (),
        variants: Iterable[str] = (),
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        lively: float = 0.0,
        lives: Iterable[str] = (),
    ) -> None:
        self.api = api
        self.script = read_script(api)
        self.prefix = urlsplit(api.profile.server).path.rstrip("/")
        self._clock = clock
        self._job_store = JobStore(
            api, self.script, seed=seed, started=clock(), per_minute=lively, lives=lives
        )
        self._lock = threading.Lock()
        self._log: deque[LoggedRequest] = deque(maxlen=_LOGGED)
        self._memory = JobMemory()
        self._faults: tuple[Behaviour, ...] = ()
        self._variants: tuple[Behaviour, ...] = ()
        self._job_path = _pattern(self.prefix + api.profile.operation.path, api)
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
        What was asked so far, oldest first.
        """
        with self._lock:
            return list(self._log)

    def set_faults(self, *names: str) -> None:
        """
        Have exactly these faults from now on; their counters start anew.

        Raises:
            ConfigError: A name that no fault has.
        """
        behaviours = find_behaviours(names, of="fault")
        with self._lock:
            self._faults, self._memory = behaviours, JobMemory()

    def set_variants(self, *names: str) -> None:
        """
        Be exactly these correct variants from now on.

        Raises:
            ConfigError: A name that no variant has.
        """
        behaviours = find_behaviours(names, of="variant")
        with self._lock:
            self._variants = behaviours

    def respond(
        self, method: str, target: str, headers: Iterable[tuple[str, str]] = ()
    ) -> MockAnswer:
        """
        Answer one question and write it down.
        """
        ask = MockRequest(method, target, tuple(headers))
        with self._lock:
            context = self._context(ask)
            try:
                context.behaviours += find_behaviours(_names(ask.header(FAULT_HEADER)), of="fault")
            except ConfigError as exc:
                answer = self._plain().saying(400, f"{exc}\n".encode(), "text/plain")
            else:
                answer = self._answer(context)
            fired = ",".join(context.fired) or None
            self._log.append(
                LoggedRequest(
                    context.now,
                    method,
                    target,
                    context.asked_for,
                    context.credential,
                    answer.code,
                    fired,
                )
            )
        return answer

    def _jobs_of(self, caller: Caller) -> tuple[MockJob, ...]:
        with self._lock:
            self._job_store.catch_up(self._clock())
            return self._job_store.of(caller)

    def _context(self, ask: MockRequest) -> RequestContext:
        now = self._clock()
        self._job_store.catch_up(now)
        context = RequestContext(
            ask=ask,
            now=now,
            api=self.api,
            script=self.script,
            job_store=self._job_store,
            memory=self._memory,
            behaviours=self._variants + self._faults,
        )
        match = self._job_path.fullmatch(ask.path)
        if match:
            raw = unquote_to_bytes(match.group("job").encode("latin-1", "replace"))
            context.asked_for = raw.decode("utf-8", "replace")
        context.credential = self._caller(ask)
        return context

    def _caller(self, ask: MockRequest) -> Caller:
        auth = self.api.profile.auth
        value = ask.header(auth.header)
        if value is None:
            return Caller.NONE
        scheme, token = value[: len(auth.prefix)], value[len(auth.prefix) :]
        if scheme.lower() == auth.prefix.lower():
            for caller, own in self._job_store.tokens.items():
                if token == own:
                    return caller
        return Caller.INVALID

    def _answer(self, context: RequestContext) -> MockAnswer:
        answer = context.changed_by(Hook.ANSWER, self._honest(context))
        answer = _conditional(answer, context.ask)
        if context.ask.method == "HEAD":
            answer = answer.sent(bodyless=True)
        return answer.with_header("Date", formatdate(context.now, usegmt=True))

    def _honest(self, context: RequestContext) -> MockAnswer:
        plain, pages, method = self._plain(), self.script.pages, context.ask.method
        listing = self.api.profile.listing
        is_listing = listing is not None and context.ask.path == self.prefix + listing.path
        if context.asked_for is None and not is_listing:
            context.outcome = AnswerKind.PATH
            return context.page(plain, pages.path)
        if method == "OPTIONS":
            context.outcome = AnswerKind.OPTIONS
            return replace(plain.with_header("Allow", _ALLOWED), code=204)
        if method not in ("GET", "HEAD"):
            context.outcome = AnswerKind.METHOD
            return context.page(plain, pages.method).with_header("Allow", _ALLOWED)
        private = plain.with_header("Cache-Control", "private, no-cache")
        private = private.with_header("Vary", self.api.profile.auth.header)
        context.caller = context.changed_by(Hook.CALLER, context.credential)
        if not context.caller.known:
            context.outcome = AnswerKind.ANONYMOUS
            return context.page(private, pages.anonymous)
        return self._list(context, private) if is_listing else self._job(context, private)

    def _list(self, context: RequestContext, plain: MockAnswer) -> MockAnswer:
        try:
            body = page_of_jobs(context)
        except BadQuery:
            context.outcome = AnswerKind.REQUEST
            return context.page(plain, self.script.pages.request)
        context.outcome = AnswerKind.LISTING
        return plain.saying(200, encode(body), JSON)

    def _job(self, context: RequestContext, plain: MockAnswer) -> MockAnswer:
        found = self._job_store.find(context.asked_for or "")
        own = found if found is not None and found.tenant == context.caller else None
        context.job = context.changed_by(Hook.JOB, own)
        if context.job is None:
            context.outcome = AnswerKind.UNKNOWN
            return context.page(plain, self.script.pages.unknown)
        context.outcome = AnswerKind.JOB
        polled = context.ask.method == "GET"
        view = context.job.poll(context.now) if polled else context.job.peek(context.now)
        context.view = context.changed_by(Hook.VIEW, view)
        body = context.changed_by(Hook.BODY, context.view.body(self.script, context.codec))
        payload = context.changed_by(Hook.PAYLOAD, encode(body))
        tag = hashlib.sha256(payload).hexdigest()[:32]
        return plain.saying(200, payload, context.media_type(200)).with_header("ETag", f'"{tag}"')

    def _plain(self) -> MockAnswer:
        return MockAnswer(200, tuple(self.script.headers.items()))


def _pattern(template: str, api: Api) -> re.Pattern[str]:
    own = "{" + api.profile.operation.parameter + "}"
    parts = re.split(r"(\{[^}]*\})", template)
    return re.compile(
        "".join(
            "(?P<job>[^/]*)" if part == own else "[^/]+" if part[:1] == "{" else re.escape(part)
            for part in parts
        )
    )


def _names(header: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (header or "").split(",") if name.strip())


def _conditional(answer: MockAnswer, ask: MockRequest) -> MockAnswer:
    tag, known = answer.header("ETag"), ask.header("If-None-Match")
    if answer.code != 200 or tag is None or known is None or ask.method not in ("GET", "HEAD"):
        return answer
    wanted = {item.strip().removeprefix("W/") for item in known.split(",")}
    if known.strip() != "*" and tag.removeprefix("W/") not in wanted:
        return answer
    bare = answer.without("Content-Type").without("Content-Encoding")
    return replace(bare, code=304, body=b"")
