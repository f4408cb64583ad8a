"""
Exchanges as HAR 1.2, redacted when written.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime

from jobproof.contract.formats.json_value import JsonDocument, JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import Exchange, Response, TransportFailure

__all__ = ["har", "har_entry"]

_KEPT_BYTES = 65_536


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
        "size": -1 if response.body is None else len(response.body),
        "mimeType": response.known_header("content-type") or "",
    }
    if response.body is not None:
        content |= _text(response.body)
    return {
        "status": response.code,
        "statusText": "",
        "httpVersion": f"HTTP/{response.http_version}",
        "cookies": [],
        "headers": _headers(response.headers),
        "content": content,
        "redirectURL": response.known_header("location") or "",
        "headersSize": -1,
        "bodySize": -1 if response.raw is None else len(response.raw),
    }


def _text(body: bytes) -> JsonObject:
    content: JsonObject = {}
    kept = body[:_KEPT_BYTES]
    try:
        content["text"] = kept.decode("utf-8")
    except UnicodeDecodeError:
        content["text"] = base64.b64encode(kept).decode("ascii")
        content["encoding"] = "base64"
    if len(kept) < len(body):
        content["comment"] = f"cut at {_KEPT_BYTES} bytes"
    return content


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
