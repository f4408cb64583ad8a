"""
What was said of an answer when it came: whoever judges its recording again can tell what the
recording alone doesn't show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.acceptance.accepted import starred
from jobproof.contract.model.finding import Basis, Finding, Kind

__all__ = ["LiveJudgement", "StoredFinding", "Unseen", "seen_in"]

_LONGEST_POINTER = 200
_LONGEST_MESSAGE = 1_000


class Unseen(StrEnum):
    """
    What a judgement had before it that isn't in the file: a closed set.
    """

    MASKED = "masked"
    """A part of the answer, or of the id: a secret stood there."""
    CUT = "cut"
    """A body that is too large to be kept."""
    HISTORY = "history"
    """Earlier answers."""


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """
    A finding as a file remembers it.
    """

    check: str
    kind: str
    basis: str
    source: str
    pointer: str
    message: str

    def breaks(self, *, strict: bool) -> bool:
        """
        Whether it turned the run red; as with `Finding`, of which no accepted one is kept.
        """
        is_broken = self.kind == Kind.VIOLATION.value
        return is_broken and (strict or self.basis != Basis.INFERRED.value)

    def as_dict(self) -> JsonObject:
        """
        As it stands in a file.
        """
        return {name: getattr(self, name) for name in StoredFinding.__slots__}


@dataclass(frozen=True, slots=True)
class LiveJudgement:
    """
    What was said of one answer when it came.

    Attributes:
        findings: Those that aren't accepted.
        lacks: What they may rest on, and who reads the file doesn't see.
        staleness_s: By which a replica was allowed to be behind.
    """

    findings: tuple[StoredFinding, ...] = ()
    lacks: frozenset[Unseen] = frozenset()
    staleness_s: float = 0.0

    def lost(self, again: Iterable[Finding]) -> tuple[StoredFinding, ...]:
        """
        What was said live and isn't said again, because what it rests on isn't there: all the
        rest is judged anew, perhaps by another contract.

        Args:
            again: What is said of the same answer now.
        """
        if not self.lacks:
            return ()
        said = {(f.check, f.kind.value, starred(f.pointer[:_LONGEST_POINTER])) for f in again}
        return tuple(f for f in self.findings if (f.check, f.kind, starred(f.pointer)) not in said)


def seen_in(finding: Finding, redactor: Redactor) -> StoredFinding:
    """
    A finding as a file remembers it, without secrets.
    """
    return StoredFinding(
        check=finding.check,
        kind=finding.kind.value,
        basis=finding.basis.value,
        source=finding.source,
        pointer=redactor.text(finding.pointer)[:_LONGEST_POINTER],
        message=redactor.text(finding.message)[:_LONGEST_MESSAGE],
    )
