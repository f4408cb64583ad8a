"""
The findings as SARIF 2.1.0, for code scanning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.model.finding import Basis, Kind, Severity
from jobproof.contract.model.verdict import Verdict
from jobproof.contract.suite.publishing.shown_report import ShownFinding, ShownReport

__all__ = ["sarif"]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_PRECISION = {Basis.DOCUMENTED: "very-high", Basis.RFC: "very-high", Basis.INFERRED: "medium"}
_RFC = re.compile(r"RFC ([0-9]{3,5})")


def sarif(report: ShownReport) -> JsonObject:
    """
    One run: a rule for each check that has found something, and a result for each finding.
    """
    rules = {one.check: one for one in reversed(report.findings)}
    order = sorted(rules)
    results: list[Json] = [_result(one, order.index(one.check), report) for one in report.findings]
    invocation: JsonObject = {
        "executionSuccessful": report.exit_code in (0, 1),
        "exitCode": report.exit_code,
        "exitCodeDescription": report.headline,
    }
    if report.verdict == Verdict.INCONCLUSIVE:
        invocation["toolExecutionNotifications"] = [
            {"level": "error", "message": {"text": report.headline}}
        ]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "jobproof",
                        "version": report.version,
                        "rules": [_rule(rules[check]) for check in order],
                    }
                },
                # Of two APIs in one repository neither takes the other's alerts for mended.
                "automationDetails": {"id": f"jobproof/{report.api}/"},
                "invocations": [invocation],
                "results": results,
            }
        ],
    }


def _rule(found: ShownFinding) -> JsonObject:
    promise = found.promise or found.check
    stands = f"Where it stands written ({found.basis}): {found.source}"
    rule: JsonObject = {
        "id": found.check,
        "name": "".join(word.capitalize() for word in found.check.split("_")),
        "shortDescription": {"text": promise},
        "fullDescription": {"text": f"{promise} {stands}"},
        "help": {
            "text": f"{promise}\n\n{stands}\n\n`docs/checks.md` of jobproof lists every promise."
        },
        "defaultConfiguration": {"level": "warning" if found.basis == Basis.INFERRED else "error"},
        "properties": {
            "tags": list(dict.fromkeys(("contract", found.basis, found.severity))),
            "precision": _PRECISION.get(Basis(found.basis), "medium")
            if found.basis in list(Basis)
            else "medium",
            "problem.severity": "error"
            if found.severity in (Severity.CRITICAL, Severity.HIGH)
            else "warning",
        },
    }
    rfc = _RFC.search(found.source)
    if rfc is not None:
        rule["helpUri"] = f"https://www.rfc-editor.org/rfc/rfc{rfc[1]}"
    return rule


def _result(found: ShownFinding, rule: int, report: ShownReport) -> JsonObject:
    result: JsonObject = {
        "ruleId": found.check,
        "ruleIndex": rule,
        "level": _level(found),
        "message": {"text": "\n".join(_said(found))},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(report.path)},
                    "region": {"startLine": report.line},
                },
                "logicalLocations": [{"fullyQualifiedName": found.pointer, "kind": "member"}],
            }
        ],
        # By the second one code scanning knows an alert again; it hashes the line where it is
        # missing, and all findings of a check are at one line.
        "partialFingerprints": {
            "jobproof/v1": found.fingerprint,
            "primaryLocationLineHash": f"{found.fingerprint[:16]}:1",
        },
        "occurrenceCount": found.count,
        "properties": {"kind": found.kind, "basis": found.basis, "severity": found.severity},
    }
    if found.accepted:
        result["suppressions"] = [{"kind": "external", "justification": found.accepted}]
    return result


def _level(found: ShownFinding) -> Json:
    if found.breaks:
        return "error"
    return "warning" if found.kind == Kind.VIOLATION else "note"


def _said(found: ShownFinding) -> Iterator[str]:
    yield f"{found.promise or found.check} At {found.pointer}: {found.message}"
    if found.asked:
        yield f"Asked: {found.asked}, seen in {found.how_often}."
    if found.curl:
        yield f"Again: {found.curl}"
