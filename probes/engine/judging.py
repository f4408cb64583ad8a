"""
From an exchange to a result: read the answer, hold it to the contract, name the outcome.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.formats.wording import described
from jobproof.contract.judging.blame import TokenTrust, blaming_nobody, is_refusal
from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Exchange, Reason, Request, Subject
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.history.history import History
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace
from jobproof.probes.result import FOLLOWED, ProbeOutcome, ProbeResult

__all__ = [
    "JudgedResult",
    "RawResult",
    "ResponseHistory",
    "ResultJudge",
    "outcome_of",
    "unjudged",
]

# A target's history is held in memory: at most `jobs` times observations times body.
_LARGEST_BODY = 65_536
# So many probes of one job may be under way at once and still be told apart.
_WINDOW = 4
_MOST_BASELINES = 5


@dataclass(frozen=True, slots=True)
class RawResult:
    """
    A probe as it came back, not judged yet.

    Attributes:
        request: What was asked, even where it couldn't be sent; None where the canary
            failed before there was one.
        intended_at: Wall clock of the slot, Unix seconds.
        lag_s: From the intended start to the actual one.
        elapsed_s: From the actual start to the end.
        exchange: None where our own code failed; `error` says how.
    """

    target: str
    canary: str
    request: Request | None
    intended_at: float
    lag_s: float
    elapsed_s: float
    exchange: Exchange | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedResult:
    """
    A result, and what it was judged by.

    Attributes:
        request: What was asked, as in `RawResult`.
        seen: None where there was nothing to look at.
        trace: What it was judged with; None where nothing was judged.
        checks: The ids of the checks that had their say.
    """

    result: ProbeResult
    request: Request | None
    seen: Observation | None = None
    trace: Trace | None = None
    checks: tuple[str, ...] = ()

    @property
    def earlier(self) -> tuple[Observation, ...]:
        """
        What had to be known of the same job to judge it so, oldest first.
        """
        return self.trace.known if self.trace is not None else ()

    @property
    def baselines(self) -> tuple[Observation, ...]:
        """
        Answers for ids that nobody has, where it was compared with them.
        """
        if self.trace is None:
            return ()
        if _is_compared(self.trace.latest):
            return self.trace.baselines
        # One that has a Date is what one without it is held to.
        return self.trace.baselines[-1:] if _is_undated(self.trace.latest) else ()

    @property
    def staleness_s(self) -> float:
        """
        By which a replica was allowed to be behind.
        """
        return self.trace.staleness_s if self.trace is not None else 0.0


class ResponseHistory:
    """
    What is known of each job.

    Bounded in jobs, and in observations per job; a large body isn't kept.

    Args:
        new: An empty history of one job.
    """

    def __init__(self, new: Callable[[], History], *, jobs: int = 2_000) -> None:
        self._new = new
        self._jobs = jobs
        self._histories: OrderedDict[str, History] = OrderedDict()

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._histories

    def of(self, job_id: str) -> History:
        """
        What is known of this job.
        """
        known = self._histories.get(job_id)
        return self._new() if known is None else known

    def add(self, job_id: str, seen: Observation) -> None:
        """
        Remember one more observation.
        """
        if seen.response is None or len(seen.response.body or b"") > _LARGEST_BODY:
            return
        history = self._histories.setdefault(job_id, self.of(job_id))
        history.add(seen)
        # The job that was idle longest is dropped first.
        self._histories.move_to_end(job_id)
        if len(self._histories) > self._jobs:
            self._histories.popitem(last=False)


@dataclass(slots=True)
class ResultJudge:
    """
    Judges one target's answers, in the order in which they are handed in.

    Attributes:
        load_history: What an earlier run saw of a followed job, oldest first.
        staleness_s: By which a replica may be behind.
    """

    api: Api
    judge: Judge
    token: Secret | None
    load_history: Callable[[str], Iterable[Exchange]] = lambda _job_id: ()
    staleness_s: float = 0.0
    history: ResponseHistory = field(init=False)
    _baselines: dict[Credential, deque[Observation]] = field(default_factory=dict)
    _trust: TokenTrust = field(default_factory=TokenTrust)

    def __post_init__(self) -> None:
        self.history = ResponseHistory(self._no_history)

    def __call__(self, raw: RawResult) -> JudgedResult:
        """
        The probe's result; where our own code fails it is `internal`, never a success.
        """
        if raw.exchange is None:
            return unjudged(raw, raw.error or "nothing came back")
        try:
            return self._judge(raw, raw.exchange)
        except Exception as exc:  # noqa: BLE001 -- counted and shown: outcome `internal`
            message = f"judging failed: {described(exc)}"
            return unjudged(raw, self._masked(message))

    def _judge(self, raw: RawResult, exchange: Exchange) -> JudgedResult:
        request = exchange.request
        seen = self.api.observe(exchange)
        known = self._known(seen, followed=raw.canary == FOLLOWED)
        trace = Trace.after(
            known,
            self.api,
            seen,
            baselines=tuple(self._baselines.get(request.credential, ())),
            token=self._token_in(request),
        )
        judgement = self.judge.find(trace)
        # The others say how the probe ended, and a crash is counted by its own name.
        findings = self._trust.weigh(
            map(blaming_nobody, judgement.findings), seen, self._token_in(request)
        )
        # Remembered after it is judged: an answer must not be compared with itself.
        self._remember(seen)
        status = seen.job.status if seen.job is not None else None
        result = _result(
            raw,
            outcome_of(self.api, seen, findings),
            findings=findings,
            job_status=status if isinstance(status, str) else None,
            dropped=judgement.dropped,
        )
        checks = tuple([check.id for check in judgement.asked])
        return JudgedResult(result, raw.request, seen, trace, checks)

    def _token_in(self, request: Request) -> str | None:
        # One that is renewed is in the request alone.
        sent = request.token if request.credential is Credential.OWNER else None
        return sent or (self.token.reveal() if self.token is not None else None)

    def _no_history(self) -> History:
        return self.judge.history_of(self.api, staleness_s=self.staleness_s, window=_WINDOW)

    def _known(self, seen: Observation, *, followed: bool) -> History:
        job_id = seen.asked_for
        if not job_id or not _is_owners_view(seen):
            return self._no_history()
        # Only followed jobs are written down; memory knows the others of this run better.
        if followed and job_id not in self.history:
            for exchange in self.load_history(job_id):
                self.history.add(job_id, self.api.observe(exchange))
        return self.history.of(job_id)

    def _remember(self, seen: Observation) -> None:
        if seen.response is None or seen.intermediary is not None:
            return
        if _is_owners_view(seen) and seen.asked_for:
            self.history.add(seen.asked_for, seen)
        # A 429, a 5xx or a token that isn't accepted says nothing of how a missing job is denied.
        elif seen.subject is Subject.MISSING and _denies(seen.code) and not _is_refused(seen):
            kept = self._baselines.setdefault(seen.credential, deque(maxlen=_MOST_BASELINES))
            kept.append(seen)

    def _masked(self, message: str) -> str:
        return Redactor([self.token] if self.token is not None else []).text(message)


def unjudged(raw: RawResult, why: str) -> JudgedResult:
    """
    A probe that nobody judges: `internal`, never a success.
    """
    return JudgedResult(_result(raw, ProbeOutcome.INTERNAL, error=why), raw.request)


def _is_refused(seen: Observation) -> bool:
    return seen.credential is Credential.OWNER and is_refusal(seen)


def _denies(code: int) -> bool:
    return 400 <= code < 500 and code not in (408, 425, 429)


def _is_undated(seen: Observation) -> bool:
    return seen.response is not None and seen.response.known_header("date") is None


def _is_compared(seen: Observation) -> bool:
    # An outage is known by an endpoint that has answered before.
    return seen.subject is Subject.FOREIGN or seen.code == 503


def _is_owners_view(seen: Observation) -> bool:
    return seen.subject is Subject.KNOWN and seen.credential is Credential.OWNER


def _result(
    raw: RawResult,
    outcome: ProbeOutcome,
    *,
    findings: tuple[Finding, ...] = (),
    job_status: str | None = None,
    error: str | None = None,
    dropped: int = 0,
) -> ProbeResult:
    return ProbeResult(
        target=raw.target,
        canary=raw.canary,
        outcome=outcome,
        intended_at=raw.intended_at,
        duration_s=raw.lag_s + raw.elapsed_s,
        lag_s=raw.lag_s,
        exchange=raw.exchange,
        findings=findings,
        job_status=job_status,
        error=error,
        dropped=dropped,
    )


_FAILURES = {
    Reason.DNS: ProbeOutcome.DNS,
    Reason.CONNECT: ProbeOutcome.CONNECT,
    # An address that the client refuses to connect to; to the outside there is no connection.
    Reason.BLOCKED: ProbeOutcome.CONNECT,
    Reason.TLS: ProbeOutcome.TLS,
    Reason.TIMEOUT: ProbeOutcome.TIMEOUT,
    Reason.PROTOCOL: ProbeOutcome.PROTOCOL,
    Reason.ENCODING: ProbeOutcome.PROTOCOL,
    Reason.TOO_LARGE: ProbeOutcome.TOO_LARGE,
}


def outcome_of(api: Api, seen: Observation, findings: Sequence[Finding]) -> ProbeOutcome:
    """
    How a probe ended: first by what came over the wire, then by the contract.
    """
    failure = seen.exchange.failure
    if failure is not None:
        return _FAILURES[failure.reason]
    if seen.intermediary is not None:  # not the API's word: no success, no refusal of a token
        return ProbeOutcome.SERVER_ERROR if seen.code >= 500 else ProbeOutcome.UNEXPECTED_CODE
    # The code goes before the findings: a 500 breaks checks too, and `server_error` says more.
    if not _is_right(api, seen):
        if not _is_owners_view(seen) and 200 <= seen.code < 300:
            return ProbeOutcome.VIOLATION  # somebody's job, shown to whoever asks
        return _outcome_of_code(seen)
    if any(finding.breaks(strict=False) for finding in findings):
        return ProbeOutcome.VIOLATION
    return ProbeOutcome.OK


def _is_right(api: Api, seen: Observation) -> bool:
    if seen.code >= 500:
        return False  # whoever asks, for whatever, and whoever expects it
    if _is_owners_view(seen):
        return seen.code in api.profile.job_codes
    expected = api.expected_code(seen.code, seen.subject, seen.credential, method=seen.method)
    if expected is not None and not expected.asked and _says_later(seen.code):
        return False  # right for anybody, but no answer to what was asked
    return seen.is_not_found or expected is not None


def _says_later(code: int) -> bool:
    return code in (408, 429) or code >= 500


def _outcome_of_code(seen: Observation) -> ProbeOutcome:
    code = seen.code
    if code == 429:
        return ProbeOutcome.RATE_LIMITED
    if seen.is_not_found:
        return ProbeOutcome.NOT_FOUND
    if code in (401, 403):
        return ProbeOutcome.AUTH
    if 300 <= code < 400:
        return ProbeOutcome.REDIRECT
    return ProbeOutcome.SERVER_ERROR if code >= 500 else ProbeOutcome.UNEXPECTED_CODE
