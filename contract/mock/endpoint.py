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
from urllib.parse import unquote_to_bytes, urlsplit

from jobproof.contract.errors import ConfigError
from jobproof.contract.mock.answer import JSON, Answer, Ask, Caller, Outcome, encode
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.mock.jobs.roll import Roll
from jobproof.contract.mock.jobs.script import read_script
from jobproof.contract.mock.listing import BadQuery, page_of_jobs
from jobproof.contract.mock.registry import find_twists
from jobproof.contract.mock.turn import Memory, Stage, Turn, Twist
from jobproof.contract.model.api import Api

__all__ = ["FAULT_HEADER", "LoggedRequest", "Mock"]

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
        self._roll = Roll(
            api, self.script, seed=seed, started=clock(), per_minute=lively, lives=lives
        )
        self._lock = threading.Lock()
        self._log: deque[LoggedRequest] = deque(maxlen=_LOGGED)
        self._memory = Memory()
        self._faults: tuple[Twist, ...] = ()
        self._variants: tuple[Twist, ...] = ()
        self._job_path = _pattern(self.prefix + api.profile.operation.path, api)
        self.set_variants(*variants)
        self.set_faults(*faults)

    @property
    def token(self) -> str:
        """
        The owner's token.
        """
        return self._roll.tokens[Caller.OWNER]

    @property
    def other_token(self) -> str:
        """
        The other tenant's token.
        """
        return self._roll.tokens[Caller.OTHER]

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
        twists = find_twists(names, of="fault")
        with self._lock:
            self._faults, self._memory = twists, Memory()

    def set_variants(self, *names: str) -> None:
        """
        Be exactly these correct variants from now on.

        Raises:
            ConfigError: A name that no variant has.
        """
        twists = find_twists(names, of="variant")
        with self._lock:
            self._variants = twists

    def respond(self, method: str, target: str, headers: Iterable[tuple[str, str]] = ()) -> Answer:
        """
        Answer one question and write it down.
        """
        ask = Ask(method, target, tuple(headers))
        with self._lock:
            turn = self._turn(ask)
            try:
                turn.twists += find_twists(_names(ask.header(FAULT_HEADER)), of="fault")
            except ConfigError as exc:
                answer = self._plain().saying(400, f"{exc}\n".encode(), "text/plain")
            else:
                answer = self._answer(turn)
            fired = ",".join(turn.fired) or None
            self._log.append(
                LoggedRequest(
                    turn.now, method, target, turn.asked_for, turn.credential, answer.code, fired
                )
            )
        return answer

    def _jobs_of(self, caller: Caller) -> tuple[MockJob, ...]:
        with self._lock:
            self._roll.catch_up(self._clock())
            return self._roll.of(caller)

    def _turn(self, ask: Ask) -> Turn:
        now = self._clock()
        self._roll.catch_up(now)
        turn = Turn(
            ask=ask,
            now=now,
            api=self.api,
            script=self.script,
            roll=self._roll,
            memory=self._memory,
            twists=self._variants + self._faults,
        )
        match = self._job_path.fullmatch(ask.path)
        if match:
            raw = unquote_to_bytes(match.group("job").encode("latin-1", "replace"))
            turn.asked_for = raw.decode("utf-8", "replace")
        turn.credential = self._caller(ask)
        return turn

    def _caller(self, ask: Ask) -> Caller:
        auth = self.api.profile.auth
        value = ask.header(auth.header)
        if value is None:
            return Caller.NONE
        scheme, token = value[: len(auth.prefix)], value[len(auth.prefix) :]
        if scheme.lower() == auth.prefix.lower():
            for caller, own in self._roll.tokens.items():
                if token == own:
                    return caller
        return Caller.INVALID

    def _answer(self, turn: Turn) -> Answer:
        answer = turn.twisted(Stage.ANSWER, self._honest(turn))
        answer = _conditional(answer, turn.ask)
        if turn.ask.method == "HEAD":
            answer = answer.sent(bodyless=True)
        return answer.with_header("Date", formatdate(turn.now, usegmt=True))

    def _honest(self, turn: Turn) -> Answer:
        plain, pages, method = self._plain(), self.script.pages, turn.ask.method
        listing = self.api.profile.listing
        is_listing = listing is not None and turn.ask.path == self.prefix + listing.path
        if turn.asked_for is None and not is_listing:
            turn.outcome = Outcome.PATH
            return turn.page(plain, pages.path)
        if method == "OPTIONS":
            turn.outcome = Outcome.OPTIONS
            return replace(plain.with_header("Allow", _ALLOWED), code=204)
        if method not in ("GET", "HEAD"):
            turn.outcome = Outcome.METHOD
            return turn.page(plain, pages.method).with_header("Allow", _ALLOWED)
        private = plain.with_header("Cache-Control", "private, no-cache")
        private = private.with_header("Vary", self.api.profile.auth.header)
        turn.caller = turn.twisted(Stage.CALLER, turn.credential)
        if not turn.caller.known:
            turn.outcome = Outcome.ANONYMOUS
            return turn.page(private, pages.anonymous)
        return self._list(turn, private) if is_listing else self._job(turn, private)

    def _list(self, turn: Turn, plain: Answer) -> Answer:
        try:
            body = page_of_jobs(turn)
        except BadQuery:
            turn.outcome = Outcome.REQUEST
            return turn.page(plain, self.script.pages.request)
        turn.outcome = Outcome.LISTING
        return plain.saying(200, encode(body), JSON)

    def _job(self, turn: Turn, plain: Answer) -> Answer:
        found = self._roll.find(turn.asked_for or "")
        own = found if found is not None and found.tenant == turn.caller else None
        turn.job = turn.twisted(Stage.JOB, own)
        if turn.job is None:
            turn.outcome = Outcome.UNKNOWN
            return turn.page(plain, self.script.pages.unknown)
        turn.outcome = Outcome.JOB
        polled = turn.ask.method == "GET"
        view = turn.job.poll(turn.now) if polled else turn.job.peek(turn.now)
        turn.view = turn.twisted(Stage.VIEW, view)
        body = turn.twisted(Stage.BODY, turn.view.body(self.script, turn.codec))
        payload = turn.twisted(Stage.PAYLOAD, encode(body))
        tag = hashlib.sha256(payload).hexdigest()[:32]
        return plain.saying(200, payload, turn.media_type(200)).with_header("ETag", f'"{tag}"')

    def _plain(self) -> Answer:
        return Answer(200, tuple(self.script.headers.items()))


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


def _conditional(answer: Answer, ask: Ask) -> Answer:
    tag, known = answer.header("ETag"), ask.header("If-None-Match")
    if answer.code != 200 or tag is None or known is None or ask.method not in ("GET", "HEAD"):
        return answer
    wanted = {item.strip().removeprefix("W/") for item in known.split(",")}
    if known.strip() != "*" and tag.removeprefix("W/") not in wanted:
        return answer
    bare = answer.without("Content-Type").without("Content-Encoding")
    return replace(bare, code=304, body=b"")
