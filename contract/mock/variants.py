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
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import JSON, AnswerKind, MockAnswer, encode
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext
from jobproof.contract.mock.body_edits import later, put, writes_dates
from jobproof.contract.model.api import Api

__all__ = ["VARIANTS", "Variant"]

_URI_LIMIT = 1024
_EVERY = 25
_TAME = re.compile(r"[\w-]+", re.ASCII)


def _everywhere(_api: Api) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Variant(Behaviour):
    """
    One way to be right.

    Attributes:
        available: False where nothing can be said, because the server says "later".
    """

    available: bool = True


_ALL: list[Variant] = []


def _variant(
    stage: Hook,
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


@_variant(Hook.ANSWER, "the reference: nothing differs")
def as_documented(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- nothing differs
    return answer


@_variant(Hook.ANSWER, "401 comes before anything else: other paths, other methods")
def token_first(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.credential.known or context.outcome not in (AnswerKind.PATH, AnswerKind.METHOD):
        return answer
    return context.page(answer, context.script.pages.anonymous)


@_variant(Hook.ANSWER, "400 for an id that isn't well-formed")
def malformed_id_400(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _refuse_malformed(answer, context, 400)


@_variant(Hook.ANSWER, "422 for an id that isn't well-formed")
def malformed_id_422(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _refuse_malformed(answer, context, 422)


@_variant(Hook.ANSWER, "every 25th question is throttled, with Retry-After")
def throttles_politely(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.asked_for is None or context.nth() % _EVERY:
        return answer
    page = answer.saying(429, encode({"error": "Too many requests"}), JSON)
    return page.with_header("Retry-After", "1")


@_variant(Hook.BODY, "a job has a key that the document doesn't have")
def has_another_key(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job has it
    body["position"] = 3
    return body


@_variant(Hook.BODY, "times have no fractions of a second", applies=writes_dates)
def whole_seconds(body: JsonObject, context: RequestContext) -> Json:
    return _retime(body, context, lambda text: re.sub(r"\.[0-9]+", "", text))


@_variant(Hook.BODY, "times are written in another zone", applies=writes_dates)
def times_with_offset(body: JsonObject, context: RequestContext) -> Json:
    return _retime(body, context, _in_other_zone)


@_variant(Hook.ANSWER, "the media type names its charset")
def names_its_charset(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every answer does
    if answer.header("Content-Type") != JSON:
        return answer
    return answer.with_header("Content-Type", f"{JSON}; charset=utf-8")


@_variant(Hook.ANSWER, "other methods are not found")
def methods_404(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.outcome not in (AnswerKind.METHOD, AnswerKind.OPTIONS):
        return answer
    return context.page(answer, context.script.pages.path)


@_variant(Hook.ANSWER, "methods that nobody uses are not implemented")
def unusual_methods_501(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    usual = ("POST", "PUT", "PATCH", "DELETE")
    if context.outcome is not AnswerKind.METHOD or context.ask.method in usual:
        return answer
    return answer.saying(501, b"", None)


@_variant(Hook.ANSWER, "an empty id is another path, with the web site's own 404")
def empty_id_html(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.asked_for != "" or context.outcome in (AnswerKind.METHOD, AnswerKind.OPTIONS):
        return answer
    return context.page(answer, context.script.pages.path)


@_variant(Hook.ANSWER, "a long URI is too long")
def long_uri_414(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if len(context.ask.target) <= _URI_LIMIT:
        return answer
    return answer.saying(414, encode({"error": "URI too long"}), JSON)


@_variant(Hook.ANSWER, "an id with a NUL is a bad request")
def nul_400(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if "\0" not in (context.asked_for or ""):
        return answer
    return context.page(answer, context.script.pages.request)


@_variant(Hook.ANSWER, "bodies are compressed for those who accept it")
def compresses(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    accepted = (context.ask.header("Accept-Encoding") or "").lower()
    if "gzip" not in accepted or not answer.body:
        return answer
    packed = replace(answer, body=gzip.compress(answer.body, mtime=0))
    tag = answer.header("ETag")
    if tag is not None:  # another representation, another tag
        packed = packed.with_header("ETag", f'{tag[:-1]}-gzip"')
    vary = ", ".join(filter(None, (answer.header("Vary"), "Accept-Encoding")))
    return packed.with_header("Content-Encoding", "gzip").with_header("Vary", vary)


@_variant(Hook.ANSWER, "connections are closed, every second time without a word")
def closes_connections(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.nth() % 2:
        return answer.with_header("Connection", "close")
    return answer.sent(hang_up=True)


@_variant(Hook.ANSWER, "out of service for a while", available=False)
def maintenance(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every question
    page = answer.saying(503, encode({"error": "Down for maintenance"}), JSON)
    return page.with_header("Retry-After", "120")


@_variant(Hook.ANSWER, "OPTIONS answers a browser's preflight")
def preflight(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.asked_for is None:
        return answer
    opened = answer.with_header("Access-Control-Allow-Origin", "*")
    if context.outcome is not AnswerKind.OPTIONS:
        return opened
    opened = opened.with_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
    opened = opened.with_header("Access-Control-Allow-Headers", context.profile.auth.header)
    return opened.with_header("Access-Control-Max-Age", "600")


@_variant(Hook.ANSWER, "the answer to an unknown id says more than the document asks")
def not_found_says_more(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    body = context.script.pages.unknown.body
    if context.outcome is not AnswerKind.UNKNOWN or body is None:
        return answer
    more = {**body, "request_id": f"req-{context.nth():08d}"}
    return answer.saying(answer.code, encode(more), JSON)


@_variant(Hook.ANSWER, "without a valid token there is nothing to be found")
def anonymous_404(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.outcome is not AnswerKind.ANONYMOUS:
        return answer
    return context.page(answer.without("WWW-Authenticate"), context.script.pages.unknown)


def _refuse_malformed(answer: MockAnswer, context: RequestContext, code: int) -> MockAnswer:
    if context.outcome is not AnswerKind.UNKNOWN or _well_formed(context):
        return answer
    return replace(context.page(answer, context.script.pages.request), code=code)


def _well_formed(context: RequestContext) -> bool:
    asked, shape = context.asked_for or "", context.profile.id
    if shape.shape == "uuid":
        return re.fullmatch(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", asked) is not None
    return asked.startswith(shape.prefix) and _TAME.fullmatch(asked) is not None


def _retime(body: JsonObject, context: RequestContext, change: Callable[[str], str]) -> Json:
    times = context.profile.times
    for at in (times.created, *(stamp.at for stamp in later(context.api))) if times else ():
        text = pick(body, at)
        if isinstance(text, str):
            put(body, at, change(text))
    return body


def _in_other_zone(text: str) -> str:
    moment = datetime.fromisoformat(text).astimezone(timezone(timedelta(hours=2)))
    return moment.isoformat(timespec="milliseconds")


VARIANTS: Mapping[str, Variant] = MappingProxyType({variant.name: variant for variant in _ALL})
