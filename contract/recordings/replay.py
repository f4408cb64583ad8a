"""
Recorded traffic, judged offline by the same judge.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from jobproof.contract.formats.secrets.redaction import Redactor, is_masked
from jobproof.contract.judging.blame import TokenTrust, blaming_nobody
from jobproof.contract.judging.check_reach import Lack
from jobproof.contract.judging.coverage import Coverage
from jobproof.contract.judging.judge import CRASHED, Judge, Judgement
from jobproof.contract.model.api import Api
from jobproof.contract.model.check import Check
from jobproof.contract.model.exchange import Credential, Exchange, Request, Subject
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace
from jobproof.contract.model.verdict import FindingGroup, FindingTally, Verdict, conclude
from jobproof.contract.plugins import load_checks
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.held import HeldExchanges, Packer, RecordedJob
from jobproof.contract.recordings.live_judgement import LiveJudgement, StoredFinding
from jobproof.contract.recordings.recorded import Recorded, Skipped, SkipReason
from jobproof.contract.recordings.source import read_recordings

__all__ = ["RecordedRun", "judge_recordings"]

_MOST_BASELINES = 8
"""How many answers to an unknown id another answer is compared with."""
_MOST_LOST = 1_000
_Moment = tuple[str, float, float, str]
_MOST_TOKENS = 256
"""How many askers' tokens are masked wherever they stand, and not only in their own exchanges."""


@dataclass(slots=True)
class SkippedEntries:
    """
    What wasn't judged: how many entries for each reason, and the first of them.
    """

    counts: Counter[SkipReason] = field(default_factory=Counter)
    first: dict[SkipReason, str] = field(default_factory=dict)

    def add(self, skipped: Skipped) -> None:
        """
        Count one more.
        """
        self.counts[skipped.reason] += 1
        if skipped.where:
            told = f"{skipped.where}: {skipped.detail}" if skipped.detail else skipped.where
            self.first.setdefault(skipped.reason, told)

    def first_of(self, reason: SkipReason) -> str | None:
        """
        Where the first one is, and what is wrong with it.
        """
        return self.first.get(reason)


@dataclass(slots=True)
class RecordedRun:
    """
    What recordings added up to.

    Attributes:
        paths: Of the recordings, as they were named.
        base_url: The only server that was judged by the user's own word; None without one.
        judged: How many exchanges were about a job of this API.
        servers: Whose exchanges these were.
        lost: What was said of answers when they came, and can't be judged again; the first few.
        in_doubt: How many answers refused a token that may have been revoked.
    """

    api: Api
    checks: tuple[Check, ...]
    coverage: Coverage
    paths: tuple[Path, ...] = ()
    strict: bool = False
    staleness_s: float = 0.0
    base_url: str | None = None
    judged: int = 0
    skipped: SkippedEntries = field(default_factory=SkippedEntries)
    servers: tuple[str, ...] = ()
    lost: dict[StoredFinding, None] = field(default_factory=dict)
    in_doubt: int = 0
    _live: dict[_Moment, LiveJudgement] = field(default_factory=dict)
    _tally: FindingTally = field(default_factory=FindingTally)
    _tokens: dict[str, None] = field(default_factory=dict)

    @property
    def groups(self) -> tuple[FindingGroup, ...]:
        """
        What was found, each piece of news once.
        """
        return self.coverage.of_looked(self._tally.groups())

    @property
    def stalest(self) -> Finding | None:
        """
        The finding of the answer that was most behind.
        """
        return self._tally.stalest

    @property
    def redactor(self) -> Redactor:
        """
        Masks the askers' tokens in whatever is said about the recordings.
        """
        at = self.api.access.token_at
        tokens = [secret for token in self._tokens for secret in at.secrets_in(token)]
        return Redactor((*tokens, *self.api.values.secrets))

    @property
    def verdict(self) -> Verdict:
        """
        Broken if a promise is; else inconclusive where too little was recorded.
        """
        found = [one.first for one in self.groups]
        return conclude(found, missing=self.missing(), strict=self.strict)

    def missing(self) -> tuple[str, ...]:
        """
        What a verdict would need that no recording holds, in words.
        """
        if not self.judged:
            return ("no exchange is about a job",)
        broken = sum(one.breaks(strict=self.strict) for one in self.lost)
        lost = (f"broken promises that can't be judged again: {broken}",) if broken else ()
        return (*self.coverage.missing_of_recordings(), *lost, *self._untold())

    def _untold(self) -> Iterator[str]:
        firsts = [one.first for one in self._tally.groups()]
        crashed = dict.fromkeys(first.pointer for first in firsts if first.check == CRASHED)
        if crashed:
            yield f"checks that failed by themselves: {', '.join(crashed)}"
        if self.in_doubt:
            yield "a token was refused, and nobody can tell whether it had been revoked"

    def lack(self, check: Check) -> Lack | None:
        """
        What the recordings lacked for `check` to look at an answer; None where it did.
        """
        lack = self.coverage.lack(check)
        # Here nobody can give anything.
        return lack and replace(lack, text=lack.text.removesuffix(" (--foreign-job)"))

    def hear(self, base: str, exchange: Exchange, live: LiveJudgement) -> None:
        """
        Keep what was said of an exchange when it came, until it is judged.
        """
        self._live[_moment(base, exchange)] = live
        # Recordings are one history: a replica was allowed to be as far behind in all of it.
        self.staleness_s = max(self.staleness_s, live.staleness_s)

    def weigh(
        self, base: str, seen: Observation, judgement: Judgement, trust: TokenTrust
    ) -> Judgement:
        """
        The same, where a check that crashed and a token that may have been revoked blame nobody,
        and what is left open thereby counts as not looked at.

        What was said of a refusal when it came was said with more before one.
        """
        plain = tuple(map(blaming_nobody, judgement.findings))
        live = self._live.get(_moment(base, seen.exchange))
        weighed = trust.weigh(plain, seen, seen.exchange.request.token or None)
        if live is not None:
            proven = {one.check for one in live.findings if one.kind == Kind.VIOLATION.value}
            weighed = tuple(
                before if before.check in proven else after
                for before, after in zip(plain, weighed, strict=True)
            )
        doubted = {f.check for f, before in zip(weighed, plain, strict=True) if f is not before}
        self.in_doubt += bool(doubted)
        looked = tuple(check for check in judgement.looked if check.id not in doubted)
        return replace(judgement, findings=weighed, looked=looked)

    def compare(self, base: str, exchange: Exchange, findings: Iterable[Finding]) -> None:
        """
        Keep what was said of an exchange when it came and isn't said now, for want of its grounds.
        """
        live = self._live.get(_moment(base, exchange))
        for one in live.lost(findings) if live is not None else ():
            if len(self.lost) < _MOST_LOST:
                self.lost[one] = None

    def note(self, findings: Iterable[Finding], token: str | None) -> None:
        """
        Count what was found in one exchange.
        """
        if token is not None and len(self._tokens) < _MOST_TOKENS:
            self._tokens[token] = None
        for finding in findings:
            self._tally.add(finding)


