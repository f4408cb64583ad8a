"""
Kept evidence as values: what it is of, what it is worth, and its notes in the HAR.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from pathlib import Path

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.recordings.live_judgement import StoredFinding
from jobproof.probes.result import ProbeOutcome, ProbeResult

__all__ = [
    "NOTES",
    "Evidence",
    "EvidencePriority",
    "fingerprint_of",
    "fingerprint_of_outcome",
    "fingerprints_of",
    "new_id",
    "notes_of",
    "priority_of",
    "read_evidence",
]

NOTES = "_jobproof"
"""Where the notes stand in the HAR's log."""

_LOG = logging.getLogger(__name__)


class EvidencePriority(IntEnum):
    """
    How long evidence outlives other evidence.
    """

    SUCCESS = 0
    NOTABLE = 1
    """A gap, a drift, nothing to be said."""
    FAILURE = 2
    """No answer, or one that nobody wants, although no promise is broken."""
    BROKEN = 3
    """A violation."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    One kept file.

    Attributes:
        id: Letters that are safe in a URL and in a file name.
        at: When the answer was whole, Unix seconds.
        curl: A shell line that asks the same again; the token is a variable.
        fingerprints: What it is evidence of.
    """

    id: str
    at: float
    target: str
    canary: str
    outcome: str
    priority: EvidencePriority
    curl: str
    findings: tuple[StoredFinding, ...]
    fingerprints: tuple[str, ...]
    size_bytes: int


def fingerprint_of(target: str, finding: Finding) -> str:
    """
    The name under which evidence of this finding is kept: `EvidenceStore.latest_for`.
    """
    return _digest(target, *finding.fingerprint)


def fingerprint_of_outcome(target: str, canary: str, outcome: ProbeOutcome) -> str:
    """
    The name under which answers that no finding speaks about are kept.
    """
    return _digest(target, canary, outcome.value)


def fingerprints_of(result: ProbeResult) -> tuple[str, ...]:
    """
    The shelves that a result belongs on.
    """
    prints = {fingerprint_of(result.target, finding) for finding in result.findings}
    if not prints or not result.outcome.success:
        prints.add(fingerprint_of_outcome(result.target, result.canary, result.outcome))
    return tuple(sorted(prints))


def priority_of(result: ProbeResult) -> EvidencePriority:
    """
    How long evidence of a result outlives other evidence.
    """
    if any(finding.kind is Kind.VIOLATION for finding in result.findings):
        return EvidencePriority.BROKEN
    if not result.outcome.success:
        return EvidencePriority.FAILURE
    return EvidencePriority.NOTABLE if result.findings else EvidencePriority.SUCCESS


def new_id(result: ProbeResult, prints: Iterable[str]) -> str:
    """
    A name for the evidence of a result: its moment and a digest.
    """
    assert result.exchange is not None
    exchange = result.exchange
    digest = _digest(repr((exchange.started_at, exchange.elapsed_s, exchange.request.url)), *prints)
    return f"{max(0, int(exchange.ended_at * 1000)):013d}"[:13] + f"-{digest}"


def notes_of(evidence: Evidence) -> JsonObject:
    """
    The evidence as JSON, for the HAR that it stands in.
    """
    return {
        "at": evidence.at,
        "target": evidence.target,
        "canary": evidence.canary,
        "outcome": evidence.outcome,
        "worth": int(evidence.priority),
        "curl": evidence.curl,
        "findings": [seen.as_dict() for seen in evidence.findings],
        "fingerprints": list(evidence.fingerprints),
    }


def read_evidence(path: Path) -> Evidence | None:
    """
    The evidence in a file; None where the file is none of ours.
    """
    try:
        content = path.read_bytes()
        notes = json.loads(content)["log"][NOTES]
        return Evidence(
            id=path.stem,
            at=float(notes["at"]),
            target=str(notes["target"]),
            canary=str(notes["canary"]),
            outcome=str(notes["outcome"]),
            priority=EvidencePriority(notes["worth"]),
            curl=str(notes["curl"]),
            findings=tuple(StoredFinding(**seen) for seen in notes["findings"]),
            fingerprints=tuple(str(one) for one in notes["fingerprints"]),
            size_bytes=len(content),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as wrong:
        _LOG.warning("%s is no evidence of ours and is left alone: %s", path, wrong)
        return None


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()
