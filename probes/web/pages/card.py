"""
One target as the status page shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from jobproof.contract.model.profile import Phase
from jobproof.probes.evidence.entry import fingerprint_of_outcome
from jobproof.probes.following.tracker import JobCounts
from jobproof.probes.web.pages.chart import Share, share_bar, sparkline
from jobproof.probes.web.pages.health import tone_now
from jobproof.probes.web.pages.wording import age_text, clock_text, outcome_text, seconds_text
from jobproof.probes.web.recent_results import CanaryView
from jobproof.probes.web.view_protocols import (
    CanaryInfo,
    EvidenceReader,
    RecentResultsView,
    TargetInfo,
)

__all__ = ["CanaryRow", "LegendItem", "TargetCard", "make_card"]

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
    One canary: its last result, and the latest probes as a sparkline.

    Attributes:
        tone: The colour of the last outcome, as a CSS class.
        label: The last outcome in two words.
        success_rate: Of all probes since the start, as text.
        evidence: Id of what was sent and seen when it last failed.
    """

    name: str
    tone: str
    label: str
    code: str
    latency: str
    age: str
    at: str
    success_rate: str
    detail: str
    sparkline: Markup
    evidence: str | None


@dataclass(frozen=True, slots=True)
class LegendItem:
    """
    One status in the distribution of jobs.
    """

    label: str
    count: int
    colour: str
    meaning: str


@dataclass(frozen=True, slots=True)
class TargetCard:
    """
    One target.

    Attributes:
        rows: Its canaries.
        jobs: The latest status of recently seen jobs, as a stacked bar; `legend` explains it.
        jobs_seen: How many jobs are in it.
        followed: How many jobs are followed now; None where none can be.
        stuck: Of those, how many are past the longest documented limit.
        oldest: Age of the oldest unfinished job, as text.
        objective: The promised latency, as text.
    """

    name: str
    title: str
    url: str
    tone: str
    rows: tuple[CanaryRow, ...]
    jobs: Markup
    legend: tuple[LegendItem, ...]
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
    shares = [Share(item.label, item.count, item.colour) for item in legend]
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
        label="no answer lately" if tone == "stale" else outcome_text(last.outcome),
        code=str(last.code) if last.code is not None else "—",
        latency=seconds_text(last.duration_s),
        age=f"{age_text(age_s)} ago",
        at=clock_text(last.at),
        success_rate=_percent(view.successes, view.probes),
        detail=last.detail or status,
        sparkline=sparkline(view.points, objective_s=target.latency_s),
        evidence=None if last.outcome.success else evidence.latest_for(fingerprint),
    )


def _legend(target: TargetInfo, seen: Mapping[str, int]) -> tuple[LegendItem, ...]:
    # In the profile's order, that of a job's life, not in the order in which jobs were seen.
    found = [
        LegendItem(label, seen[label], status.colour or _BY_PHASE[status.phase], status.meaning)
        for label, status in target.statuses.items()
        if seen.get(label)
    ]
    unknown = sum(count for label, count in seen.items() if label not in target.statuses)
    if unknown:
        meaning = "a status that the profile doesn't have"
        found.append(LegendItem("unknown", unknown, _UNKNOWN_COLOUR, meaning))
    return tuple(found)


def _percent(part: int, whole: int) -> str:
    if part == whole:
        return "100 %"
    # Never rounded up to a whole: 99.999 % of a million is ten failures.
    return f"{int(10_000 * part / whole) / 100:g} %"
