"""
A report as values to show: bounded, in single lines, whoever wrote the file.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.model.acceptance.accepted import starred
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.verdict import Verdict
from jobproof.contract.suite.publishing.report_fields import ReportFields
from jobproof.contract.suite.reporting.report import REPORT_FORMAT

__all__ = [
    "ShownCheck",
    "ShownFinding",
    "ShownLife",
    "ShownReport",
    "ShownStep",
    "moment_text",
    "read_shown_report",
]

_VALUE = 400
_MOST_FINDINGS = 5_000
_MOST_CHECKS = 2_000
_MOST_LIVES = 50
_MOST_STEPS = 61
_MOST_EXCERPT_LINES = 16
_MOST_OVERLAY = 200_000


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """
    A finding; the texts are single lines without control characters.

    Attributes:
        promise: What its check promises; "" where the report doesn't say.
        expected: As text; "" where nothing was.
        found: The same of what came.
        at: When the first answer that showed it was asked for.
        fingerprint: The same in every run that finds the same.
        excerpt: Lines of the answer, each with whether it is the place.
    """

    check: str
    kind: str
    basis: str
    severity: str
    source: str
    promise: str
    pointer: str
    message: str
    expected: str
    found: str
    count: int
    answers: int
    looked: int
    breaks: bool
    accepted: str
    asked: str
    job: str
    first_at: str
    last_at: str
    at: str
    curl: str
    excerpt: tuple[tuple[str, bool], ...]
    fingerprint: str

    @property
    def is_warning(self) -> bool:
        """
        Whether a promise is broken that turns no run red, and nobody has accepted that.
        """
        return self.kind == Kind.VIOLATION and not self.breaks and not self.accepted

    @property
    def word(self) -> str:
        """
        What it is called in one word.
        """
        if self.breaks:
            return "broken"
        if self.kind != Kind.VIOLATION:
            return self.kind
        return "accepted" if self.accepted else "warning"

    @property
    def when(self) -> str:
        """
        When it was seen, from the first answer to the last; "" where nobody knows.
        """
        first, last = moment_text(self.first_at), moment_text(self.last_at)
        if first == last or not last:
            return first
        # The day, where it is the same, is said once.
        day, _, time = last.partition(" ")
        began = first.removesuffix(" UTC")
        return f"{began} to {time}" if began.startswith(day) else f"{first} to {last}"

    @property
    def how_often(self) -> str:
        """
        In how many answers it was seen, in words.
        """
        if self.looked > 1:
            return f"{self.answers} of {self.looked} answers"
        return f"{self.count} times" if self.count > 1 else "once"


@dataclass(frozen=True, slots=True)
class ShownStep:
    """
    One status of a job, from its first sight to its last, in seconds after the job's first.
    """

    status: str
    phase: str
    first_s: float
    last_s: float
    sights: int


@dataclass(frozen=True, slots=True)
class ShownLife:
    """
    What was seen of a job's life.
    """

    job: str
    subject: str
    began_at: str
    sights: int
    is_cut: bool
    steps: tuple[ShownStep, ...]


@dataclass(frozen=True, slots=True)
class ShownCheck:
    """
    What became of a promise.
    """

    id: str
    state: str
    why: str
    promise: str
    basis: str
    answers: int


@dataclass(frozen=True, slots=True)
class ShownReport:
    """
    Attributes:
        why: One line; "" where the findings say it.
        facts: What was done, each with its name.
        statuses: Those of the profile, in its order.
        counts: Of the reach, by name: how often each code, status and the like was seen.
        overlay: The patch that documents the gaps, as JSON; "" where there is none.
        path: The file that findings are shown at.
    """

    verdict: str
    exit_code: int
    why: str
    api: str
    url: str
    version: str
    facts: tuple[tuple[str, str], ...]
    findings: tuple[ShownFinding, ...]
    checks: tuple[ShownCheck, ...]
    lives: tuple[ShownLife, ...]
    statuses: tuple[str, ...]
    counts: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    overlay: str
    path: str
    line: int

    @property
    def headline(self) -> str:
        """
        The verdict in one line.
        """
        broken = sum(one.breaks for one in self.findings)
        if self.verdict == Verdict.BROKEN and broken:
            does = "finding breaks" if broken == 1 else "findings break"
            return f"{self.verdict}: {broken} {does} the contract"
        return f"{self.verdict}: {self.why}" if self.why else self.verdict


def moment_text(written: str) -> str:
    """
    A moment of the report for people; as it is written where it is none.
    """
    try:
        return f"{datetime.fromisoformat(written).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return written


def read_shown_report(report: Mapping[str, Json] | JsonDocument) -> ShownReport:
    """
    The values of `report`.

    Raises:
        ConfigError: It is no report of this version; where it isn't is said.
    """
    fields = ReportFields(report, "")
    written = report.get("format")
    if written != REPORT_FORMAT or isinstance(written, bool):
        known = "no report" if written is None else f"a report of format {str(written)[:20]!r}"
        raise ConfigError(f"{known}; jobproof reads those of format {REPORT_FORMAT}")
    verdict = fields.text("verdict")
    if verdict not in list(Verdict):
        raise ConfigError(f"verdict: none of {', '.join(Verdict)}")
    place, reach = fields.object("place"), fields.object("reach")
    checks = tuple(_checks(fields, reach))
    return ShownReport(
        verdict,
        fields.count("exit_code"),
        fields.text("why", 2_000),
        fields.text("api"),
        fields.text("url", 500),
        fields.text("jobproof", 60),
        tuple(_facts(fields)),
        tuple(_findings(fields, {one.id: one.promise for one in checks})),
        checks,
        tuple(_lives(fields)),
        tuple(reach.object("job_statuses").names()),
        tuple((name, tuple(reach.counts(name))) for name in ("codes", "job_statuses", "subjects")),
        tuple(reach.texts("missing")),
        tuple(fields.texts("notes")),
        _overlay(report.get("overlay")),
        place.text("path", 300).lstrip("/") or "openapi.yaml",
        max(1, place.count("line")),
    )


def _facts(fields: ReportFields) -> Iterator[tuple[str, str]]:
    yield "API", fields.text("api")
    yield "asked at", fields.text("url", 500)
    yield "recordings", ", ".join(fields.texts("recordings"))
    yield "begun", moment_text(fields.text("started_at", 60))
    requests = fields.count("requests")
    yield "took", f"{fields.number('duration_seconds'):.1f} s, {requests} requests"
    yield "effort", fields.text("effort", 40)
    seed = fields.count("seed")
    yield "seed", str(seed) if seed else ""
    yield "checks alone", ", ".join(fields.texts("selected"))


def _findings(fields: ReportFields, promises: Mapping[str, str]) -> Iterator[ShownFinding]:
    api, alike = fields.text("api"), Counter[str]()
    for one in fields.objects("findings", _MOST_FINDINGS):
        check, pointer = one.text("check", 120), one.text("pointer", 320)
        evidence = one.object("evidence")
        kind = one.text("kind", 40)
        # What it says holds ids and times: it is another one in each run.
        same = "\n".join((api, check, kind, starred(pointer)))
        alike[same] += 1
        text = f"{same}\n{alike[same]}"
        yield ShownFinding(
            *(check, kind, one.text("basis", 40), one.text("severity", 40)),
            one.text("source", 500),
            promises.get(check, ""),
            *(pointer, one.text("message", 700)),
            *(_value(one.value("expected")), _value(one.value("found"), one.value("expected"))),
            *(max(1, one.count("count")), max(1, one.count("answers")), one.count("looked")),
            one.flag("breaks"),
            one.text("accepted", 500),
            *(one.text("asked", 500), one.text("job", 200)),
            *(one.text("first_at", 60), one.text("last_at", 60)),
            evidence.object("har").text("startedDateTime", 60),
            evidence.text("curl", 6_000),
            tuple(_excerpt(evidence.texts("excerpt", _MOST_EXCERPT_LINES))),
            hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
        )


def _excerpt(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    for line in lines:
        yield line[2:], line.startswith("> ")


def _value(value: Json, beside: Json = None) -> str:
    if value is None and beside is None:
        return ""
    if isinstance(value, str):
        return legible(shorten(value, _VALUE))
    return legible(shorten(json.dumps(value, ensure_ascii=False), _VALUE))


def _checks(fields: ReportFields, reach: ReportFields) -> Iterator[ShownCheck]:
    looked = reach.object("checks")
    for one in fields.objects("checks", _MOST_CHECKS):
        name = one.text("id", 120)
        yield ShownCheck(
            *(name, one.text("state", 40), one.text("why", 400)),
            *(one.text("promise", 400), one.text("basis", 40)),
            looked.object(name).count("answers") if name in looked else 0,
        )


def _lives(fields: ReportFields) -> Iterator[ShownLife]:
    for one in fields.objects("lives", _MOST_LIVES):
        steps = tuple(map(_step, one.objects("steps", _MOST_STEPS)))
        if steps:
            yield ShownLife(
                *(one.text("job", 200), one.text("subject", 40), one.text("began_at", 60)),
                *(one.count("sights"), one.flag("cut"), steps),
            )


def _step(fields: ReportFields) -> ShownStep:
    first_s = fields.number("first_s")
    return ShownStep(
        fields.text("status", 60),
        fields.text("phase", 40),
        first_s,
        # A step of a report that somebody else wrote may end before it begins.
        max(first_s, fields.number("last_s")),
        fields.count("sights"),
    )


def _overlay(overlay: Json) -> str:
    if not isinstance(overlay, Mapping):
        return ""
    text = json.dumps(overlay, indent=2, ensure_ascii=False)
    lines = (legible(line) for line in shorten(text, _MOST_OVERLAY).split("\n"))
    return "\n".join(lines)
