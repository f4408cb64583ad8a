"""
Exchanges as HAR 1.2, redacted when written.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime

from jobproof.contract.formats.json_value import JsonDocument, JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import Exchange, Response
from jobproof.contract.recordings.har.own import NOTES, notes_of

__all__ = ["har", "har_entry", "har_log"]


def har(
    exchanges: Iterable[Exchange],
    redactor: Redactor | None = None,
    *,
    version: str = "0",
) -> JsonObject:
    """
    A HAR 1.2 log of `exchanges`, redacted; `jobproof check` reads it.

    Args:
        redactor: Knows of more secrets than the requests themselves carry.
    """
    return har_log([har_entry(exchange, redactor) for exchange in exchanges], version=version)


def har_log(
    entries: Iterable[JsonObject], *, version: str = "0", notes: JsonDocument | None = None
) -> JsonObject:
    """
    A HAR 1.2 log of entries that are written already.

    Args:
        notes: What else the log is to hold, under keys that start with `_`.
    """
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "jobproof", "version": version},
            "entries": list(entries),
            **(notes or {}),
        }
    }


def har_entry(
    exchange: Exchange, redactor: Redactor | None = None, *, has_body: bool = True
) -> JsonObject:
    """
    One HAR entry, redacted. `_jobproof` holds what HAR has no place for.

    Args:
        has_body: False leaves the answer's body out; read back, it isn't known.
    """
    whole, exchange = exchange, exchange.redacted(redactor or Redactor())
    request, response = exchange.request, _answered(exchange)
    is_cut = not has_body and response is not None and bool(response.body)
    phases = exchange.phases
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
        "response": _har_response(response, is_cut=is_cut),
        "cache": {},
        "timings": {
            "dns": _ms(phases.resolve),
            "connect": _ms(phases.connect + phases.tls),
            "ssl": _ms(phases.tls),
            "send": 0,
            "wait": _ms(phases.wait),
            "receive": _ms(phases.transfer),
        },
        NOTES: notes_of(exchange, is_masked=_differ(exchange, whole), is_cut=is_cut),
    }
    if exchange.remote_ip:
        entry["serverIPAddress"] = exchange.remote_ip
    return entry


def _differ(clean: Exchange, whole: Exchange) -> bool:
    """
    Whether what a check looks at had to be masked.
    """
    return clean.answer != whole.answer or clean.request.job_id != whole.request.job_id


def _answered(exchange: Exchange) -> Response | None:
    failure = exchange.failure
    return exchange.response if failure is None else failure.partial


def _headers(headers: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _har_response(response: Response | None, *, is_cut: bool) -> JsonObject:
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
    if is_cut:
        content["comment"] = "cut: the body is too large to be kept"
    elif response.body is not None:
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
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode("ascii"), "encoding": "base64"}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
