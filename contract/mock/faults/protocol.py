"""
HTTP and JSON spoken wrongly.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from jobproof.contract.mock.answer import JSON, Answer, Outcome, encode
from jobproof.contract.mock.faults.chapter import Chapter
from jobproof.contract.mock.places import phase_of
from jobproof.contract.mock.turn import Turn
from jobproof.contract.model.profile import Phase

__all__ = ["PROTOCOL"]

PROTOCOL = Chapter("P", "protocol")

_OFTEN = 10


@PROTOCOL.answer("JSON is called HTML", "media_type_is_documented")
def media_type_html(answer: Answer, turn: Turn) -> Answer:
    return _typed(answer, turn, "text/html; charset=utf-8")


@PROTOCOL.answer("the body has no media type", "media_type_is_documented")
def media_type_missing(answer: Answer, turn: Turn) -> Answer:
    return answer.without("Content-Type") if turn.outcome is Outcome.JOB else answer


@PROTOCOL.answer("JSON claims to be Latin-1", "charset_is_utf8", definite=False)
def charset_latin1(answer: Answer, turn: Turn) -> Answer:
    return _typed(answer, turn, f"{JSON}; charset=iso-8859-1")


@PROTOCOL.payload("the JSON text stops in the middle, the length fits", "body_is_json")
def json_truncated(payload: bytes, turn: Turn) -> bytes:  # noqa: ARG001 -- every job is
    return payload[: len(payload) * 2 // 3]


@PROTOCOL.answer("fewer bytes come than are announced", "body_arrives_whole")
def body_short(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.JOB or turn.ask.method == "HEAD":
        return answer
    return answer.sent(announced=len(answer.body) + 40)


@PROTOCOL.payload("a key stands in the object twice", "json_keys_are_unique")
def key_twice(payload: bytes, turn: Turn) -> bytes:  # noqa: ARG001 -- every job has it
    end = payload.find(b":")
    return payload[: end + 1] + b"null," + payload[1:] if end > 0 else payload


@PROTOCOL.body("a number is NaN", "json_numbers_are_finite")
def number_nan(body: Any, turn: Turn) -> Any:  # noqa: ARG001 -- every job has it
    body["progress"] = math.nan
    return body


@PROTOCOL.payload("a byte order mark comes first", "body_has_no_byte_order_mark", "body_is_json")
def byte_order_mark(payload: bytes, turn: Turn) -> bytes:  # noqa: ARG001 -- every job has it
    return b"\xef\xbb\xbf" + payload


@PROTOCOL.payload("a text isn't UTF-8", "body_is_utf8")
def not_utf8(payload: bytes, turn: Turn) -> bytes:  # noqa: ARG001 -- every job has it
    return payload.replace(b'":"', b'":"\xff\xfe', 1)


@PROTOCOL.payload("something follows the JSON text", "body_is_json")
def trailing_garbage(payload: bytes, turn: Turn) -> bytes:  # noqa: ARG001 -- every job has it
    return payload + b"<!-- served by web-3 -->"


@PROTOCOL.body("the job is in an envelope", "body_matches_schema")
def enveloped(body: Any, turn: Turn) -> Any:  # noqa: ARG001 -- every job is
    return {"ok": True, "payload": body}


@PROTOCOL.body("the job is in a list", "body_matches_schema")
def in_a_list(body: Any, turn: Turn) -> Any:  # noqa: ARG001 -- every job is
    return [body]


@PROTOCOL.answer("POST, PUT and PATCH are accepted", "unlisted_method_is_refused", definite=False)
def writing_accepted(answer: Answer, turn: Turn) -> Answer:
    return _accepted(answer, turn, "POST", "PUT", "PATCH")


@PROTOCOL.answer("DELETE is accepted", "unlisted_method_is_refused", definite=False)
def delete_accepted(answer: Answer, turn: Turn) -> Answer:
    return _accepted(answer, turn, "DELETE")


@PROTOCOL.answer("405 doesn't list the allowed methods", "refused_method_lists_allowed")
def refusal_without_allow(answer: Answer, turn: Turn) -> Answer:
    return answer.without("Allow") if turn.outcome is Outcome.METHOD else answer


@PROTOCOL.answer(
    "OPTIONS lists methods that aren't there", "options_lists_true_methods", definite=False
)
def options_lie(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.OPTIONS:
        return answer
    return answer.with_header("Allow", "GET, HEAD, OPTIONS, PUT, DELETE")


@PROTOCOL.answer("HEAD is refused", "head_is_answered", definite=False)
def head_refused(answer: Answer, turn: Turn) -> Answer:
    if turn.ask.method != "HEAD" or turn.asked_for is None:
        return answer
    return turn.page(answer, turn.script.pages.method).with_header("Allow", "GET, OPTIONS")


@PROTOCOL.answer("HEAD announces another body than GET", "head_matches_get")
def head_differs(answer: Answer, turn: Turn) -> Answer:
    if turn.ask.method != "HEAD" or turn.outcome is not Outcome.JOB:
        return answer
    announced = answer.sent(announced=len(answer.body) + 7)
    return announced.with_header("Content-Type", "text/html; charset=utf-8")


@PROTOCOL.answer("304 comes without a condition", "not_modified_only_when_asked")
def not_modified_unasked(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.JOB:
        return answer
    return replace(answer.without("Content-Type"), code=304, body=b"")


@PROTOCOL.answer("a job's asker is sent to a login page", "no_redirect")
def redirect_to_login(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.JOB:
        return answer
    return answer.saying(302, b"", None).with_header("Location", "/login")


@PROTOCOL.answer(
    "every 10th question is too many, and nobody says when to come back",
    "throttling_says_when",
    definite=False,
)
def throttled_without_hint(answer: Answer, turn: Turn) -> Answer:
    if turn.asked_for is None or turn.nth() % _OFTEN:
        return answer
    return answer.saying(429, encode({"error": "Too many requests"}), JSON)


@PROTOCOL.answer("a job that goes on is answered with 204", "code_is_documented")
def pending_without_content(answer: Answer, turn: Turn) -> Answer:
    return answer.saying(204, b"", None) if phase_of(turn) is Phase.PENDING else answer


@PROTOCOL.answer("a job that goes on is answered with 202", "code_is_documented")
def pending_accepted(answer: Answer, turn: Turn) -> Answer:
    return replace(answer, code=202) if phase_of(turn) is Phase.PENDING else answer


@PROTOCOL.answer("a plain body claims to be compressed", "body_arrives_whole")
def gzip_lie(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.JOB:
        return answer
    return answer.with_header("Content-Encoding", "gzip")


@PROTOCOL.answer("the connection ends in the middle of a chunk", "body_arrives_whole")
def chunks_cut(answer: Answer, turn: Turn) -> Answer:
    if turn.outcome is not Outcome.JOB or turn.ask.method == "HEAD":
        return answer
    return answer.sent(chunked=True, cut=len(answer.body) // 2)


@PROTOCOL.payload("the JSON text is the argument of a function", "body_is_json")
def wrapped_in_a_call(payload: bytes, turn: Turn) -> bytes:  # noqa: ARG001 -- every job is
    return b"callback(" + payload + b");"


def _typed(answer: Answer, turn: Turn, media: str) -> Answer:
    return answer.with_header("Content-Type", media) if turn.outcome is Outcome.JOB else answer


def _accepted(answer: Answer, turn: Turn, *methods: str) -> Answer:
    if turn.outcome is not Outcome.METHOD or turn.ask.method not in methods:
        return answer
    return answer.saying(200, encode({"ok": True}), JSON)
