"""
One finding as the status page shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jobproof.contract.model.finding import Kind
from jobproof.probes.web.pages.health import is_broken, is_current
from jobproof.probes.web.pages.wording import age_text, clock_text, count_text
from jobproof.probes.web.recent_results import RecentFinding
from jobproof.probes.web.view_protocols import EvidenceReader

__all__ = ["FindingView", "make_finding_view"]

_KINDS = {
    Kind.VIOLATION: ("odd", "suspect"),
    Kind.GAP: ("info", "undocumented"),
    Kind.DRIFT: ("info", "new"),
    Kind.INCONCLUSIVE: ("idle", "unclear"),
}


@dataclass(frozen=True, slots=True)
class FindingView:
    """
    One finding: the promise, where it is written, what was seen.
    """

    tone: str
    word: str
    finding: RecentFinding
    promise: str
    times: str
    last: str
    last_at: str
    first_at: str
    evidence: str | None
    curl: str | None


def make_finding_view(
    finding: RecentFinding, evidence: EvidenceReader, promises: Mapping[str, str], now: float
) -> FindingView:
    """
    The news with its promise and with what is kept of it.
    """
    kept = evidence.latest_for(finding.fingerprint)
    file = evidence.get(kept) if kept is not None else None
    current = is_current(finding, now)
    tone, word = _say(finding, current=current)
    return FindingView(
        tone=tone,
        word=word,
        finding=finding,
        promise=promises.get(finding.check, finding.check.replace("_", " ")),
        times=count_text(finding.count, "time"),
        last=f"{age_text(now - finding.last_at)} ago",
        last_at=clock_text(finding.last_at),
        first_at=clock_text(finding.first_at),
        evidence=kept if file is not None else None,
        curl=file.curl if file is not None else None,
    )


def _say(finding: RecentFinding, *, current: bool) -> tuple[str, str]:
    """
    Its colour and its word.
    """
    if finding.accepted is not None:
        return "idle", "accepted"
    if is_broken(finding):
        return ("bad", "broken") if current else ("past", "was broken")
    return _KINDS[finding.kind]