def judge_recordings(
    api: Api,
    paths: Sequence[Path],
    *,
    base_url: str | None = None,
    strict: bool = False,
    staleness_s: float = 0.0,
) -> RecordedRun:
    """
    Judge every exchange about a job in recordings, which together are one history.

    Args:
        base_url: Where the API is. Without it: where the document says, if anybody asked there;
            else wherever somebody asked.
        staleness_s: How far a replica may be behind, in seconds.

    Raises:
        RecordingError: A recording can't be read; in one line that begins with its path.
        ConfigError: The base URL can't be read.
    """
    endpoint = EndpointFilter(api, base_url)
    judge = Judge(load_checks())
    run = RecordedRun(
        api,
        judge.checks,
        Coverage(api, judge.checks),
        tuple(paths),
        strict=strict,
        staleness_s=staleness_s,
        base_url=base_url,
    )
    held, baselines = HeldExchanges(), _Baselines(api)
    pages: Counter[str] = Counter()
    for item in read_recordings(paths, endpoint):
        if isinstance(item, Skipped):
            run.skipped.add(item)
            continue
        exchange = _with_job(api, endpoint, item, is_bound=base_url is not None)
        if exchange is None:
            run.skipped.add(Skipped(SkipReason.OTHER_ADDRESS, ""))
            continue
        held.add(item.base, _job_key(api, exchange), exchange)
        if item.live is not None:
            run.hear(item.base, exchange, item.live)
        baselines.add(item.base, exchange)
        pages[item.base] += _is_page(exchange)
    counts = held.servers
    page_servers = {server for server, count in counts.items() if pages[server] == count}
    run.servers = tuple(_judged_servers(counts, endpoint, page_servers))
    for server, count in counts.items():
        if server not in run.servers:
            run.skipped.counts[SkipReason.OTHER_ADDRESS] += count
    for job in held.drain(run.servers):
        _judge_job(job, run, judge, baselines)
    return run


def _judge_job(job: RecordedJob, run: RecordedRun, judge: Judge, baselines: _Baselines) -> None:
    api = run.api
    history, trust = judge.history_of(api, staleness_s=run.staleness_s), TokenTrust()
    for exchange in job.exchanges:
        seen = api.observe(exchange)
        token = _token_in(exchange.request)
        trace = Trace.after(
            history, api, seen, baselines=baselines.before(job.base, seen), token=token
        )
        judgement = run.weigh(job.base, seen, judge.judge(trace), trust)
        run.judged += 1
        run.note(judgement.findings, token)
        run.compare(job.base, exchange, judgement.findings)
        run.coverage.add(seen, judgement)
        if seen.intermediary is None:
            history.add(seen)


