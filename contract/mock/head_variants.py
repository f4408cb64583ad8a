"""
Servers whose heads and framing are unusual and right.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from hashlib import sha256
from typing import Any
from zlib import crc32

from jobproof.contract.formats.headers import header_names, header_values
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.mock.answer import AnswerKind, MockAnswer, encode_json
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext, every_api

__all__ = ["HEAD_VARIANTS"]

HEAD_VARIANTS: list[Behaviour] = []

_THROTTLE_EVERY = 25
_INTERIM = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n"
)

Answering = Callable[[MockAnswer, RequestContext], MockAnswer]


def _variant(summary: str, why: str) -> Callable[[Answering], Answering]:
    def register(run: Any) -> Any:
        HEAD_VARIANTS.append(Behaviour(run.__name__, summary, Hook.ANSWER, run, every_api, why))
        return run

    return register


@_variant(
    "two interim answers come before each answer",
    "RFC 9110 15.2: a client must be able to take any number of 1xx; RFC 8297: 103",
)
def interim_answers(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every answer
    return answer.with_wire(before=_INTERIM)


def _all(answer: MockAnswer, name: str) -> tuple[str, ...]:
    return header_values(answer.headers, name)


@_variant("bodies come in chunks, names in small letters", "RFC 9112 7.1, RFC 9110 5.1")
def chunks_and_small_letters(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    names = header_names(answer.headers)
    small = tuple((name, value) for name in sorted(names) for value in _all(answer, name))
    has_body = answer.body and context.request.method != "HEAD"
    return replace(answer, headers=small).with_wire(chunked=bool(has_body))


@_variant(
    "proxies on the way have left their fields, lists in several lines",
    "RFC 9110 5.3: fields that are lists may be sent in lines; 7.6.3: Via",
)
def fields_of_many_layers(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every answer
    left = (
        ("Via", "1.1 edge-7 (nginx), 1.1 varnish"),
        ("Server", "envoy"),
        ("Vary", "Origin,"),
        ("Vary", "accept-encoding"),
        ("Set-Cookie", "lb=a7; Path=/; Expires=Thu, 31 Dec 2099 23:59:59 GMT"),
        ("Set-Cookie", "ab=1; Path=/; HttpOnly"),
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "h2,h2c"),
        ("Keep-Alive", "timeout=5, max=1000"),
        ("Server-Timing", 'db;dur=53.2, app;desc="made; by hand"'),
        ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
        ("Expires", "0"),
        ("Pragma", "no-cache"),
        ("X-Powered-By", "Express"),
    )
    return replace(answer, headers=(*answer.headers, *left))


@_variant(
    "a job's head says all that a head can say of it",
    "RFC 9110 8.5, 8.7, 8.8.2 and 14.3, RFC 8288 3, RFC 9111 5.2: each of them may be there",
)
def talkative_head(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    told = (
        ("Last-Modified", formatdate(context.now, usegmt=True)),
        ("Content-Language", "en, de-CH"),
        ("Content-Location", "?view=full#job"),
        ("Accept-Ranges", "none"),
        ("Link", '</jobs>; rel="collection up"; title="all, of them", <#top>;rel=self'),
        ("Link", "<https://status.example/a,b>; rel=status"),
        ("X-Request-Id", "M\xfcller/7"),
    )
    spelled = answer.with_header("Content-Type", 'Application/JSON ;charset="utf-8";')
    spelled = spelled.with_header("Cache-Control", 'private="Set-Cookie", , max-age=00, no-cache')
    return replace(spelled, headers=(*spelled.headers, *told))


@_variant(
    "tags are weak and of odd characters, as behind a proxy that compresses",
    "RFC 9110 8.8.1: a weak tag is a tag; 13.1.2 compares weakly",
)
def tags_of_odd_characters(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    tag = answer.header("ETag")
    if tag is None or context.answer_kind is not AnswerKind.JOB:
        return answer
    plain = tag.removeprefix("W/").strip('"')
    return answer.with_header("ETag", f'W/"{plain[:8]},;/+=!-br"')


@_variant(
    "a refusal offers several ways in, as a problem by RFC 9457",
    "RFC 9110 11.6.1: several challenges, in one line or in several; RFC 9457 3",
)
def challenges_of_three_sorts(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS:
        return answer
    problem: JsonObject = {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": None,
    }
    told = answer.with_content(401, encode_json(problem), "application/problem+json")
    ways = (
        ("WWW-Authenticate", 'Negotiate, Basic realm="a, b", charset="UTF-8"'),
        ("WWW-Authenticate", "BEARER realm = jobs ,, scope=read"),
    )
    return replace(told, headers=(*told.without_header("WWW-Authenticate").headers, *ways))


@_variant(
    "where there is no body its length is 0",
    "RFC 9110 8.6 has none there; 0 is what servers say to clients that wait for one",
)
def empty_lengths(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.OPTIONS:
        return answer
    return answer.with_header("Content-Length", "0").with_header("Allow", "OPTIONS,GET ,, HEAD,")


@_variant(
    "every 25th question is too many, until a date",
    "RFC 9110 10.2.3: Retry-After may be a date, a past one as well",
)
def throttles_until_a_date(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id is None or context.occurrence() % _THROTTLE_EVERY:
        return answer
    refusal = answer.with_json(429, {"error": "Too many requests"})
    return refusal.with_header("Retry-After", formatdate(context.now, usegmt=True))


@_variant(
    "what nobody may keep is said of a body alone, and so is what a compressor adds",
    "RFC 9111 5.2.2.5: of an answer that isn't stored no 304 tells anything anew",
)
def unchanged_says_little(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    tag = answer.header("ETag")
    if context.answer_kind is not AnswerKind.JOB or tag is None:
        return answer
    if context.request.header("If-None-Match") == tag:
        bare = answer.without_header("Content-Type", "Cache-Control")
        return replace(bare, code=304, body=b"")
    kept = answer.with_header("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")
    kept = kept.with_header("Pragma", "no-cache").with_header("Expires", "-1")
    return kept.with_header("Vary", ", ".join((*_all(answer, "Vary"), "Accept-Encoding")))


@_variant(
    "each id has its cell and its cookie, and a refusal a tag of what it says",
    "RFC 9110 8.8.3: any answer may have a tag; RFC 6265 3: and set a cookie",
)
def cells_by_id(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    job_id = context.job_id
    if job_id is None or context.answer_kind not in (AnswerKind.JOB, AnswerKind.UNKNOWN):
        return answer
    cell = f"{crc32(job_id.encode()):08x}"
    answer = answer.with_header("X-Cell", f"cell-{int(cell, 16) % 3}")
    answer = answer.with_header("Set-Cookie", f"cell={cell}; Path=/; Secure; HttpOnly")
    if context.answer_kind is AnswerKind.UNKNOWN:
        answer = answer.with_header("ETag", f'W/"{cell}"')
    return answer


@_variant(
    "every third answer is sampled, and says so in its head and by a line end",
    "RFC 9110 5.1: there may be any field; RFC 8259 2: blanks around a value say nothing",
)
def sampled_answers(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN or context.occurrence() % 3:
        return answer
    return replace(answer.with_header("X-Sampled", "1"), body=answer.body + b"\n")


@_variant("bodies come with their digests", "RFC 9530 2 and 3: any answer may have them")
def true_digests(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    digest = b64encode(sha256(answer.body).digest()).decode()
    told = answer.with_header("Content-Digest", f"sha-256=:{digest}:")
    return told.with_header("Repr-Digest", f"sha-256=:{digest}:, unixsum=:MDA=:")
