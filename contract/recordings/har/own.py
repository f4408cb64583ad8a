"""
What HAR has no place for, so that an exchange of ours comes back as it was: under `_jobproof`.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.headers import HeaderPairs
from jobproof.contract.formats.json_value import Json, JsonDocument, JsonObject
from jobproof.contract.formats.wording import legible, shorten
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
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.recordings.recorded import LATEST_MOMENT

__all__ = ["NOTES", "is_as_it_was", "notes_of", "read_own_entry"]

NOTES = "_jobproof"
"""Where the notes stand in an entry."""

_FORMAT = 1
_PHASES = ("resolve", "connect", "tls", "wait", "transfer")


def notes_of(exchange: Exchange, *, is_masked: bool, is_cut: bool) -> JsonObject:
    """
    The notes on an exchange that is redacted already.

    Args:
        is_masked: Whether a secret stood in the answer, or in the id.
        is_cut: Whether its body is left out of the entry.
    """
    request, answer = exchange.request, exchange.answer
    notes: JsonObject = {
        "format": _FORMAT,
        "job_id": request.job_id,
        "subject": request.subject.value,
        "credential": request.credential.value,
        **({} if request.manner is Manner.PLAIN else {"manner": request.manner.value}),
        # The times of an entry are rounded, and two exchanges could change places.
        "started_at": exchange.started_at,
        "elapsed_s": exchange.elapsed_s,
        "phases": {name: getattr(exchange.phases, name) for name in _PHASES},
    }
    if isinstance(answer, TransportFailure):
        notes["failure"] = {
            "reason": answer.reason.value,
            "detail": answer.detail,
            "head_arrived": answer.partial is not None,
        }
    response = answer if isinstance(answer, Response) else answer.partial
    # Only what is out of the ordinary: there is one of these for each entry of a file.
    unusual: dict[str, tuple[Json, bool]] = {
        "masked": (True, is_masked),
        "cut": (True, is_cut),
        "reused": (True, exchange.reused),
        "certificate_expires_at": (
            exchange.certificate_expires_at,
            exchange.certificate_expires_at is not None,
        ),
        "is_timed": (False, not exchange.is_timed),
        "has_all_request_headers": (False, not request.has_all_headers),
        "has_all_headers": (False, response is not None and not response.has_all_headers),
    }
    return notes | {name: value for name, (value, is_so) in unusual.items() if is_so}


def is_as_it_was(entry: JsonDocument) -> bool:
    """
    Whether an entry of ours holds all of the answer: nothing is masked, and nothing left out.
    """
    notes = entry[NOTES]
    return not notes.get("masked") and not notes.get("cut")


def read_own_entry(entry: JsonDocument) -> Exchange | None:
    """
    The exchange in an entry that `har_entry` wrote, down to the last byte; None where it is of
    somebody else, and his gaps have to be looked for.

    Raises:
        RecordingError: It isn't what was written.
    """
    notes = entry.get(NOTES) if isinstance(entry, dict) else None
    if not isinstance(notes, dict) or notes.get("format") != _FORMAT:
        return None
    try:
        return _exchange(entry, notes)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        why = legible(shorten(f"{type(exc).__name__}: {exc}", 80))
        raise RecordingError(f"{NOTES}: isn't what was written: {why}") from None


def _exchange(entry: JsonDocument, notes: JsonDocument) -> Exchange:
    asked = entry["request"]
    job_id = notes["job_id"]
    if not isinstance(job_id, str | None):
        raise TypeError("job_id is no text")
    exchange = Exchange(
        request=Request(
            method=_text(asked["method"]),
            url=_text(asked["url"]),
            headers=_pairs(asked["headers"]),
            job_id=job_id,
            subject=Subject(notes["subject"]),
            credential=Credential(notes["credential"]),
            manner=Manner(notes.get("manner", Manner.PLAIN)),
            has_all_headers=notes.get("has_all_request_headers") is not False,
        ),
        answer=_answer(entry["response"], notes),
        started_at=_time(notes["started_at"]),
        elapsed_s=_time(notes["elapsed_s"]),
        phases=Phases(*(_time(notes["phases"][name]) for name in _PHASES)),
        remote_ip=_text(entry["serverIPAddress"]) if entry.get("serverIPAddress") else None,
        reused=notes.get("reused") is True,
        is_timed=notes.get("is_timed") is not False,
    )
    expires_at = notes.get("certificate_expires_at")
    if expires_at is None:
        return exchange
    return replace(exchange, certificate_expires_at=_time(expires_at))


def _answer(answered: JsonDocument, notes: JsonDocument) -> Response | TransportFailure:
    failure = notes.get("failure")
    if failure is not None and not failure["head_arrived"]:
        return TransportFailure(Reason(failure["reason"]), _text(failure["detail"]))
    body = None if notes.get("cut") is True else _body(answered["content"])
    response = Response(
        code=_code(answered["status"]),
        headers=_pairs(answered["headers"]),
        body=body,
        raw=body,
        http_version=_text(answered["httpVersion"]).removeprefix("HTTP/"),
        has_all_headers=notes.get("has_all_headers") is not False,
    )
    if failure is None:
        return response
    return TransportFailure(Reason(failure["reason"]), _text(failure["detail"]), response)


def _body(content: JsonDocument) -> bytes | None:
    text = content.get("text")
    if text is None:
        return None
    is_base64 = content.get("encoding") == "base64"
    body = base64.b64decode(text, validate=True) if is_base64 else _text(text).encode()
    # Whoever shortened the file since didn't shorten what came.
    return body if content["size"] == len(body) else None


def _pairs(headers: Any) -> HeaderPairs:
    return tuple((_text(one["name"]), _text(one["value"])) for one in headers)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a text should be")
    return value


def _code(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1_000:
        raise ValueError("the status is no code")
    return value


def _time(value: Any) -> float:
    # Neither NaN nor what no calendar holds passes this.
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value < LATEST_MOMENT
    ):
        raise ValueError("a time is no number to count with")
    return float(value)
