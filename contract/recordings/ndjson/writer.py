"""
One exchange as one JSON object: `exchange.schema.json` says its form.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from jobproof.contract.formats.headers import HeaderPairs
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.model.exchange import Exchange, Phases, Request, Response, TransportFailure
from jobproof.contract.model.manners.manner import Manner

__all__ = ["FORMAT", "exchange_line", "written_moment"]

FORMAT = "jobproof.exchange/1"
"""What a line's `format` says; its number rises when a reader of this one would go wrong."""


def exchange_line(exchange: Exchange, *, body_bytes: int | None = None) -> JsonObject:
    """
    The exchange as values of JSON.

    Args:
        exchange: Without secrets: `Exchange.redacted`.
        body_bytes: A body longer than that is left out, never cut; its size stays.
    """
    request, answer = exchange.request, exchange.answer
    response = answer if isinstance(answer, Response) else answer.partial
    return {
        "format": FORMAT,
        "started_at": written_moment(exchange.started_at),
        "elapsed_seconds": round(exchange.elapsed_s, 6) if exchange.is_timed else None,
        "request": _request(request),
        "response": None if response is None else _response(response, body_bytes),
        "failure": _failure(answer) if isinstance(answer, TransportFailure) else None,
        "job_id": request.job_id,
        "subject": request.subject.value,
        "credential": request.credential.value,
        **({} if request.manner is Manner.PLAIN else {"manner": request.manner.value}),
        "remote_ip": exchange.remote_ip,
        "phases": {name: round(getattr(exchange.phases, name), 6) for name in Phases.__slots__},
    }


def written_moment(at: float) -> str:
    """
    Unix seconds as RFC 3339 writes them.
    """
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def _request(request: Request) -> JsonObject:
    return {
        "method": request.method,
        "url": request.url,
        **_headers(request.headers, whole=request.has_all_headers),
    }


def _response(response: Response, body_bytes: int | None) -> JsonObject:
    return {
        "code": response.code,
        **_headers(response.headers, whole=response.has_all_headers),
        **_body(response.body, body_bytes),
        "http_version": response.http_version,
    }


def _headers(headers: HeaderPairs, *, whole: bool) -> JsonObject:
    pairs: Json = [list(pair) for pair in headers]
    if whole:
        return {"headers": pairs}
    return {"headers": pairs, "has_all_headers": False} if headers else {"headers": None}


def _body(body: bytes | None, at_most: int | None) -> JsonObject:
    if body is None:
        return {"body": None}
    if at_most is not None and len(body) > at_most:
        return {"body": None, "body_size": len(body)}
    try:
        return {"body": body.decode("utf-8"), "body_size": len(body)}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode("ascii"), "body_size": len(body)}


def _failure(failure: TransportFailure) -> JsonObject:
    return {
        "reason": failure.reason.value,
        "detail": failure.detail,
        "head_arrived": failure.partial is not None,
    }
