"""
One target as the status page shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from jobproof.contract.model.profile import Phase
from jobproof.probes.evidence.entry import fingerprint_of_outcome
from jobproof.probes.following.tracker import UNKNOWN, JobCounts
from jobproof.probes.web.pages.chart import Share, share_bar, strip
from jobproof.probes.web.pages.health import tone_now
from jobproof.probes.web.pages.wording import age_text, clock_text, outcome_text, seconds_text
from jobproof.probes.web.recent_results import CanaryView
from jobproof.probes.web.view_protocols import (
    CanaryInfo,
    EvidenceReader,
    RecentResultsView,
    TargetInfo,
)

__all__ = ["CanaryRow", "Legend", "TargetCard", "make_card"]

_BY_PHASE = {
    Phase.PENDING: "#5b8def",
    Phase.SUCCEEDED: "#3f9c5a",
    Phase.FAILED: "#d64550",
    Phase.CANCELLED: "#d9822b",
}

_UNKNOWN_COLOUR = "#a352cc"


@dataclass(frozen=True, slots=True)
class CanaryRow:
    """
    One canary: what it last saw, and how it went lately.
    """

    name: str
    tone: str
    word: str
    code: str
    latency: str
    age: str
    at: str
    fine: str
    detail: str
    strip: Markup
    evidence: str | None


@dataclass(frozen=True, slots=True)
class Legend:
    """
    One status in the distribution of jobs.
    """

    word: str
    count: int
    colour: str
    meaning: str


@dataclass(frozen=True, slots=True)
class TargetCard:
    """
    One target.
    """

    name: str
    title: str
    url: str
    tone: str
    rows: tuple[CanaryRow, ...]
    jobs: Markup
    legend: tuple[Legend, ...]
    jobs_seen: int
    followed: int | None
    stuck: int
    oldest: str | None
    objective: str | None


def make_card(
    target: TargetInfo,
    results: RecentResultsView,
    evidence: EvidenceReader,
    job_counts: JobCounts | None,
    tone: str,
    now: float,
) -> TargetCard:
    """
    The card of a target whose worst tone is known.
    """
    rows = tuple(
        _row(target, canary, results.canary(target.name, canary.name), evidence, now)
        for canary in target.canaries
    )
    seen = dict(results.jobs(target.name))
    legend = _legend(target, seen)
    shares = [Share(item.word, item.count, item.colour) for item in legend]
    oldest = job_counts.oldest_pending_s if job_counts is not None else None
    return TargetCard(
        name=target.name,
        title=target.title,
        url=target.url,
        tone=tone,
        rows=rows,
        jobs=share_bar(shares),
        legend=legend,
        jobs_seen=sum(item.count for item in legend),
        followed=sum(job_counts.by_status.values()) if job_counts is not None else None,
        stuck=job_counts.stuck if job_counts is not None else 0,
        oldest=age_text(oldest) if oldest is not None else None,
        objective=seconds_text(target.latency_s) if target.latency_s is not None else None,
    )


def _row(
    target: TargetInfo,
    canary: CanaryInfo,
    view: CanaryView | None,
    evidence: EvidenceReader,
    now: float,
) -> CanaryRow:
    if view is None:
        nothing = Markup("")
        return CanaryRow(
            canary.name, "idle", "not asked yet", "", "", "", "", "", "", nothing, None
        )
    last = view.last
    age_s = now - last.at
    tone = tone_now(canary, last, now)
    fingerprint = fingerprint_of_outcome(target.name, canary.name, last.outcome)
    status = f"job is {last.job_status}" if last.job_status is not None else ""
    return CanaryRow(
        name=canary.name,
        tone=tone,
        word="no answer lately" if tone == "stale" else outcome_text(last.outcome),
        code=str(last.code) if last.code is not None else "—",
        latency=seconds_text(last.duration_s),
        age=f"{age_text(age_s)} ago",
        at=clock_text(last.at),
        fine=_percent(view.fine, view.asked),
        detail=last.detail or status,
        strip=strip(view.points, objective_s=target.latency_s),
        evidence=None if last.outcome.success else evidence.latest_for(fingerprint),
    )


def _legend(target: TargetInfo, seen: Mapping[str, int]) -> tuple[Legend, ...]:
    found = [
        Legend(word, seen[word], status.colour or _BY_PHASE[status.phase], status.meaning)
        for word, status in target.statuses.items()
        if seen.get(word)
    ]
    strange = sum(count for word, count in seen.items() if word not in target.statuses)
    if strange:
        meaning = "a status that the profile doesn't have"
        found.append(Legend(UNKNOWN, strange, _UNKNOWN_COLOUR, meaning))
    return tuple(found)


def _percent(part: int, whole: int) -> str:
    if part == whole:
        return "100 %"
    # Never rounded up to a whole: 99.999 % of a million is ten failures.
    return f"{int(10_000 * part / whole) / 100:g} %"
