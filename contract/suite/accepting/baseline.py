"""
An earlier run's report beside this one's: which gaps and which drift are news.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.addresses.urls import is_loopback
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.model.acceptance.accepted import starred
from jobproof.contract.model.finding import Drift, Kind
from jobproof.contract.suite.accepting.kept_report import KeptReport, read_report

__all__ = ["Baseline", "read_baseline"]

_Place = tuple[str, ...]
_COMPARED = (Kind.GAP, Kind.DRIFT)
"""What nobody has broken. A violation is news in every run."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """
    What an earlier run has told.
    """

    report: KeptReport
    _known: frozenset[_Place]

    def compared(self, report: JsonDocument) -> JsonDocument:
        """
        This run's report, each gap and drift in it marked as known or new; nothing is left out.
        """
        findings = [self._marked(one) for one in report["findings"]]
        marks = [one["known"] for one in findings if one.get("known") is not None]
        told = {
            "file": legible(str(self.report.path)),
            "url": self.report.url,
            "started_at": self.report.started_at,
            "known": marks.count(True),
            "new": marks.count(False),
        }
        notes = [*report["notes"], *self._of_another_place(report["url"])]
        return {**report, "findings": findings, "notes": notes, "baseline": told}

    def _marked(self, finding: JsonDocument) -> JsonDocument:
        if finding["kind"] not in _COMPARED:
            return finding
        new = [place for place in _places_of(finding) if place not in self._known]
        marked = {**finding, "known": not new}
        if new and finding["drift"] == Drift.UNDECLARED_KEY:
            # Many keys are one finding, and a few of them may be the news.
            marked["new_pointers"] = [place[-1] for place in new]
        return marked

    def _of_another_place(self, url: str | None) -> tuple[str, ...]:
        other = self.report.url
        # On this machine a mock's port is drawn anew each time.
        if (
            other is None
            or url is None
            or other == url
            or (is_loopback(other) and is_loopback(url))
        ):
            return ()
        return (f"the baseline is of {legible(shorten(other, 200))}, and this run of {url}",)


def read_baseline(path: str | None, api: str) -> Baseline | None:
    """
    What `--baseline` names; None where it isn't given.

    Raises:
        ConfigError: It is no report, or one of another API.
    """
    if path is None:
        return None
    try:
        report = read_report(Path(path))
    except ConfigError as exc:
        raise ConfigError(f"--baseline {exc}") from None
    if report.api != api:
        named = legible(shorten(report.api, 60))
        raise ConfigError(f"--baseline {path}: a report of the API {named!r}, and not of {api!r}")
    known = (one for one in report.findings if one["kind"] in _COMPARED)
    return Baseline(report, frozenset(place for one in known for place in _places_of(one)))


def _places_of(finding: Mapping[str, Json]) -> tuple[_Place, ...]:
    """
    What makes two findings of two runs the same news, as it does in one run; of new keys each.
    """
    sort = (str(finding["check"]), str(finding["kind"]))
    if finding["kind"] == Kind.GAP:
        return ((*sort, json.dumps(finding.get("found"), sort_keys=True)),)
    pointers = finding["pointers"] if finding.get("drift") == Drift.UNDECLARED_KEY else None
    places = pointers if isinstance(pointers, list) else [finding["pointer"]]
    word = str(finding.get("drift"))
    return tuple(dict.fromkeys((*sort, word, starred(str(place))) for place in places))
