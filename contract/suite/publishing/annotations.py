"""
GitHub's annotations: lines of a step's output that show up beside the changed files.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.contract.model.verdict import Verdict
from jobproof.contract.suite.publishing.shown_report import ShownFinding, ShownReport

__all__ = ["annotation_lines"]

_MOST = 10
"""GitHub shows so many errors of a step, and so many warnings."""


def annotation_lines(report: ShownReport) -> Iterator[str]:
    """
    One line for each finding that breaks the contract and for each warning, and one that says how
    many more there are.
    """
    errors = [one for one in report.findings if one.breaks]
    warnings = [one for one in report.findings if one.is_warning]
    for one in errors[:_MOST]:
        yield _line("error", report, one)
    for one in warnings[:_MOST]:
        yield _line("warning", report, one)
    if not errors and report.verdict != Verdict.KEPT:
        title = _property(f"job endpoint contract: {report.verdict}")
        yield f"::error title={title}::{_data(report.headline)}"
    more = len(errors[_MOST:]) + len(warnings[_MOST:])
    if more:
        title = _property("job endpoint contract")
        said = f"{more} more {'finding' if more == 1 else 'findings'}: the report has them all"
        yield f"::notice title={title}::{_data(said)}"


def _line(level: str, report: ShownReport, found: ShownFinding) -> str:
    place = f"file={_property(report.path)},line={report.line}"
    said = f"{found.promise or found.check} At {found.pointer}: {found.message}"
    asked = f"{found.asked}, {found.how_often}" if found.asked else found.how_often
    text = f"{said}\n{asked}\n{found.curl}"
    return f"::{level} {place},title={_property(found.check)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
