"""
A red line as a run prints it, of an answer that was made up.
"""

from __future__ import annotations

import json

from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.exchange import Credential, Exchange, Response, Subject
from jobproof.contract.model.request import build_request
from jobproof.contract.model.trace import Trace
from jobproof.contract.model.verdict import group
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.reporting.explain import evidence_of, explain

__all__ = ["red_line"]

_JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
_ANOTHER = "91d2c6b0-55a3-4f0e-8d8b-6f6d6f5f0a11"
_ASKED_AT = (1_790_000_000.0, 1_790_000_047.0)


def red_line() -> str:
    """
    What is printed where the id of another job comes back.
    """
    api = find_api(default_api())
    target = SuiteTarget(api, "https://api.krea.ai", Secret("made-up-token"), "KREA_API_TOKEN", ())
    request = build_request(
        *(api, target.base_url, _JOB),
        subject=Subject.KNOWN,
        credential=Credential.OWNER,
        token=target.token,
    )
    body = json.dumps(
        {"job_id": _ANOTHER, "status": "queued", "created_at": "2026-09-21T14:13:00.000Z"}
    ).encode()
    answer = Response(200, (("content-type", "application/json"),), body, body)
    checks = load_checks()
    found = [
        finding
        for at in _ASKED_AT
        for finding in Judge(checks)(
            Trace.of(api, [api.observe(Exchange(request, answer, at, 0.1))])
        )
        if finding.check == "job_id_is_echoed"
    ]
    groups = group(found)
    check = next(check for check in checks if check.id == groups[0].first.check)
    evidence = evidence_of(groups, "report.json")
    return explain(groups[0], check, target=target, evidence=evidence)
