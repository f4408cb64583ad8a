"""
The findings as GitLab's code quality report.
"""

from __future__ import annotations

from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.wording import shorten
from jobproof.contract.model.finding import Severity
from jobproof.contract.suite.publishing.shown_report import ShownFinding, ShownReport

__all__ = ["code_quality"]

_SEVERITIES = {
    Severity.CRITICAL.value: "blocker",
    Severity.HIGH.value: "critical",
    Severity.MEDIUM.value: "major",
    Severity.LOW.value: "minor",
}


def code_quality(report: ShownReport) -> list[Json]:
    """
    One entry for each finding that nobody has accepted.
    """
    return [
        {
            "description": shorten(f"{one.promise or one.check} {one.message}", 1_000),
            "check_name": one.check,
            "fingerprint": one.fingerprint,
            "severity": _severity(one),
            "location": {"path": report.path, "lines": {"begin": report.line}},
        }
        for one in report.findings
        if not one.accepted
    ]


def _severity(found: ShownFinding) -> str:
    if found.breaks:
        return _SEVERITIES.get(found.severity, "major")
    return "minor" if found.is_warning else "info"
