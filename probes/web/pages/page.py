"""
The status page as values: every decision is made here, the template only writes them down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobproof.probes.web.pages.card import TargetCard, make_card
from jobproof.probes.web.pages.finding_view import FindingView, make_finding_view
from jobproof.probes.web.pages.health import (
    SEVERITY,
    canary_tones,
    count_problems,
    is_current,
    worst_tone,
)
from jobproof.probes.web.pages.wording import clock_text, count_text
from jobproof.probes.web.recent_results import RecentFinding
from jobproof.probes.web.view_protocols import (
    DaemonView,
    EvidenceReader,
    RecentResultsView,
    TargetInfo,
)

__all__ = ["Chip", "Page", "make_page"]

# A page for two thousand targets must stay small enough to be fetched every five seconds.
_MAX_FINDINGS = 40
_MAX_CARDS = 24
_MAX_CHIPS = 1_000


@dataclass(frozen=True, slots=True)
class Chip:
    """
    A target that is shown by its name and its tone only.
    """

    name: str
    tone: str


@dataclass(frozen=True, slots=True)
class Page:
    """
    Everything on the status page.

    Attributes:
        headline: The state of all targets, in one sentence.
        detail: Which targets fail, and how much is being probed.
        tone: The colour of it, as a CSS class.
        problems: Broken promises and failing canaries, as the browser's tab counts them.
        at: When the page was made.
        cards: The targets that are shown in full, of many those with the worst tones.
        chips: The next ones; `more_targets` is how many are left over even then.
        findings: The latest, those about promises that are broken now first.
        more_findings: How many didn't fit.
    """

    headline: str
    detail: str
    tone: str
    problems: int
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
    The page as of `now`, Unix seconds.

    Args:
        promises: What each check promises, by its id.
    """
    targets = control.targets()
    findings = _findings_of(targets, results, now)
    tones = {target.name: canary_tones(target, results, now) for target in targets}
    tone_by_target = _tone_by_target(tones, findings, now)
    shown, rest = _split(targets, tone_by_target)
    cards = tuple(
        make_card(
            target,
            results,
            evidence,
            control.job_counts(target.name),
            tone_by_target[target.name],
            now,
        )
        for target in shown
    )
    finding_views = tuple(
        make_finding_view(finding, evidence, promises, now) for finding in findings[:_MAX_FINDINGS]
    )
    broken = sum(is_current(finding, now) for finding in findings)
    by_tone = Counter(tone for each in tones.values() for tone in each)
    tone, headline, detail = _headline(len(targets), by_tone, broken, control.lag_in_intervals())
    return Page(
        headline=headline,
        detail=_located(detail, tone_by_target),
        tone=tone,
        problems=broken + count_problems(by_tone),
        at=clock_text(now),
        cards=cards,
        chips=tuple(Chip(target.name, tone_by_target[target.name]) for target in rest[:_MAX_CHIPS]),
        more_targets=max(0, len(rest) - _MAX_CHIPS),
        findings=finding_views,
        more_findings=max(0, len(findings) - _MAX_FINDINGS),
    )


def _findings_of(
    targets: Sequence[TargetInfo], results: RecentResultsView, now: float
) -> list[RecentFinding]:
    """
    The findings of these targets, those about promises that are broken now first, then the latest.
    """
    # A reload takes a target away before its findings, and a probe under way may add one more.
    names = {target.name for target in targets}
    findings = [finding for finding in results.findings() if finding.target in names]
    findings.sort(key=lambda finding: (is_current(finding, now), finding.last_at), reverse=True)
    return findings


def _tone_by_target(
    tones: Mapping[str, Sequence[str]], findings: Iterable[RecentFinding], now: float
) -> dict[str, str]:
    # A broken promise colours its target even where the latest probes succeeded.
    broken_at = {finding.target for finding in findings if is_current(finding, now)}
    return {name: "bad" if name in broken_at else worst_tone(tones[name]) for name in tones}


def _split(
    targets: Sequence[TargetInfo], tone_by_target: Mapping[str, str]
) -> tuple[Sequence[TargetInfo], Sequence[TargetInfo]]:
    """
    The targets to be drawn in full, and those of which only the name is shown.
    """
    if len(targets) <= _MAX_CARDS:
        return targets, ()
    ordered = sorted(targets, key=lambda target: -SEVERITY[tone_by_target[target.name]])
    return ordered[:_MAX_CARDS], ordered[_MAX_CARDS:]


def _headline(
    targets: int, by_tone: Mapping[str, int], broken: int, lag: float
) -> tuple[str, str, str]:
    canaries, wrong = sum(by_tone.values()), count_problems(by_tone)
    scope = f"{count_text(targets, 'target')}, {count_text(canaries, 'canary', 'canaries')}"
    trouble = f"{count_text(wrong, 'canary', 'canaries')} not as it should be"
    # Above everything else: while probes are late, all the other figures are old.
    if lag >= 2:
        return "bad", "Asking late", f"the schedule is {lag:.1f} intervals behind · {scope}"
    if broken:
        detail = f"{trouble} · {scope}" if wrong else scope
        return "bad", f"{count_text(broken, 'promise')} broken", detail
    if wrong:
        tone = worst_tone(by_tone)
        return "odd" if tone == "stale" else tone, trouble, scope
    if by_tone.get("idle", 0) == canaries:
        return "idle", "Waiting for the first answers", scope
    return "ok", "All promises kept", scope


def _located(detail: str, tone_by_target: Mapping[str, str]) -> str:
    failing = {name for name, tone in tone_by_target.items() if count_problems({tone: 1})}
    return f"at {_first_names(failing)} · {detail}" if failing else detail


def _first_names(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(ordered[:3]) + more
