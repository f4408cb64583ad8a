"""
Twenty servers that differ and are all right: none of them may be called broken.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.mock.answer import JSON, Answer, Outcome, encode
from jobproof.contract.mock.places import later, put, writes_dates
from jobproof.contract.mock.turn import Stage, Turn, Twist
from jobproof.contract.model.api import Api

__all__ = ["VARIANTS", "Variant"]

_URI_LIMIT = 1024
_EVERY = 25
_TAME = re.compile(r"[\w-]+", re.ASCII)


def _everywhere(_api: Api) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Variant(Twist):
    """
    One way to be right.

    Attributes:
        available: False where nothing can be said, because the server says "later".
    """

    available: bool = True


_ALL: list[Variant] = []


def _variant(
    stage: Stage,
    summary: str,
    *,
    applies: Callable[[Api], bool] = _everywhere,
    available: bool = True,
) -> Callable[[Any], Any]:
    def write(run: Any) -> Any:
        name = run.__name__
        _ALL.append(Variant(name, summary, stage, run, applies, available))
        return run

    return write


@_variant(Stage.ANSWER, "the reference: nothing differs")
def as_documented(answer: Answer, turn: Turn) -> Answer:  # noqa: ARG001 -- nothing differs
    return answer


@_variant(Stage.ANSWER, "401 comes before anything else: other paths, other methods")
def token_first(answer: Answer, turn: Turn) -> Answer:
    if turn.credential.known or turn.outcome not in (Outcome.PATH, Outcome.METHOD):
        return answer
    return turn.page(answer, turn.script.pages.anonymous)


@_variant(Stage.ANSWER, "400 for an id that isn't well-formed")
def malformed_id_400(answer: Answer, turn: Turn) -> Answer:
    return _refuse_malformed(answer, turn, 400)


@_variant(Stage.ANSWER, "422 for an id that isn't well-formed")
def malformed_id_422(answer: Answer, turn: Turn) -> Answer:
    return _refuse_malformed(answer, turn, 422)


@_variant(Stage.ANSWER, "every 25th question is throttled, with Retry-After")
def throttles_politely(answer: Answer, turn: Turn) -> Answer:
    if turn.asked_for is None or turn.nth() % _EVERY:
        return answer
    page = answer.saying(429, encode({"error": "Too many requests"}), JSON)
    return page.with_header("Retry-After", "1")


@_variant(Stage.BODY, "a job has a key that the document doesn't have")
def has_another_key(body: Any, turn: Turn) -> Any:  # noqa: ARG001 -- every job has it
    body["position"] = 3
    return body


@_variant(Stage.BODY, "times have no fractions of a second", applies=writes_dates)
def whole_seconds(body: Any, turn: Turn) -> Any:
    return _retime(body, turn, lambda text: re.sub(r"\.\d+", "", text))


@_variant(Stage.BODY, "times are written in another zone", applies=writes_dates)
def times_with_offset(body: Any, turn: Turn) -> Any:
    return _retime(body, turn, _in_other_zone)


@_variant(Stage.ANSWER, "the media type names its charset")
def names_its_charset(answer: Answer, turn: Turn) -> Answer:  # noqa: ARG001 -- every answer does
    if answer.header("Content-Type") != JSON:
        return answer
    return answer.with_header("Content-Type", f"{JSON}; charset=utf-8")


@_variant(Stage.ANSWER, "other methods are not found")
def methods_404(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome not in (Outcome.METHOD, Outcome.OPTIONS):
        return answer
    return turn.page(answer, turn.script.pages.path)


@_variant(Stage.ANSWER, "methods that nobody uses are not implemented")
def unusual_methods_501(answer: Answer, turn: Turn) -> Answer:
    usual = ("POST", "PUT", "PATCH", "DELETE")
    if turn.outcome is not Outcome.METHOD or turn.ask.method in usual:
        return answer
    return answer.saying(501, b"", None)


@_variant(Stage.ANSWER, "an empty id is another path, with the web site's own 404")
def empty_id_html(answer: Answer, turn: Turn) -> Answer:
    if turn.asked_for != "" or turn.outcome in (Outcome.METHOD, Outcome.OPTIONS):
        return answer
    return turn.page(answer, turn.script.pages.path)


@_variant(Stage.ANSWER, "a long URI is too long")
def long_uri_414(answer: Answer, turn: Turn) -> Answer:
    if len(turn.ask.target) <= _URI_LIMIT:
        return answer
    return answer.saying(414, encode({"error": "URI too long"}), JSON)


@_variant(Stage.ANSWER, "an id with a NUL is a bad request")
def nul_400(answer: Answer, turn: Turn) -> Answer:
    if "\0" not in (turn.asked_for or ""):
        return answer
    return turn.page(answer, turn.script.pages.request)


@_variant(Stage.ANSWER, "bodies are compressed for those who accept it")
def compresses(answer: Answer, turn: Turn) -> Answer:
    accepted = (turn.ask.header("Accept-Encoding") or "").lower()
    if "gzip" not in accepted or not answer.body:
        return answer
    packed = replace(answer, body=gzip.compress(answer.body, mtime=0))
    tag = answer.header("ETag")
    if tag is not None:  # another representation, another tag
        packed = packed.with_header("ETag", f'{tag[:-1]}-gzip"')
    vary = ", ".join(filter(None, (answer.header("Vary"), "Accept-Encoding")))
    return packed.with_header("Content-Encoding", "gzip").with_header("Vary", vary)


@_variant(Stage.ANSWER, "connections are closed, every second time without a word")
def closes_connections(answer: Answer, turn: Turn) -> Answer:
    if turn.nth() % 2:
        return answer.with_header("Connection", "close")
    return answer.sent(hang_up=True)


@_variant(Stage.ANSWER, "out of service for a while", available=False)
def maintenance(answer: Answer, turn: Turn) -> Answer:  # noqa: ARG001 -- every question
    page = answer.saying(503, encode({"error": "Down for maintenance"}), JSON)
    return page.with_header("Retry-After", "120")


@_variant(Stage.ANSWER, "OPTIONS answers a browser's preflight")
def preflight(answer: Answer, turn: Turn) -> Answer:
    if turn.asked_for is None:
        return answer
    opened = answer.with_header("Access-Control-Allow-Origin", "*")
    if turn.outcome is not Outcome.OPTIONS:
        return opened
    opened = opened.with_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
    opened = opened.with_header("Access-Control-Allow-Headers", turn.profile.auth.header)
    return opened.with_header("Access-Control-Max-Age", "600")


@_variant(Stage.ANSWER, "the 404 says more than the document asks")
def not_found_says_more(answer: Answer, turn: Turn) -> Answer:
    body = turn.script.pages.unknown.body
    if turn.outcome is not Outcome.UNKNOWN or body is None:
        return answer
    more = {**body, "request_id": f"req-{turn.nth():08d}"}
    return answer.saying(answer.code, encode(more), JSON)


@_variant(Stage.ANSWER, "without a valid token there is nothing to be found")
def anonymous_404(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.ANONYMOUS:
        return answer
    return turn.page(answer.without("WWW-Authenticate"), turn.script.pages.unknown)


def _refuse_malformed(answer: Answer, turn: Turn, code: int) -> Answer:
    if turn.outcome is not Outcome.UNKNOWN or _well_formed(turn):
        return answer
    return replace(turn.page(answer, turn.script.pages.request), code=code)


def _well_formed(turn: Turn) -> bool:
    asked, shape = turn.asked_for or "", turn.profile.id
    if shape.shape == "uuid":
        return re.fullmatch(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", asked) is not None
    return asked.startswith(shape.prefix) and _TAME.fullmatch(asked) is not None


def _retime(body: Any, turn: Turn, change: Callable[[str], str]) -> Any:
    times = turn.profile.times
    for at in (times.created, *(stamp.at for stamp in later(turn.api))) if times else ():
        text = pick(body, at)
        if isinstance(text, str):
            put(body, at, change(text))
    return body


def _in_other_zone(text: str) -> str:
    moment = datetime.fromisoformat(text).astimezone(timezone(timedelta(hours=2)))
    return moment.isoformat(timespec="milliseconds")


VARIANTS: Mapping[str, Variant] = MappingProxyType({variant.name: variant for variant in _ALL})
