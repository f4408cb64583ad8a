"""
The report of a run: one JSON object, described by `report.schema.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import cast

from jobproof.contract.formats.json_value import JsonDocument, JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.check import Check
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.trace import staleness_in
from jobproof.contract.model.verdict import (
    CheckState,
    FindingGroup,
    Verdict,
    conclude,
    group,
    overlay,
    state_of,
)
from jobproof.contract.recordings.curl_line import curl
from jobproof.contract.recordings.har.writer import har_entry
from jobproof.contract.suite.running.run import Run

__all__ = ["build_report", "finding_as_dict", "write_report"]


def build_report(
    run: Run, *, started_at: float, duration_s: float, generated: bool
) -> JsonDocument:
    """
    Everything a program may want to know of a run.
    """
    target, findings = run.target, run.findings
    profile = target.api.profile
    groups = group(findings)
    missing = run.missing(generated=generated)
    verdict = conclude(findings, missing=missing, strict=target.strict)
    redactor = target.redactor
    report = {
        "verdict": verdict.value,
        "exit_code": verdict.exit_code,
        "why": _why(run, verdict, missing),
        "api": target.api.name,
        "url": target.base_url,
        "strict": target.strict,
        "effort": target.effort.value,
        "started_at": datetime.fromtimestamp(started_at, UTC).isoformat(timespec="seconds"),
        "duration_seconds": round(duration_s, 3),
        "requests": run.requests,
        "findings": [
            finding_as_dict(g, redactor, strict=target.strict, token_env=target.token_env)
            for g in groups
        ],
        "checks": [_check_as_dict(run, check, findings) for check in run.checks],
        "reach": {
            **run.coverage.as_dict(),
            "missing": list(missing),
            **staleness_in(findings, tolerated_s=target.staleness_s),
        },
        "overlay": overlay(groups, title=profile.title),
        "notes": list(target.api.notes),
        "document": {
            "digest": target.api.operation.digest,
            "openapi": target.api.operation.version,
        },
        "jobproof": version("jobproof"),
    }
    # Masked as plain JSON: a value that is turned into text later would escape the redactor.
    plain = json.loads(json.dumps(report, default=str))
    clean = cast("JsonDocument", redactor.value(plain))
    # Masked already, and a token that can't be right stays in it: without it nobody asks the same.
    for shown, masked in zip(clean["findings"], plain["findings"], strict=True):
        shown["evidence"]["curl"] = masked["evidence"]["curl"]
    return clean


def finding_as_dict(
    found: FindingGroup, redactor: Redactor, *, strict: bool, token_env: str
) -> JsonObject:
    """
    One finding as the report and `--json` write it.
    """
    finding = found.first
    return {
        "check": finding.check,
        "kind": finding.kind.value,
        "basis": finding.basis.value,
        "severity": finding.severity.value,
        "source": finding.source,
        "pointer": found.pointer,
        "pointers": list(found.pointers),
        "message": found.message,
        "expected": finding.expected,
        "found": finding.found,
        "count": found.count,
        "breaks": finding.breaks(strict=strict),
        "accepted": finding.accepted,
        "drift": finding.drift.value if finding.drift else None,
        "evidence": {
            "curl": curl(finding.exchange, redactor, token_env=token_env),
            "har": har_entry(finding.exchange, redactor),
        },
    }


def write_report(report: JsonDocument, path: Path) -> None:
    """
    Write `report` as JSON, whole or not at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder: a rename is atomic within one file system only.
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def _check_as_dict(run: Run, check: Check, findings: Iterable[Finding]) -> JsonObject:
    own = [finding for finding in findings if finding.check == check.id]
    lack = run.lack(check)
    state = state_of(own, looked=lack is None, strict=run.target.strict)
    if state is not CheckState.NOT_REACHED:
        lack = None  # what was seen broken was seen
    return {
        "id": check.id,
        "state": state.value,
        "lack": lack.kind.value if lack else None,
        "why": lack.text if lack else None,
        "promise": check.summary,
        "basis": check.basis.value,
    }


def _why(run: Run, verdict: Verdict, missing: tuple[str, ...]) -> str | None:
    if verdict is Verdict.BROKEN:
        return None
    if run.unreachable is not None:
        return f"{run.target.base_url} can't be reached: {run.unreachable}"
    if verdict is Verdict.INCONCLUSIVE:
        refused = [f.message for f in run.findings if f.kind is Kind.INCONCLUSIVE]
        detail = f" ({refused[0]})" if refused else ""
        return f"{'; '.join(missing)}{detail}"
    return None
