"""
The state of a canary, a target or a finding as a tone: the CSS class that gives its colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from jobproof.contract.model.finding import Basis, Kind
from jobproof.probes.web.pages.chart import tone_of
from jobproof.probes.web.recent_results import LastAnswer, RecentFinding
from jobproof.probes.web.view_protocols import CanaryInfo, RecentResultsView, TargetInfo

__all__ = [
    "SEVERITY",
    "canary_tones",
    "count_problems",
    "is_broken",
    "is_current",
    "tone_now",
    "worst_tone",
]

SEVERITY = {"bad": 4, "silent": 3, "odd": 2, "stale": 1, "idle": 0, "ok": 0}
"""How urgent a tone is; the highest of several is shown."""

# As far as the alert on contract violations looks back, so that page and alert agree.
_CURRENT_S = 900.0


def canary_tones(target: TargetInfo, results: RecentResultsView, now: float) -> list[str]:
    """
    The tones of a target's canaries.
    """
    lasts = ((canary, results.last(target.name, canary.name)) for canary in target.canaries)
    return [tone_now(canary, last, now) for canary, last in lasts]


def tone_now(canary: CanaryInfo, last: LastAnswer | None, now: float) -> str:
    """
    The tone of a last answer; one that is overdue by three intervals is stale.
    """
    if last is None:
        return "idle"
    # A followed job is polled when it is due, which may be never again: it has no interval.
    stale_after_s = 3 * canary.interval_s + canary.timeout_s if canary.interval_s else math.inf
    # A failure keeps its colour however old it is: grey would hide it.
    stale = last.outcome.success and now - last.at > stale_after_s
    return "stale" if stale else tone_of(last.outcome)


def worst_tone(tones: Iterable[str]) -> str:
    """
    The most urgent of some tones; `idle` where no canary has a result yet.
    """
    known = [tone for tone in tones if tone != "idle"]
    return max(known, key=lambda tone: SEVERITY[tone], default="idle")


def count_problems(by_tone: Mapping[str, int]) -> int:
    """
    How many canaries, counted by tone, are not as they should be.
    """
    return sum(by_tone.get(tone, 0) for tone in ("bad", "silent", "odd", "stale"))


def is_current(finding: RecentFinding, now: float) -> bool:
    """
    Whether it is about a promise that was broken within the last 15 minutes.
    """
    return is_broken(finding) and now - finding.last_at <= _CURRENT_S


def is_broken(finding: RecentFinding) -> bool:
    """
    Whether it is a violation that nobody has accepted, of a promise that is documented.

    An inferred promise is only our reading of the document: breaking it is no more than suspect.
    """
    written = finding.basis != Basis.INFERRED
    return finding.kind is Kind.VIOLATION and written and finding.accepted is None
