"""
Reports as a run writes them, and as somebody hostile might.
"""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from typing import Any

__all__ = ["HOSTILE", "SCHEMA", "hostile", "made_finding", "made_report"]

SCHEMA = json.loads(
    (files("jobproof.contract.suite.reporting") / "report.schema.json").read_text("utf-8")
)

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
    " ::error::owned | \\| \\\\| `code` ``` [a](http://evil.example) www.evil.example"
    " @everyone #1 %0A::warning::x\r\n::error file=x::y\x1b[31m\x07\u202e <!-- </style> ]]>"
)
"""What breaks out of HTML, Markdown, a command of GitHub's or a terminal, where it can."""

JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"


def made_finding(**other: Any) -> dict[str, Any]:
    """
    One that breaks the contract.
    """
    return {
        "check": "job_id_is_echoed",
        "kind": "violation",
        "basis": "documented",
        "severity": "critical",
        "source": "openapi.yaml: the operation returns the job whose id is in the path",
        "asked": f"GET /jobs/{JOB} (known id, credential: owner)",
        "job": JOB,
        "first_at": "2026-09-21T14:13:20.250+00:00",
        "last_at": "2026-09-21T14:14:07.000+00:00",
        "pointer": "/job_id",
        "pointers": ["/job_id"],
        "message": "expected 'a', found 'b'",
        "expected": "a",
        "found": "b",
        "count": 2,
        "answers": 2,
        "looked": 9,
        "rate": None,
        "breaks": True,
        "accepted": None,
        "drift": None,
        "evidence": {
            "curl": f"curl -sS http://127.0.0.1:9/jobs/{JOB}",
            "har": {"startedDateTime": "2026-09-21T14:13:20.250000+00:00"},
            "excerpt": ["  HTTP/1.1 200", "  {", '>   "job_id": "b"', "  }"],
        },
        **other,
    }


def made_report(*findings: dict[str, Any], **other: Any) -> dict[str, Any]:
    """
    A broken one with these findings; with none, kept.
    """
    broken = any(one["breaks"] for one in findings)
    check = {"id": "job_id_is_echoed", "lack": None, "why": None, "basis": "documented"}
    counts = {name: {} for name in ("properties", "credentials", "subjects", "checks")}
    step = {"first_s": 0.0, "last_s": 0.25, "sights": 2}
    end = {**step, "first_s": 2.0, "last_s": 4.0}
    return {
        "format": 1,
        "verdict": "broken" if broken else "kept",
        "exit_code": int(broken),
        "why": None,
        "crash": None,
        "interrupted": None,
        "selected": None,
        "api": "krea",
        "strict": False,
        "url": "http://127.0.0.1:9",
        "effort": "standard",
        "seed": 7,
        "started_at": "2026-09-21T14:13:20+00:00",
        "duration_seconds": 8.5,
        "requests": 238,
        "findings": list(findings),
        "checks": [
            {**check, "state": "broken" if broken else "kept", "promise": "A job is the one asked."}
        ],
        "reach": {
            **counts,
            "codes": {"200": 12, "404": 3},
            "job_statuses": {"queued": 2, "processing": 3, "completed": 1, "unknown": 0},
            "validated_bodies": 12,
            "generated_validated_bodies": 0,
            "unreached_statuses": [],
            "missing": [],
        },
        "lives": [
            {
                "job": JOB,
                "subject": "known",
                "began_at": "2026-09-21T14:13:20.000+00:00",
                "sights": 5,
                "cut": False,
                "steps": [
                    {"status": "processing", "phase": "pending", **step},
                    {"status": "queued", "phase": "pending", **step, "first_s": 1, "last_s": 1},
                    {"status": "completed", "phase": "succeeded", **end},
                ],
            }
        ],
        "place": {"path": "api/openapi.yaml", "line": 12},
        "overlay": None,
        "notes": [],
        "jobproof": "0.1.0",
        **other,
    }


def hostile(report: dict[str, Any], text: str = HOSTILE) -> dict[str, Any]:
    """
    The same with that text in the place of each text that nobody chooses from.
    """
    closed = {"verdict", "kind", "first_at", "last_at", "began_at", "startedDateTime"}

    def spoiled(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: v if k in closed else spoiled(v) for k, v in value.items()}
        if isinstance(value, list):
            return [spoiled(item) for item in value]
        return text if isinstance(value, str) else value

    return {**spoiled(copy.deepcopy(report)), "verdict": report["verdict"]}
