"""
Recorded traffic, judged offline by the same judge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import first_few, legible
from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.trace import Trace, staleness_in
from jobproof.contract.model.verdict import FindingGroup, Verdict, conclude, few_a_check, group
from jobproof.contract.plugins import load_checks
from jobproof.contract.recordings.curl_line import curl
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.har.reader import read_har

__all__ = ["ReplayResult", "judge_recordings"]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """
    What recordings added up to.

    Attributes:
        judged: How many exchanges were about a job of this API.
        skipped: How many were about something else.
        intermediaries: How many answers weren't the API's own.
    """

    api: Api
    findings: tuple[Finding, ...]
    judged: int
    skipped: int
    strict: bool
    staleness_s: float = 0.0
    intermediaries: int = 0

    @property
    def verdict(self) -> Verdict:
        """
        Inconclusive where no exchange was about a job, or not all answers were the API's own.
        """
        missing = [] if self.judged else ["no exchange is about a job"]
        if self.intermediaries:
            missing.append(f"answers that weren't the API's own: {self.intermediaries}")
        return conclude(self.findings, missing=missing, strict=self.strict)

    def as_dict(self) -> JsonObject:
        """
        For a program.
        """
        return {
            "verdict": self.verdict.value,
            "judged": self.judged,
            "skipped": self.skipped,
            **staleness_in(self.findings, tolerated_s=self.staleness_s),
            "findings": [
                {
                    "check": g.first.check,
                    "kind": g.first.kind.value,
                    "basis": g.first.basis.value,
                    "pointer": g.pointer,
                    "pointers": list(g.pointers),
                    "message": g.message,
                    "count": g.count,
                    "breaks": g.first.breaks(strict=self.strict),
                    "evidence": {"curl": self._curl(g.first)},
                }
                for g in group(self._redacted)
            ],
        }

    def lines(
        self, grouped: Callable[[Iterable[Finding]], Sequence[FindingGroup]]
    ) -> Iterator[str]:
        """
        For a person.
        """
        for found, others in few_a_check(grouped(self._redacted)):
            finding = found.first
            mark = "BROKEN" if finding.breaks(strict=self.strict) else finding.kind.value
            times = f" ({found.count} times)" if found.count > 1 else ""
            yield f"{mark}: {finding.check} at {found.pointer}: {found.message}{times}"
            yield f"  promised  {finding.basis.value}: {finding.source}"
            yield f"  again     {legible(self._curl(finding))}"
            if others:
                yield f"  and       {len(others)} more: {first_few([o.pointer for o in others])}"
        yield f"verdict: {self.verdict} [{self.judged} exchanges judged, {self.skipped} skipped]"

    @property
    def _redacted(self) -> list[Finding]:
        # Recordings of others hold whatever their browsers sent.
        return [finding.redacted(Redactor()) for finding in self.findings]

    def _curl(self, finding: Finding) -> str:
        return curl(finding.exchange, token_env=self.api.profile.token_env)


def judge_recordings(
    api: Api, paths: Iterable[Path], *, strict: bool = False, staleness_s: float = 0.0
) -> ReplayResult:
    """
    Judge every exchange about a job in HAR files, or in folders of them.

    Args:
        staleness_s: How far a replica may be behind, in seconds.

    Raises:
        RecordingError: A file can't be read, is no HAR, or holds no entry.
    """
    judge = Judge(load_checks())
    exchanges_by_job: dict[str, list[Exchange]] = defaultdict(list)
    skipped = 0
    for path in _files(paths):
        for exchange in read_har(path):
            job_exchange = _with_job_id(api, exchange)
            if job_exchange is None:
                skipped += 1
            else:
                exchanges_by_job[job_exchange.request.job_id or ""].append(job_exchange)
    findings: list[Finding] = []
    intermediaries = 0
    for exchanges in exchanges_by_job.values():
        seen = [api.observe(exchange) for exchange in sorted(exchanges, key=lambda e: e.started_at)]
        # The first observation only gives the trace its API: replay goes through them all.
        findings.extend(judge.replay(Trace(api, seen[0], staleness_s=staleness_s), seen))
        intermediaries += sum(one.intermediary is not None for one in seen)
    judged = sum(map(len, exchanges_by_job.values()))
    return ReplayResult(api, tuple(findings), judged, skipped, strict, staleness_s, intermediaries)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        # File systems list a folder in an order of their own; a report is to be the same
        # everywhere.
        found = sorted(path.rglob("*.har"))
        if not found:
            raise RecordingError(f"{path}: the folder holds no .har file")
        yield from found


def _with_job_id(api: Api, exchange: Exchange) -> Exchange | None:
    """
    The exchange with its job id filled in; None where it is about something else.
    """
    request = exchange.request
    job_id = request.job_id
    if job_id is None:
        address = EndpointFilter(api).address_of(request.url)
        if address is None:
            return None
        job_id = address.job_id
    # A recording doesn't say where its secrets are; the API does.
    secret_at = api.values.secret_at | api.access.secret_at
    asked = replace(request, job_id=job_id, token_at=api.access.token_at, secret_at=secret_at)
    return replace(exchange, request=asked)
