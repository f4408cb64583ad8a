"""
One HAR entry as an exchange, whoever wrote it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.digits import read_decimal
from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.formats.wording import shorten
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

__all__ = ["read_har_entry"]

_LARGEST = 1e12


def read_har_entry(entry: JsonDocument) -> Exchange:
    """
    The exchange in one entry, as `har_entry` or anybody else wrote it.

    Raises:
        RecordingError: It isn't one.
    """
    try:
        return _exchange(entry)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise RecordingError(f"is no HAR entry: {type(exc).__name__}: {exc}") from None


def _exchange(entry: JsonDocument) -> Exchange:
    asked, notes = entry["request"], entry.get("_jobproof", {})
    request = Request(
        method=str(asked["method"]).upper(),
        url=str(asked["url"]),
        headers=_pairs(asked.get("headers", [])),
        job_id=notes.get("job_id"),
        subject=Subject(notes.get("subject", Subject.UNSTATED)),
        credential=Credential(notes.get("credential", Credential.UNSTATED)),
    )
    started = datetime.fromisoformat(str(entry["startedDateTime"]))
    if started.tzinfo is None:
        started = started.replace(tzinfo=UTC)
    timings = entry.get("timings", {})
    return Exchange(
        request=request,
        answer=_answer(entry["response"], notes.get("failure")),
        started_at=started.timestamp(),
        elapsed_s=_seconds(entry.get("time")),
        phases=Phases(
            resolve=_seconds(timings.get("dns")),
            connect=_seconds(timings.get("connect")) - _seconds(timings.get("ssl")),
            tls=_seconds(timings.get("ssl")),
            wait=_seconds(timings.get("wait")),
            transfer=_seconds(timings.get("receive")),
        ),
        remote_ip=entry.get("serverIPAddress") or None,
    )


def _answer(answered: JsonDocument, failure: JsonDocument | None) -> Response | TransportFailure:
    code = int(_number(answered["status"]))
    content = answered.get("content", {})
    text = content.get("text", "")
    body = base64.b64decode(text) if content.get("encoding") == "base64" else text.encode("utf-8")
    response = Response(
        code=code,
        headers=_pairs(answered.get("headers", [])),
        body=body,
        raw=body,
        http_version=str(answered.get("httpVersion", "")).upper().removeprefix("HTTP/") or "1.1",
    )
    if failure is not None:
        partial = response if failure.get("head_arrived") else None
        return TransportFailure(Reason(failure["reason"]), str(failure["detail"]), partial)
    if code == 0:
        return TransportFailure(Reason.CONNECT, "the recording holds no answer")
    return response


def _pairs(headers: Iterable[JsonDocument]) -> tuple[tuple[str, str], ...]:
    return tuple((str(h["name"]), str(h["value"])) for h in headers)


def _seconds(milliseconds: Any) -> float:
    return max(0.0, _number(milliseconds or 0)) / 1000  # HAR writes -1 for "doesn't apply"


def _number(value: Any) -> float:
    number = read_decimal(value) if isinstance(value, str) else value
    # Neither NaN nor an integer beyond any double passes this.
    if not isinstance(number, int | float) or not abs(number) < _LARGEST:
        raise ValueError(f"{shorten(str(value), 80)!r} is no number to count with")
    return float(number)