def _moment(base: str, exchange: Exchange) -> _Moment:
    return base, exchange.started_at, exchange.elapsed_s, exchange.request.url


def _judged_servers(
    servers: Iterable[str], endpoint: EndpointFilter, page_servers: Container[str]
) -> list[str]:
    """
    Those that the document states, if anybody asked them; else all, but not those that show
    nothing but pages beside an API's own answers.
    """
    found = sorted(servers)
    documented = [server for server in found if endpoint.is_documented(server)]
    # A page of the web application may have the path of the API's own.
    return documented or [server for server in found if server not in page_servers] or found


def _is_page(exchange: Exchange) -> bool:
    response = exchange.response
    stated = response.known_header("content-type") if response is not None else None
    media_type = (stated or "").partition(";")[0].strip().lower()
    return media_type in ("text/html", "application/xhtml+xml")


def _with_job(
    api: Api, endpoint: EndpointFilter, item: Recorded, *, is_bound: bool
) -> Exchange | None:
    """
    The exchange with its job and the places of its secrets filled in; None where it is about
    something else.
    """
    request = item.exchange.request
    address = endpoint.address_of(request.url)
    if address is None and (request.job_id is None or is_bound):
        return None
    job_id = request.job_id
    # Who doesn't know whose job it was knows no more of its id than the URL does.
    if address is not None and (job_id is None or request.subject is Subject.UNSTATED):
        job_id = address.job_id
    # A recording doesn't say where its secrets are; the API does.
    secret_at = api.values.secret_at | api.access.secret_at
    asked = replace(request, job_id=job_id, token_at=api.access.token_at, secret_at=secret_at)
    return replace(item.exchange, request=asked)


def _job_key(api: Api, exchange: Exchange) -> str:
    job_id = exchange.request.job_id or ""
    return job_id.casefold() if api.profile.id.any_case else job_id


def _token_in(request: Request) -> str | None:
    """
    The asker's own token; None where there is none, or a recorder has masked it.
    """
    # One that can't be right is no secret, and an answer may well name it.
    if request.credential in (Credential.INVALID, Credential.NONE):
        return None
    token = request.token
    return None if not token or is_masked(token) else token


_Asked = tuple[str, Credential, str, Manner]


class _Baselines:
    """
    The answers to ids that nobody has, where a recording says which these are.
    """

    def __init__(self, api: Api) -> None:
        self._found: dict[_Asked, list[tuple[float, int]]] = defaultdict(list)
        self._unanswered: dict[tuple[str, Credential], list[float]] = defaultdict(list)
        self._exchanges: list[bytes] = []
        self._packer = Packer()
        self._is_sorted = True
        self._observe = lru_cache(maxsize=64)(
            lambda place: api.observe(self._packer.unpack(self._exchanges[place]))
        )

    def add(self, base: str, exchange: Exchange) -> None:
        """
        Keep the exchange, if it is one of these.
        """
        request = exchange.request
        if request.subject is not Subject.MISSING or request.method not in ("GET", "HEAD"):
            return
        self._is_sorted = False
        if exchange.response is None:
            if request.method == "GET":
                self._unanswered[base, request.credential].append(exchange.ended_at)
            return
        place = len(self._exchanges)
        self._exchanges.append(self._packer.pack(exchange))
        asked = (base, request.credential, request.method, request.manner)
        self._found[asked].append((exchange.ended_at, place))

    def before(self, base: str, seen: Observation) -> tuple[Observation, ...]:
        """
        The last few that were over before an answer was asked for, by the same right: asked for
        plainly, and as that was.
        """
        if not self._is_sorted:
            for known in self._found.values():
                known.sort()
            for unanswered in self._unanswered.values():
                unanswered.sort()
            self._is_sorted = True
        asked_at = seen.exchange.started_at
        plain = (base, seen.credential, "GET", Manner.PLAIN)
        alike = (base, seen.credential, seen.method, seen.manner)
        known = self._before(plain, asked_at)
        silent = self._unanswered.get((base, seen.credential), [])
        latest_silent = bisect_right(silent, asked_at)
        # Where an unknown id has had no answer since, silence says nothing about the job.
        if seen.response is None and known and latest_silent:
            if silent[latest_silent - 1] > known[-1][0]:
                return ()
        # Those that are asked for plainly come last: the last one tells whether anybody is there.
        places = known if alike == plain else [*self._before(alike, asked_at), *known]
        found = [self._observe(place) for _, place in places]
        return tuple(one for one in found if one.intermediary is None)

    def _before(self, asked: _Asked, moment: float) -> list[tuple[float, int]]:
        known = self._found.get(asked, [])
        end = bisect_right(known, (moment, len(self._exchanges)))
        return known[max(0, end - _MOST_BASELINES) : end]
