"""
The status page as values: what the template writes down, decided here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobproof.probes.web.pages.card import TargetCard, make_card
from jobproof.probes.web.pages.finding_view import FindingView, make_finding_view
from jobproof.probes.web.pages.health import SEVERITY, health, is_current, problems, worst
from jobproof.probes.web.pages.wording import clock_text, count_text
from jobproof.probes.web.view_protocols import (
    DaemonView,
    EvidenceReader,
    RecentResultsView,
    TargetInfo,
)

__all__ = ["Chip", "Page", "make_page"]

_MOST_NEWS = 40

_MOST_CARDS = 24

_MOST_CHIPS = 1_000


@dataclass(frozen=True, slots=True)
class Chip:
    """
    A target of which only the name fits.
    """

    name: str
    tone: str


@dataclass(frozen=True, slots=True)
class Page:
    """
    Everything on the status page.

    Attributes:
        headline: The state of things, in one sentence.
        cards: Of many targets, those in trouble.
        chips: The others; `more_targets` don't even fit there.
        more_findings: Findings that didn't fit.
    """

    headline: str
    detail: str
    tone: str
    troubles: int
    at: str
    cards: tuple[TargetCard, ...]
    chips: tuple[Chip, ...]
    more_targets: int
    findings: tuple[FindingView, ...]
    more_findings: int


def make_page(
    control: DaemonView,
    results: RecentResultsView,
    evidence: EvidenceReader,
    promises: Mapping[str, str],
    *,
    now: float,
) -> Page:
    """
    The page as it stands at `now`, Unix seconds.

    Args:
        promises: What each check promises, by its id.
    """
    targets = control.targets()
    names = {target.name for target in targets}
    told = [finding for finding in results.findings() if finding.target in names]
    broken_at = {finding.target for finding in told if is_current(finding, now)}
    tones = {target.name: health(target, results, now) for target in targets}
    stands = {name: "bad" if name in broken_at else worst(tones[name]) for name in tones}
    shown, rest = _split(targets, stands)
    cards = tuple(
        make_card(
            target, results, evidence, control.job_counts(target.name), stands[target.name], now
        )
        for target in shown
    )
    told.sort(key=lambda finding: (is_current(finding, now), finding.last_at), reverse=True)
    items = tuple(
        make_finding_view(finding, evidence, promises, now) for finding in told[:_MOST_NEWS]
    )
    broken = sum(is_current(finding, now) for finding in told)
    counted = Counter(tone for each in tones.values() for tone in each)
    tone, headline, detail = _headline(len(targets), counted, broken, control.lag_in_intervals())
    troubled = {name for name, stand in stands.items() if problems({stand: 1})}
    if troubled:
        detail = f"at {_names(troubled)} · {detail}"
    return Page(
        headline=headline,
        detail=detail,
        tone=tone,
        troubles=broken + problems(counted),
        at=clock_text(now),
        cards=cards,
        chips=tuple(Chip(target.name, stands[target.name]) for target in rest[:_MOST_CHIPS]),
        more_targets=max(0, len(rest) - _MOST_CHIPS),
        findings=items,
        more_findings=max(0, len(told) - _MOST_NEWS),
    )


def _split(
    targets: Sequence[TargetInfo], stands: Mapping[str, str]
) -> tuple[Sequence[TargetInfo], Sequence[TargetInfo]]:
    """
    The targets to be drawn in full, and those of which only the name is shown.
    """
    if len(targets) <= _MOST_CARDS:
        return targets, ()
    ordered = sorted(targets, key=lambda target: -SEVERITY[stands[target.name]])
    return ordered[:_MOST_CARDS], ordered[_MOST_CARDS:]


def _headline(
    targets: int, counted: Mapping[str, int], broken: int, lag: float
) -> tuple[str, str, str]:
    canaries, wrong = sum(counted.values()), problems(counted)
    scope = f"{count_text(targets, 'target')}, {count_text(canaries, 'canary', 'canaries')}"
    trouble = f"{count_text(wrong, 'canary', 'canaries')} not as it should be"
    if lag >= 2:
        return "bad", "Asking late", f"the schedule is {lag:.1f} intervals behind · {scope}"
    if broken:
        detail = f"{trouble} · {scope}" if wrong else scope
        return "bad", f"{count_text(broken, 'promise')} broken", detail
    if wrong:
        tone = worst(counted)
        return "odd" if tone == "stale" else tone, trouble, scope
    if counted.get("idle", 0) == canaries:
        return "idle", "Waiting for the first answers", scope
    return "ok", "All promises kept", scope


def _names(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(ordered[:3]) + more
