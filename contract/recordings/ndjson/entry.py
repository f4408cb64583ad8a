"""
One line's JSON object as an exchange.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from jobproof.contract.formats.headers import HeaderPairs
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import legible, shorten, told
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
from jobproof.contract.model.job import read_time
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.profile import Codec
from jobproof.contract.recordings.recorded import LATEST_MOMENT, LONGEST_S

__all__ = ["MOMENT", "NoAnswer", "Unreadable", "read_exchange", "request_url"]

_LARGEST = 1e12
MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]{1,64}")
_HTTP_VERSIONS = ("1.0", "1.1", "2", "3")

Word = TypeVar("Word", bound=StrEnum)


class Unreadable(Exception):
    """
    Something in the line isn't as the schema has it; in words, with its place.
    """


class NoAnswer(Exception):
    """
    Nothing was asked, or nobody has answered, and nobody says why.
    """


@dataclass(frozen=True, slots=True)
class _Part:
    """
    A JSON object in the line.

    Attributes:
        at: Its place, as a prefix of its keys.
    """

    values: Mapping[str, Json]
    at: str = ""

    def part(self, key: str) -> _Part | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong(key, "no object")
        return _Part(value, f"{self.at}{key}.")

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, "no text")
        return value

    def needed(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise self.wrong(key, "missing")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "neither true nor false")
        return value

    def number(self, key: str) -> float | None:
        value = self.values.get(key)
        if value is None:
            return None
        # To Python, True is an integer; NaN passes no comparison.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, "no number")
        if not 0 <= value < _LARGEST:
            raise self.wrong(key, "out of range")
        return float(value)

    def word(self, key: str, words: type[Word], otherwise: Word) -> Word:
        value = self.text(key)
        if value is None:
            return otherwise
        try:
            return words(value)
        except ValueError:
            raise self.unknown(key, value) from None

    def wrong(self, key: str, why: str) -> Unreadable:
        return Unreadable(f"{self.at}{key} is {why}")

    def unknown(self, key: str, value: Json) -> Unreadable:
        # A line of others may hold anything anywhere.
        shown = legible(shorten(Redactor().text(told(value)), 80))
        return Unreadable(f"{self.at}{key} is {shown}, which isn't among the schema's values")


def request_url(line: Mapping[str, Json]) -> str | None:
    """
    The URL that was asked for, as far as there is one: whose line it is, before all else.
    """
    request = line.get("request")
    url = request.get("url") if isinstance(request, dict) else None
    return url if isinstance(url, str) else None


def read_exchange(line: Mapping[str, Json]) -> Exchange:
    """
    The exchange in a line of the schema.

    Raises:
        Unreadable: It breaks the schema.
        NoAnswer: It holds no answer, and no failure of ours.
    """
    whole = _Part(line)
    asked = whole.part("request")
    if asked is None:
        raise NoAnswer("nothing was asked")
    started_at = _moment(whole, "started_at")
    elapsed_s = whole.number("elapsed_seconds")
    if elapsed_s is not None and elapsed_s >= LONGEST_S:
        raise whole.wrong("elapsed_seconds", "out of range")
    headers, has_all = _headers(asked)
    request = Request(
        method=_method(asked),
        url=asked.needed("url"),
        headers=headers,
        job_id=whole.text("job_id") or None,
        subject=whole.word("subject", Subject, Subject.UNSTATED),
        credential=whole.word("credential", Credential, Credential.UNSTATED),
        has_all_headers=has_all,
        manner=whole.word("manner", Manner, Manner.PLAIN),
    )
    return Exchange(
        request=request,
        answer=_answer(whole),
        started_at=started_at,
        elapsed_s=elapsed_s or 0.0,
        phases=_phases(whole),
        remote_ip=whole.text("remote_ip"),
        is_timed=elapsed_s is not None,
    )


def _method(asked: _Part) -> str:
    method = asked.needed("method").upper()
    if not _METHOD.fullmatch(method):
        raise asked.wrong("method", "no method of HTTP")
    return method


def _moment(part: _Part, key: str) -> float:
    text = part.needed(key)
    # The reader is lenient about what a server writes; a recording's order hangs on this one.
    at = read_time(text, Codec.RFC3339) if MOMENT.fullmatch(text) else None
    # What the calendar ends with in one zone is beyond it in another.
    if at is None or not 0 <= at < LATEST_MOMENT:
        raise part.wrong(key, "no moment as RFC 3339 writes it, such as 2026-01-31T12:00:00.5Z")
    return at


def _answer(whole: _Part) -> Response | TransportFailure:
    answered, failed = whole.part("response"), whole.part("failure")
    response = None if answered is None else _response(answered)
    if failed is None:
        if response is None:
            raise NoAnswer("nobody has answered")
        return response
    reason = failed.word("reason", Reason, Reason.PROTOCOL)
    if failed.values.get("reason") is None:
        raise failed.wrong("reason", "missing")
    if failed.flag("head_arrived", default=response is not None) != (response is not None):
        raise failed.wrong("head_arrived", "contradicted by response")
    return TransportFailure(reason, shorten(failed.text("detail") or "", 500), response)


def _response(answered: _Part) -> Response:
    code = answered.values.get("code")
    # An infinite one is no integer either, and can't be asked by int().
    if isinstance(code, bool) or not isinstance(code, int | float) or code % 1 != 0:
        raise answered.wrong("code", "no whole number")
    if code > 999:
        raise answered.unknown("code", code)
    if code < 100:
        # What recorders write where a client gave up: no server has such a code.
        raise NoAnswer("nobody has answered")
    headers, has_all = _headers(answered)
    body = _body(answered)
    version = answered.text("http_version") or "1.1"
    if version not in _HTTP_VERSIONS:
        raise answered.unknown("http_version", version)
    return Response(int(code), headers, body, body, version, has_all)


def _headers(part: _Part) -> tuple[HeaderPairs, bool]:
    pairs = part.values.get("headers")
    if pairs is None:
        return (), False
    if not isinstance(pairs, list):
        raise part.wrong("headers", "no list of [name, value]")
    headers = []
    for index, pair in enumerate(pairs):
        if not isinstance(pair, list) or len(pair) != 2:
            raise part.wrong(f"headers[{index}]", "no [name, value]")
        name, value = pair
        if not isinstance(name, str) or not isinstance(value, str) or not name:
            raise part.wrong(f"headers[{index}]", "no [name, value] of two texts")
        headers.append((name, value))
    return tuple(headers), part.flag("has_all_headers", default=True)


def _body(part: _Part) -> bytes | None:
    text, encoded = part.text("body"), part.text("body_base64")
    if text is not None and encoded is not None:
        raise part.wrong("body", "there twice: as it is, and in base64")
    if text is not None:
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:
            raise part.wrong("body", "no text: it holds half a character") from None
    if encoded is None:
        return None
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        raise part.wrong("body_base64", "no base64") from None


def _phases(whole: _Part) -> Phases:
    part = whole.part("phases")
    if part is None:
        return Phases()
    return Phases(**{name: part.number(name) or 0.0 for name in Phases.__slots__})
