"""
Exchanges as HAR 1.2 files, redacted when written, judged again when read.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.digits import read_decimal
from jobproof.contract.formats.json_value import JsonDocument, JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.text_file import read_text
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
from jobproof.contract.model.finding import shorten

__all__ = ["har", "har_entry", "read_har", "read_har_entry"]

_KEPT_BYTES = 65_536
_LARGEST = 1e12


def har(
    exchanges: Iterable[Exchange],
    redactor: Redactor | None = None,
    *,
    version: str = "0",
    notes: JsonDocument | None = None,
) -> JsonObject:
    """
    A HAR 1.2 log of `exchanges`, redacted; `jobproof check` reads it.

    Args:
        redactor: Knows of more secrets than the requests themselves carry.
        notes: What else the log is to hold, under keys that start with `_`.
    """
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "jobproof", "version": version},
            "entries": [har_entry(exchange, redactor) for exchange in exchanges],
            **(notes or {}),
        }
    }


def har_entry(exchange: Exchange, redactor: Redactor | None = None) -> JsonObject:
    """
    One HAR entry, redacted. `_jobproof` holds what HAR has no place for.
    """
    exchange = exchange.redacted(redactor or Redactor())
    request, answer = exchange.request, exchange.answer
    response = answer if isinstance(answer, Response) else answer.partial
    phases = exchange.phases
    notes: JsonObject = {
        "job_id": request.job_id,
        "subject": request.subject.value,
        "credential": request.credential.value,
    }
    if isinstance(answer, TransportFailure):
        notes["failure"] = {
            "reason": answer.reason.value,
            "detail": answer.detail,
            "head_arrived": answer.partial is not None,
        }
    entry: JsonObject = {
        "startedDateTime": datetime.fromtimestamp(exchange.started_at, UTC).isoformat(
            timespec="microseconds"
        ),
        "time": round(exchange.elapsed_s * 1000, 3),
        "request": {
            "method": request.method,
            "url": request.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _headers(request.headers),
            "queryString": [],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": _har_response(response),
        "cache": {},
        "timings": {
            "dns": _ms(phases.resolve),
            "connect": _ms(phases.connect + phases.tls),
            "ssl": _ms(phases.tls),
            "send": 0,
            "wait": _ms(phases.wait),
            "receive": _ms(phases.transfer),
        },
        "_jobproof": notes,
    }
    if exchange.remote_ip:
        entry["serverIPAddress"] = exchange.remote_ip
    return entry


def read_har(path: Path) -> list[Exchange]:
    """
    The exchanges in a HAR file, oldest first.

    Raises:
        RecordingError: The file can't be read, is no HAR, or holds no entry.
    """
    text = read_text(path, RecordingError)
    if not text.strip():
        raise RecordingError(f"{path}: the file is empty: record some traffic first")
    try:
        data = json.loads(text)
    except RecursionError:
        raise RecordingError(f"{path}: not JSON, so no HAR: nested too deep to read") from None
    except ValueError as exc:
        raise RecordingError(f"{path}: not JSON, so no HAR: {exc}") from None
    log = data.get("log") if isinstance(data, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise RecordingError(f"{path}: no HAR: it has no log.entries")
    if not entries:
        raise RecordingError(f"{path}: the HAR is empty: record some traffic first")
    found = []
    for index, entry in enumerate(entries):
        try:
            found.append(read_har_entry(entry))
        except RecordingError as exc:
            raise RecordingError(f"{path}: log.entries[{index}] {exc}") from None
    return sorted(found, key=lambda exchange: exchange.started_at)


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


def _headers(headers: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _har_response(response: Response | None) -> JsonObject:
    if response is None:
        return {
            "status": 0,
            "statusText": "",
            "httpVersion": "",
            "cookies": [],
            "headers": [],
            "content": {"size": 0, "mimeType": ""},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        }
    content: JsonObject = {
        "size": len(response.body),
        "mimeType": response.header("content-type") or "",
    }
    kept = response.body[:_KEPT_BYTES]
    try:
        content["text"] = kept.decode("utf-8")
    except UnicodeDecodeError:
        content["text"] = base64.b64encode(kept).decode("ascii")
        content["encoding"] = "base64"
    if len(kept) < len(response.body):
        content["comment"] = f"cut at {_KEPT_BYTES} bytes"
    return {
        "status": response.code,
        "statusText": "",
        "httpVersion": f"HTTP/{response.http_version}",
        "cookies": [],
        "headers": _headers(response.headers),
        "content": content,
        "redirectURL": response.header("location") or "",
        "headersSize": -1,
        "bodySize": len(response.raw),
    }


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


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _seconds(milliseconds: Any) -> float:
    return max(0.0, _number(milliseconds or 0)) / 1000  # HAR writes -1 for "doesn't apply"


def _number(value: Any) -> float:
    number = read_decimal(value) if isinstance(value, str) else value
    # Neither NaN nor an integer beyond any double passes this.
    if not isinstance(number, int | float) or not abs(number) < _LARGEST:
        raise ValueError(f"{shorten(str(value), 80)!r} is no number to count with")
    return float(number)
