"""
How things stand, as a colour: of a canary's last answer, a target, a finding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from jobproof.contract.model.finding import Basis, Kind
from jobproof.probes.web.pages.chart import tone_of
from jobproof.probes.web.recent_results import LastAnswer, RecentFinding
from jobproof.probes.web.view_protocols import CanaryInfo, RecentResultsView, TargetInfo

__all__ = ["SEVERITY", "health", "is_broken", "is_current", "problems", "tone_now", "worst"]

SEVERITY = {"bad": 4, "silent": 3, "odd": 2, "stale": 1, "idle": 0, "ok": 0}
"""How urgently a person wants to know of a tone."""

_FRESH_S = 900.0


def health(target: TargetInfo, results: RecentResultsView, now: float) -> list[str]:
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
    patience_s = 3 * canary.interval_s + canary.timeout_s if canary.interval_s else math.inf
    stale = last.outcome.success and now - last.at > patience_s
    return "stale" if stale else tone_of(last.outcome)


def worst(tones: Iterable[str]) -> str:
    """
    The most urgent of some tones; `idle` where nobody was asked.
    """
    asked = [tone for tone in tones if tone != "idle"]
    return max(asked, key=lambda tone: SEVERITY[tone], default="idle")


def problems(counted: Mapping[str, int]) -> int:
    """
    How many canaries, counted by tone, are not as they should be.
    """
    return sum(counted.get(tone, 0) for tone in ("bad", "silent", "odd", "stale"))


def is_current(finding: RecentFinding, now: float) -> bool:
    """
    Whether it is a promise that is broken now. One that is only our reading warns.
    """
    return is_broken(finding) and now - finding.last_at <= _FRESH_S


def is_broken(finding: RecentFinding) -> bool:
    """
    Whether it is a broken promise that stands written somewhere and isn't accepted.
    """
    written = finding.basis != Basis.INFERRED
    return finding.kind is Kind.VIOLATION and written and finding.accepted is None
