"""
Exchanges, observations and traces, built in one line each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from functools import cache
from typing import Any

from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Reason,
    Request,
    Response,
    Subject,
    TransportFailure,
)
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import find_api, load_checks

__all__ = [
    "BASE_URL",
    "CREATED",
    "ENDED",
    "JOB",
    "MISSING",
    "NOW",
    "TOKEN",
    "answer",
    "api",
    "asked",
    "failure",
    "job",
    "judge",
    "links",
    "not_found",
    "replay",
    "said",
    "trace",
    "written",
]

JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
MISSING = "0b3f3f0e-7d0e-4b6a-9d7e-3c9f5a1b2c3d"
TOKEN = "krea-token-of-the-owner"  # long enough to be looked for
BASE_URL = "https://api.krea.ai"

NOW = 1_790_000_000.0
CREATED = NOW - 60.0
ENDED = NOW - 20.0

_STATUSES_WITH_AN_END = ("completed", "failed", "cancelled")
_JSON = "application/json"


@cache
def api() -> Api:
    """
    The API that the tests speak of.
    """
    return find_api("krea")


@cache
def judge() -> Judge:
    """
    Every check installed, ours being all of them.
    """
    return Judge(load_checks())


def written(moment: float) -> str:
    """
    A point in time as the API writes it.
    """
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def links(count: int = 1, *, signed: str = "") -> list[str]:
    """
    Links to results on a public host.
    """
    tail = f"?signature={signed}" if signed else ""
    return [f"https://gen.krea.ai/images/{index}.png{tail}" for index in range(count)]


def job(
    status: str = "completed", *, without: Iterable[str] = (), **changes: Any
) -> dict[str, Any]:
    """
    A correct job in `status`; `changes` overwrite its keys, `without` drops some.
    """
    body: dict[str, Any] = {"job_id": JOB, "status": status, "created_at": written(CREATED)}
    if status in _STATUSES_WITH_AN_END:
        body["completed_at"] = written(ENDED)
    if status == "completed":
        body["result"] = {"urls": links()}
    if status == "failed":
        body["error"] = {"code": "GENERATION_FAILED", "message": "no more memory"}
    body.update(changes)
    return {key: value for key, value in body.items() if key not in set(without)}


def asked(
    *,
    method: str = "GET",
    job_id: str | None = JOB,
    subject: Subject = Subject.KNOWN,
    credential: Credential = Credential.OWNER,
    headers: Mapping[str, str] | None = None,
    base_url: str = BASE_URL,
    manner: Manner = Manner.PLAIN,
) -> Request:
    """
    A request for a job as the owner of the token asks.
    """
    sent = {"Accept": _JSON, "Accept-Encoding": "gzip, deflate", **dict(manner.spec.headers)}
    sent.update(headers or {})
    if credential is Credential.OWNER:
        sent["Authorization"] = f"Bearer {TOKEN}"
    return Request(
        method=method,
        url=api().target(base_url, job_id or ""),
        headers=tuple(sent.items()),
        job_id=job_id,
        subject=subject,
        credential=credential,
        manner=manner,
    )


def answer(
    body: Any = None,
    code: int = 200,
    *,
    at: float = NOW,
    elapsed_s: float = 0.1,
    headers: Mapping[str, str | None] | None = None,
    method: str = "GET",
    job_id: str | None = JOB,
    subject: Subject = Subject.KNOWN,
    credential: Credential = Credential.OWNER,
    sent: Mapping[str, str] | None = None,
    base_url: str = BASE_URL,
    more: Iterable[tuple[str, str]] = (),
    version: str = "1.1",
    manner: Manner = Manner.PLAIN,
) -> Exchange:
    """
    One question and a whole answer.

    Args:
        body: A JSON value, or bytes as they are; None: a correct ended job.
        at: Wall clock when the request was sent.
        headers: Over the usual ones; None as value drops a header.
        sent: Headers of the request.
        more: Further headers behind all others, of whatever name, though it be there already.
    """
    value = job() if body is None else body
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    shown: dict[str, str | None] = {
        "content-type": _JSON,
        "date": formatdate(at + elapsed_s, usegmt=True),
    }
    if code == 401:
        shown["www-authenticate"] = 'Bearer realm="api"'
    shown.update({name.lower(): value for name, value in (headers or {}).items()})
    if method == "HEAD":
        data = b""
    return Exchange(
        request=asked(
            method=method,
            job_id=job_id,
            subject=subject,
            credential=credential,
            headers=sent,
            base_url=base_url,
            manner=manner,
        ),
        answer=Response(
            code=code,
            headers=(*((name, text) for name, text in shown.items() if text is not None), *more),
            body=data,
            raw=data,
            http_version=version,
        ),
        started_at=at,
        elapsed_s=elapsed_s,
    )


def not_found(body: Any = None, code: int = 404, **kwargs: Any) -> Exchange:
    """
    A correct answer about an id that nobody has; `kwargs` as for `answer`.
    """
    kwargs = {"job_id": MISSING, "subject": Subject.MISSING, **kwargs}
    return answer({"error": "Job not found"} if body is None else body, code, **kwargs)


def failure(
    reason: Reason = Reason.TIMEOUT,
    *,
    partial: Response | None = None,
    at: float = NOW,
    elapsed_s: float = 10.0,
    **kwargs: Any,
) -> Exchange:
    """
    One question and no whole answer; `kwargs` as for `asked`.
    """
    answer_ = TransportFailure(reason, f"{reason.value} while waiting", partial)
    return Exchange(asked(**kwargs), answer_, at, elapsed_s)


def trace(
    *exchanges: Exchange,
    baseline: Exchange | None = None,
    token: str | None = TOKEN,
    deadline_s: float | None = None,
    of: Api | None = None,
    baselines: Iterable[Exchange] = (),
    staleness_s: float = 0.0,
) -> Trace:
    """
    The exchanges in time order, the last one to be judged.

    Args:
        baselines: Those before `baseline`, oldest first.
    """
    which = of or api()
    return Trace.of(
        which,
        [which.observe(exchange) for exchange in exchanges],
        baselines=tuple(map(which.observe, (*baselines, *([baseline] if baseline else [])))),
        token=token,
        deadline_s=deadline_s,
        staleness_s=staleness_s,
    )


def said(subject: Trace, *kinds: Kind) -> tuple[Finding, ...]:
    """
    What all checks say of `subject`; of these kinds only, where any are given.
    """
    found = judge()(subject)
    return tuple(f for f in found if f.kind in kinds) if kinds else found


def replay(judging: Judge, of: Trace, observations: Iterable[Observation]) -> tuple[Finding, ...]:
    """
    What is found in a job's whole life, in the order of time: each observation by those before it.

    Args:
        of: Whose life it is, and by what it is judged; its own past doesn't count.
    """
    findings: list[Finding] = []
    history = judging.history_of(of.api, staleness_s=of.staleness_s)
    for observation in observations:
        findings += judging(
            Trace.after(
                history,
                of.api,
                observation,
                baselines=of.baselines,
                token=of.token,
                deadline_s=of.deadline_s,
            )
        )
        if observation.intermediary is None:
            history.add(observation)
    return tuple(findings)
