"""
What was said of an answer when it came, in the answer's own HAR entry.
"""

from __future__ import annotations

from collections.abc import Iterable

from jobproof.contract.formats.json_value import JsonDocument, JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.finding import Finding
from jobproof.contract.recordings.har.own import NOTES
from jobproof.contract.recordings.live_judgement import (
    LiveJudgement,
    StoredFinding,
    Unseen,
    seen_in,
)

__all__ = ["add_live", "read_live"]

# A recording is foreign text, also where it calls itself ours.
_MOST_FINDINGS = 1_000


def add_live(
    entry: JsonObject,
    findings: Iterable[Finding],
    redactor: Redactor,
    *,
    has_history: bool,
    staleness_s: float = 0.0,
) -> None:
    """
    Put what was said of an exchange into its entry: what can't be seen in it any more isn't lost.

    Args:
        has_history: Whether all that it was judged by stands beside it.
        staleness_s: By which a replica was allowed to be behind.
    """
    notes = entry[NOTES]
    assert isinstance(notes, dict)
    told = [seen_in(finding, redactor) for finding in findings if finding.accepted is None]
    notes["live"] = {
        "findings": [one.as_dict() for one in told],
        "has_history": has_history,
        "staleness_s": staleness_s,
    }


def read_live(entry: JsonDocument) -> LiveJudgement | None:
    """
    What was said of the answer in a HAR entry; None where the entry doesn't tell.
    """
    try:
        notes = entry[NOTES]
        live = notes["live"]
        lacking = {
            Unseen.MASKED: notes.get("masked") is True,
            Unseen.CUT: notes.get("cut") is True,
            Unseen.HISTORY: live["has_history"] is not True,
        }
        return LiveJudgement(
            tuple(_stored(one) for one in live["findings"][:_MOST_FINDINGS]),
            frozenset(lack for lack, is_so in lacking.items() if is_so),
            _seconds(live["staleness_s"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # not written by us: then it is an exchange like any other


def _stored(written: JsonDocument) -> StoredFinding:
    return StoredFinding(**{name: str(written[name]) for name in StoredFinding.__slots__})


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError("no number of seconds")
    return float(value)
