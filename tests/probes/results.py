"""
Results as the prober makes them, for tests that need some.
"""

from __future__ import annotations

from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Phases,
    Reason,
    Request,
    Response,
    Subject,
    TransportFailure,
)
from jobproof.contract.model.finding import Basis, Finding, Kind, Severity
from jobproof.probes.result import ProbeOutcome, ProbeResult

__all__ = ["NOW", "TOKEN", "exchange", "failed", "finding", "result"]

NOW = 1_764_000_000.0
TOKEN = "tok/en+0123456789abcdef"


def exchange(
    *,
    at: float = NOW,
    code: int = 200,
    body: bytes = b'{"job_id": "j", "status": "queued"}',
    elapsed_s: float = 0.1,
    job_id: str = "j",
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),),
) -> Exchange:
    return Exchange(
        request=Request(
            "GET",
            f"http://127.0.0.1:9/jobs/{job_id}",
            (("Authorization", f"Bearer {TOKEN}"), ("Accept", "application/json")),
            job_id,
            Subject.KNOWN,
            Credential.OWNER,
        ),
        answer=Response(code, headers, body, body),
        started_at=at - elapsed_s,
        elapsed_s=elapsed_s,
        phases=Phases(0.001, 0.002, 0.003, elapsed_s - 0.007, 0.001),
        remote_ip="127.0.0.1",
    )


def finding(
    of: Exchange,
    check: str = "job_id_is_echoed",
    *,
    kind: Kind = Kind.VIOLATION,
    pointer: str = "/job_id",
    message: str = "expected 'j', found 'k'",
) -> Finding:
    return Finding(
        check=check,
        kind=kind,
        basis=Basis.DOCUMENTED,
        source="openapi.yaml, path parameter `id`",
        severity=Severity.HIGH,
        pointer=pointer,
        message=message,
        expected="j",
        found="k",
        exchange=of,
    )


def result(
    outcome: ProbeOutcome = ProbeOutcome.OK,
    *,
    at: float = NOW,
    target: str = "krea",
    canary: str = "known",
    seen: Exchange | None = None,
    checks: tuple[str, ...] = (),
    kind: Kind = Kind.VIOLATION,
    duration_s: float = 0.1,
    job_status: str | None = "queued",
) -> ProbeResult:
    seen = seen or exchange(at=at, elapsed_s=duration_s)
    return ProbeResult(
        target=target,
        canary=canary,
        outcome=outcome,
        intended_at=at - duration_s,
        duration_s=duration_s,
        lag_s=0.0,
        exchange=seen,
        findings=tuple(finding(seen, check, kind=kind) for check in checks),
        job_status=job_status,
    )


def failed(
    reason: Reason = Reason.TIMEOUT, *, at: float = NOW, canary: str = "known"
) -> ProbeResult:
    asked = exchange(at=at)
    silent = Exchange(asked.request, TransportFailure(reason, "no byte in 10 s"), at - 10.0, 10.0)
    return ProbeResult("krea", canary, ProbeOutcome(reason.value), at - 10.0, 10.0, 0.0, silent)
