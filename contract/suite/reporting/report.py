"""
The report of a run: one JSON object, described by `report.schema.json`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import cast

from jobproof.contract.formats.json_value import JsonDocument, JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import legible, legible_json, shorten
from jobproof.contract.judging.judge import CRASHED
from jobproof.contract.judging.lives import iso_moment
from jobproof.contract.judging.rates import wilson
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.model.verdict import FindingGroup, Verdict, overlay
from jobproof.contract.recordings.curl_line import curl
from jobproof.contract.recordings.har.live import add_live
from jobproof.contract.recordings.har.writer import har_entry
from jobproof.contract.recordings.recorded import SkipReason
from jobproof.contract.recordings.replay import RecordedRun
from jobproof.contract.suite.accepting.kept_report import REPORT_FORMAT
from jobproof.contract.suite.reporting.excerpt import excerpt
from jobproof.contract.suite.reporting.explain import asked
from jobproof.contract.suite.reporting.outcome import CheckOutcome, Outcome
from jobproof.contract.suite.reporting.place import place_of
from jobproof.contract.suite.running.run import Run
from jobproof.contract.suite.running.sender import Retry

__all__ = [
    "REPORT_FORMAT",
    "build_recorded_report",
    "build_report",
    "finding_as_dict",
    "report_text",
    "report_without_run",
]

_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")

# A client takes a body of a mebibyte, and a run may find a hundred things in as many answers.
_LONGEST_ID = 200
_MOST_BODY_BYTES = 8 * 1024 * 1024


def build_report(
    run: Run,
    outcome: Outcome,
    *,
    retries: Iterable[Retry] = (),
    started_at: float,
    duration_s: float,
) -> JsonDocument:
    """
    Everything a program may want to know of a run.

    Args:
        retries: What was sent again.
    """
    target = run.target
    own: JsonObject = {
        "url": target.base_url,
        "effort": target.effort.value,
        "seed": target.seed or None,
        "started_at": _moment(started_at),
        "duration_seconds": round(duration_s, 3),
        "requests": run.requests,
        "retries": [
            {"method": one.method, "reason": one.reason.value, "detail": one.detail}
            for one in retries
        ],
    }
    report = _report(outcome, own)
    for told, found in zip(report["findings"], outcome.groups, strict=True):
        told["first_seen_by"] = run.first_seen_by(found.first).value
    return report


def build_recorded_report(
    run: RecordedRun, outcome: Outcome, *, started_at: float, duration_s: float
) -> JsonDocument:
    """
    The same of recordings; nothing was sent.
    """
    own: JsonObject = {
        "url": run.base_url,
        "effort": None,
        "seed": None,
        "started_at": _moment(started_at),
        "duration_seconds": round(duration_s, 3),
        "requests": 0,
        "recordings": [legible(str(path)) for path in run.paths],
        "servers": list(run.servers),
        "judged": run.judged,
        "lost": [one.as_dict() for one in run.lost],
        "skipped": [
            {
                "reason": reason.value,
                "count": run.skipped.counts[reason],
                "first": run.skipped.first_of(reason),
            }
            for reason in SkipReason
            if run.skipped.counts[reason]
        ],
    }
    return _report(outcome, own)


def report_without_run(
    *,
    api: str,
    url: str | None,
    exit_code: int,
    why: str,
    crash: str | None = None,
    interrupted: str | None = None,
) -> JsonDocument:
    """
    The same where it came to no run: nothing was sent, and nothing is known.
    """
    counts = ("codes", "job_statuses", "properties", "credentials", "subjects", "checks")
    bodies = {"validated_bodies": 0, "generated_validated_bodies": 0}
    return {
        "format": REPORT_FORMAT,
        "verdict": Verdict.INCONCLUSIVE.value,
        "exit_code": exit_code,
        "why": why,
        "crash": crash,
        "interrupted": interrupted,
        "selected": None,
        "api": api,
        "strict": False,
        "url": url,
        "effort": None,
        "started_at": _moment(time.time()),
        "duration_seconds": 0.0,
        "requests": 0,
        "findings": [],
        "checks": [],
        "acceptances": [],
        "reach": {
            **{name: {} for name in counts},
            **bodies,
            "unreached_statuses": [],
            "missing": [why],
        },
        "lives": [],
        "place": place_of(None),
        "overlay": None,
        "notes": [],
        "jobproof": version("jobproof"),
    }


def _report(outcome: Outcome, own: JsonObject) -> JsonDocument:
    api, redactor, groups = outcome.api, outcome.redactor, outcome.groups
    report = {
        "format": REPORT_FORMAT,
        "verdict": outcome.verdict.value,
        "exit_code": outcome.exit_code,
        "why": outcome.why,
        "crash": outcome.failure,
        "interrupted": outcome.interrupted,
        "selected": None if outcome.selected is None else list(outcome.selected),
        "api": api.name,
        "strict": outcome.strict,
        **own,
        "findings": [
            finding_as_dict(
                *(found, redactor),
                strict=outcome.strict,
                token_env=outcome.token_env,
                words=outcome.words,
                staleness_s=outcome.staleness_s,
                has_body=has_body,
            )
            for found, has_body in _within(groups, _MOST_BODY_BYTES)
        ],
        "checks": [_check_as_dict(one) for one in outcome.of_checks()],
        "acceptances": [one.as_dict() for one in outcome.accepted()],
        "reach": {
            **outcome.coverage.as_dict(),
            "missing": list(outcome.missing),
            **outcome.staleness,
        },
        "lives": outcome.coverage.lives.as_list(),
        "place": place_of(api),
        "overlay": overlay(groups, title=api.profile.title),
        "notes": [*api.notes, *outcome.notes],
        "document": {"digest": api.operation.digest, "openapi": api.operation.version},
        "jobproof": version("jobproof"),
    }
    # Masked as plain JSON: a value that is turned into text later would escape the redactor.
    plain = json.loads(json.dumps(report, default=str))
    clean = cast("JsonDocument", redactor.value(plain))
    # Masked already, and a token that can't be right stays in it: without it nobody asks the same.
    for shown, masked in zip(clean["findings"], plain["findings"], strict=True):
        shown["evidence"]["curl"] = masked["evidence"]["curl"]
    return clean


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def finding_as_dict(
    found: FindingGroup,
    redactor: Redactor,
    *,
    strict: bool,
    token_env: str,
    words: ShellWords = ShellWords(),
    staleness_s: float = 0.0,
    has_body: bool = True,
) -> JsonObject:
    """
    One finding as the report and `--json` write it.

    Args:
        has_body: False leaves the answer's body out.
    """
    finding = found.first
    entry = har_entry(finding.exchange, redactor, has_body=has_body)
    # An answer that came before it stands in another finding's evidence, or in none.
    wider = redactor.also(finding.exchange.request.credentials)
    # Of what was asked, not of what is shown: a mask in the pointer leads nowhere.
    lines = excerpt(finding.exchange, finding.pointer, redactor)
    add_live(entry, [finding], wider, has_history=False, staleness_s=staleness_s)
    return {
        "check": finding.check,
        "kind": finding.kind.value,
        "basis": finding.basis.value,
        "severity": finding.severity.value,
        "source": finding.source,
        "asked": wider.text(asked(finding.exchange.request)),
        "job": shorten(finding.exchange.request.job_id or "", _LONGEST_ID) or None,
        "first_at": iso_moment(found.began_at),
        "last_at": iso_moment(found.ended_at),
        "pointer": found.pointer,
        "pointers": list(found.pointers),
        "message": found.message,
        "expected": finding.expected,
        "found": finding.found,
        "count": found.count,
        "answers": found.answers,
        "looked": found.looked,
        "rate": _rate(found),
        # A check that crashed says nothing of the endpoint.
        "breaks": finding.check != CRASHED and finding.breaks(strict=strict),
        "accepted": finding.accepted,
        "drift": finding.drift.value if finding.drift else None,
        "evidence": {
            "curl": curl(finding.exchange, redactor, token_env=token_env, words=words),
            "har": entry,
            "excerpt": list(lines),
        },
    }


def _rate(found: FindingGroup) -> JsonObject | None:
    """
    The share of answers in which it was seen; None where nobody counted them.
    """
    if found.looked is None:
        return None
    low, high = wilson(found.answers, found.looked)
    share = found.answers / found.looked
    return {"share": round(share, 4), "low": round(low, 4), "high": round(high, 4)}


def _within(groups: Iterable[FindingGroup], most_bytes: int) -> Iterator[tuple[FindingGroup, bool]]:
    """
    Each with whether its answer's body stays in the report: as long as there is room.
    """
    for found in groups:
        exchange = found.first.exchange
        failure = exchange.failure
        answer = exchange.response if failure is None else failure.partial
        size = len((answer.body if answer is not None else None) or b"")
        yield found, size <= most_bytes
        most_bytes -= size if size <= most_bytes else 0


def report_text(report: JsonDocument) -> str:
    """
    The report's text; half a character, which a body may show and no file can hold, is told by
    its number, and what steers a terminal is escaped.
    """
    text = json.dumps(report, indent=2, ensure_ascii=False)
    text = _HALF_A_CHARACTER.sub(lambda half: f"\\\\u{ord(half[0]):04x}", text)
    return legible_json(text)


def _check_as_dict(outcome: CheckOutcome) -> JsonObject:
    check, lack = outcome.check, outcome.lack
    return {
        "id": check.id,
        "state": outcome.state.value,
        "lack": lack.kind.value if lack else None,
        "why": lack.text if lack else None,
        "promise": check.summary,
        "basis": check.basis.value,
    }
