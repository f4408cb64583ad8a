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

_TONES_AND_LABELS = {
    Kind.VIOLATION: ("odd", "suspect"),
    Kind.GAP: ("info", "undocumented"),
    Kind.DRIFT: ("info", "new"),
    Kind.INCONCLUSIVE: ("idle", "unclear"),
}


@dataclass(frozen=True, slots=True)
class FindingView:
    """
    One finding with what its evidence is known by.

    Attributes:
        tone: Its colour, as a CSS class.
        label: Its state in a word or two.
        promise: What the check promises.
        times: How often it was made, as text.
        last: How long ago it was last made, as text; `last_at` and `first_at` are the moments.
        evidence: Id of the latest evidence; None where it was removed meanwhile.
        curl: The command that sends the request again.
    """

    tone: str
    label: str
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
    A finding with its promise and with the latest evidence of it.
    """
    evidence_id = evidence.latest_for(finding.fingerprint)
    # The store removes its oldest files by itself, so the id may be of one that is gone.
    file = evidence.get(evidence_id) if evidence_id is not None else None
    current = is_current(finding, now)
    tone, label = _tone_and_label(finding, current=current)
    return FindingView(
        tone=tone,
        label=label,
        finding=finding,
        promise=promises.get(finding.check, finding.check.replace("_", " ")),
        times=count_text(finding.count, "time"),
        last=f"{age_text(now - finding.last_at)} ago",
        last_at=clock_text(finding.last_at),
        first_at=clock_text(finding.first_at),
        evidence=evidence_id if file is not None else None,
        curl=file.curl if file is not None else None,
    )


def _tone_and_label(finding: RecentFinding, *, current: bool) -> tuple[str, str]:
    """
    Its colour and its state in a word or two.
    """
    # The reason for accepting it was written by somebody: it counts for more than the kind.
    if finding.accepted is not None:
        return "idle", "accepted"
    if is_broken(finding):
        return ("bad", "broken") if current else ("past", "was broken")
    return _TONES_AND_LABELS[finding.kind]
