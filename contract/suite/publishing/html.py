"""
The report as one HTML file: nothing is loaded, nothing runs, and all foreign text is text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import groupby

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from jobproof.contract.model.finding import Kind
from jobproof.contract.model.verdict import CheckState, Verdict
from jobproof.contract.suite.publishing.life_picture import LifeMark, life_picture, span_text
from jobproof.contract.suite.publishing.shown_report import (
    ShownCheck,
    ShownFinding,
    ShownLife,
    ShownReport,
)

__all__ = ["html"]

_MOST_FINDINGS = 150
_MOST_NEWS = 300
_MOST_PICTURES = 24
_MOST_MARKS = 8
_TONES = {Verdict.KEPT: "ok", Verdict.BROKEN: "bad", Verdict.INCONCLUSIVE: "odd"}
_STATES = (CheckState.BROKEN, CheckState.WARNED, CheckState.KEPT, CheckState.NOT_REACHED)


@dataclass(frozen=True, slots=True)
class _Picture:
    """
    A life with its picture and the numbers of the findings on it.
    """

    life: ShownLife
    drawn: Markup
    numbers: tuple[int, ...]


def html(report: ShownReport) -> str:
    """
    The whole page.
    """
    folder = files("jobproof.contract.suite.publishing") / "templates"
    style = (folder / "report.css").read_text(encoding="utf-8")
    page = (folder / "report.html").read_text(encoding="utf-8")
    environment = Environment(
        loader=DictLoader({"report.html": page}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    promises = [one for one in report.findings if one.kind == Kind.VIOLATION]
    shown = promises[:_MOST_FINDINGS]
    lives = _pictures(report, shown)
    return environment.get_template(
        "report.html"
    ).render(
        report=report,
        tone=_TONES[Verdict(report.verdict)],
        # Not Markup: the hash is of what a browser reads, and both files are ours.
        style=Markup(style),  # noqa: S704
        style_hash=_hash(style),
        facts=[(name, text) for name, text in report.facts if text],
        findings=list(enumerate(shown, start=1)),
        more_findings=len(promises) - len(shown),
        news=_news(report),
        pictures=lives[:_MOST_PICTURES],
        quiet=_quiet(report, lives),
        checks=_checks(report.checks),
        span=span_text,
    )


def _hash(style: str) -> str:
    digest = hashlib.sha256(style.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _news(report: ShownReport) -> list[tuple[str, list[ShownFinding], int]]:
    """
    Of each kind that breaks nothing: its name, the first of them, and how many more there are.
    """
    found = []
    for kind in (Kind.GAP, Kind.DRIFT, Kind.INCONCLUSIVE):
        alike = [one for one in report.findings if one.kind == kind]
        if alike:
            found.append((kind.value, alike[:_MOST_NEWS], len(alike[_MOST_NEWS:])))
    return found


def _pictures(report: ShownReport, shown: Sequence[ShownFinding]) -> list[_Picture]:
    """
    Lives worth a picture: those with a finding on them, then those with most steps.
    """
    pictures = []
    for life in report.lives:
        marks = [
            LifeMark(number, at_s)
            for number, found in enumerate(shown, start=1)
            if found.job == life.job and (at_s := _after(life.began_at, found.at)) is not None
        ]
        if marks or len(life.steps) > 1:
            kept = marks[:_MOST_MARKS]
            numbers = tuple(mark.number for mark in marks)
            pictures.append(_Picture(life, life_picture(life, report.statuses, kept), numbers))
    # Whose steps are many has most to show; of the same the order stays.
    return sorted(pictures, key=lambda one: (not one.numbers, -len(one.life.steps)))


def _after(began_at: str, at: str) -> float | None:
    try:
        passed = datetime.fromisoformat(at) - datetime.fromisoformat(began_at)
    except (ValueError, TypeError):
        return None
    return passed.total_seconds()


def _quiet(report: ShownReport, pictures: Sequence[_Picture]) -> list[tuple[str, int]]:
    """
    Of jobs that are not drawn: in which statuses how many were seen.
    """
    drawn = {id(one.life) for one in pictures[:_MOST_PICTURES]}
    words = sorted(life.steps[-1].status for life in report.lives if id(life) not in drawn)
    return [(word, len(list(alike))) for word, alike in groupby(words)]


def _checks(checks: Sequence[ShownCheck]) -> list[tuple[str, list[ShownCheck]]]:
    by_state = ((s.value, [one for one in checks if one.state == s]) for s in _STATES)
    return [(state.replace("_", " "), found) for state, found in by_state if found]
