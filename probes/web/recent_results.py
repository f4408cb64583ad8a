"""
What pages show: the last answers, the recent findings, jobs by status; in memory, bounded.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import legible
from jobproof.contract.model.finding import Finding, Kind
from jobproof.probes.evidence.entry import fingerprint_of
from jobproof.probes.result import ProbeOutcome, ProbeResult

__all__ = ["CanaryView", "LastAnswer", "RecentFinding", "RecentResults", "ResultPoint"]

_POINTS = 90
_LONGEST_TEXT = 400
_OUTCOMES = tuple(ProbeOutcome)


@dataclass(frozen=True, slots=True)
class ResultPoint:
    """
    One probe as a chart shows it; `at` is when it ended, Unix seconds.
    """

    at: float
    duration_s: float
    outcome: ProbeOutcome


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """
    The latest probe of a canary.

    Attributes:
        code: The HTTP code; None where no whole answer came.
        job_id: What was asked for.
        detail: One line where there was no answer.
    """

    at: float
    outcome: ProbeOutcome
    code: int | None
    duration_s: float
    job_status: str | None
    job_id: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class CanaryView:
    """
    The recent results of a canary.

    Attributes:
        points: The latest probes, oldest first.
        probes: How many since the start, slots of an announced outage included; `successes` is
            how many of them succeeded.
    """

    last: LastAnswer
    points: tuple[ResultPoint, ...]
    probes: int
    successes: int


@dataclass(frozen=True, slots=True)
class RecentFinding:
    """
    One finding, however often it was made.

    Attributes:
        source: Where the promise is documented.
        accepted: Why it is accepted, where the policy does.
        fingerprint: By which `EvidenceStore.latest_for` finds its evidence.
    """

    target: str
    canary: str
    check: str
    kind: Kind
    basis: str
    severity: str
    source: str
    pointer: str
    message: str
    expected: str | None
    found: str | None
    accepted: str | None
    fingerprint: str
    first_at: float
    last_at: float
    count: int

    @property
    def size_bytes(self) -> int:
        """
        About what it takes in memory.
        """
        texts = (self.source, self.pointer, self.message, self.expected or "", self.found or "")
        return 600 + 2 * sum(map(len, texts))


@dataclass(slots=True)
class _ResultWindow:
    """
    The probes of one canary, in a few bytes each.
    """

    last: LastAnswer
    at: array[float] = field(default_factory=lambda: array("d"))
    duration_s: array[float] = field(default_factory=lambda: array("d"))
    outcome: bytearray = field(default_factory=bytearray)
    probes: int = 0
    successes: int = 0

    # Per point: two doubles and a byte, and the slack that arrays keep.
    SIZE_BYTES = 1_000 + _POINTS * 20

    def add(self, last: LastAnswer) -> None:
        if last.at >= self.last.at or self.last.at - last.at > 600:
            # A clock that was set back must not freeze the last answer.
            self.last = last
        self.at.append(last.at)
        self.duration_s.append(last.duration_s)
        self.outcome.append(_OUTCOMES.index(last.outcome))
        for ring in (self.at, self.duration_s, self.outcome):
            del ring[:-_POINTS]
        self.probes += 1
        self.successes += last.outcome.success

    def view(self) -> CanaryView:
        probes = zip(self.at, self.duration_s, self.outcome, strict=True)
        points = tuple(ResultPoint(at, took, _OUTCOMES[number]) for at, took, number in probes)
        return CanaryView(self.last, points, self.probes, self.successes)


class RecentResults:
    """
    Records every result and answers every page; both from any thread.

    Nothing in it grows without bound: what was seen least recently goes first, and
    violations stay longer than other findings.

    Args:
        max_bytes: About the most it takes; half for answers, a quarter each for jobs
            and for findings.
        redactor: Masks secrets in whatever text an answer brought.
    """

    def __init__(
        self, *, max_bytes: int = 8 * 1024 * 1024, redactor: Redactor | None = None
    ) -> None:
        self._max_windows = max(1, max_bytes // 2 // _ResultWindow.SIZE_BYTES)
        self._max_jobs = max(1, max_bytes // 4 // 400)
        self._max_findings_bytes = max_bytes // 4
        self._redactor = redactor or Redactor()
        self._lock = threading.Lock()
        self._windows: OrderedDict[tuple[str, str], _ResultWindow] = OrderedDict()
        self._jobs: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._findings: dict[str, RecentFinding] = {}
        self._findings_bytes = 0

    def record(self, result: ProbeResult) -> None:
        """
        Take a result in.
        """
        last = self._last(result)
        findings = [self._recent_finding(result, finding, last.at) for finding in result.findings]
        with self._lock:
            key = (result.target, result.canary)
            window = self._windows.setdefault(key, _ResultWindow(last))
            window.add(last)
            self._windows.move_to_end(key)
            while len(self._windows) > self._max_windows:
                self._windows.popitem(last=False)
            if result.job_status is not None and last.job_id is not None:
                self._record_job(result.target, last.job_id, result.job_status)
            for item in findings:
                self._add_finding(item)

    def count_failed(self, target: str, canary: str, count: int) -> None:
        """
        So many slots count as failed, though nothing was asked and nothing can be shown.
        """
        with self._lock:
            window = self._windows.get((target, canary))
            if window is not None:
                window.probes += count

    def canary(self, target: str, canary: str) -> CanaryView | None:
        """
        The recent results of a canary; None before its first.
        """
        with self._lock:
            window = self._windows.get((target, canary))
            return window.view() if window is not None else None

    def last(self, target: str, canary: str) -> LastAnswer | None:
        """
        The latest answer alone.
        """
        with self._lock:
            window = self._windows.get((target, canary))
            return window.last if window is not None else None

    def jobs(self, target: str) -> Mapping[str, int]:
        """
        The jobs of a target that were seen lately, counted by their last status.
        """
        with self._lock:
            return Counter(status for (name, _), status in self._jobs.items() if name == target)

    def findings(self) -> tuple[RecentFinding, ...]:
        """
        All findings that are remembered, the latest first.
        """
        with self._lock:
            return tuple(sorted(self._findings.values(), key=lambda one: one.last_at, reverse=True))

    def forget_other_targets(self, names: Iterable[str]) -> None:
        """
        Drop what is known of targets that are configured no longer.
        """
        keep = frozenset(names)
        with self._lock:
            for key in [key for key in self._windows if key[0] not in keep]:
                del self._windows[key]
            for job in [job for job in self._jobs if job[0] not in keep]:
                del self._jobs[job]
            for fingerprint in [
                one.fingerprint for one in self._findings.values() if one.target not in keep
            ]:
                self._findings_bytes -= self._findings.pop(fingerprint).size_bytes

    def _last(self, result: ProbeResult) -> LastAnswer:
        exchange = result.exchange
        failure = exchange.failure if exchange is not None else None
        detail = failure.detail if failure is not None else result.error
        job_id = exchange.request.job_id if exchange is not None else None
        return LastAnswer(
            at=result.intended_at + result.duration_s,
            outcome=result.outcome,
            code=exchange.response.code if exchange is not None and exchange.response else None,
            duration_s=result.duration_s,
            job_status=None if result.job_status is None else self._text(result.job_status)[:60],
            job_id=None if job_id is None else self._text(job_id)[:200],
            detail=None if detail is None else self._text(detail),
        )

    def _record_job(self, target: str, job_id: str, status: str) -> None:
        key = (target, job_id)
        self._jobs[key] = self._text(status)[:60]
        self._jobs.move_to_end(key)
        while len(self._jobs) > self._max_jobs:
            self._jobs.popitem(last=False)

    def _recent_finding(self, result: ProbeResult, finding: Finding, at: float) -> RecentFinding:
        return RecentFinding(
            target=result.target,
            canary=result.canary,
            check=finding.check,
            kind=finding.kind,
            basis=finding.basis.value,
            severity=finding.severity.value,
            source=finding.source,
            pointer=self._text(finding.pointer),
            message=self._text(finding.message),
            expected=None if finding.expected is None else self._value(finding.expected),
            found=None if finding.found is None else self._value(finding.found),
            accepted=finding.accepted,
            fingerprint=fingerprint_of(result.target, finding),
            first_at=at,
            last_at=at,
            count=1,
        )

    def _add_finding(self, finding: RecentFinding) -> None:
        known = self._findings.pop(finding.fingerprint, None)
        if known is not None:
            self._findings_bytes -= known.size_bytes
            last_at = max(known.last_at, finding.last_at)
            finding = replace(
                finding, first_at=known.first_at, last_at=last_at, count=known.count + 1
            )
        self._findings[finding.fingerprint] = finding
        self._findings_bytes += finding.size_bytes
        while self._findings_bytes > self._max_findings_bytes:
            least_important = min(
                self._findings.values(), key=lambda one: (one.kind is Kind.VIOLATION, one.last_at)
            )
            self._findings_bytes -= self._findings.pop(least_important.fingerprint).size_bytes

    def _text(self, text: str) -> str:
        # Masked before it is cut: half a token is a secret too.
        masked = self._redactor.text(text)
        cut = masked if len(masked) <= _LONGEST_TEXT else masked[: _LONGEST_TEXT - 1] + "…"
        return legible(cut)

    def _value(self, value: object) -> str:
        return self._text(value if isinstance(value, str) else repr(self._redactor.value(value)))
