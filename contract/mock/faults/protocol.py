"""
HTTP and JSON spoken wrongly.
"""

from __future__ import annotations

import math
from dataclasses import replace

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import JSON_MEDIA_TYPE, AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import phase_of
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.model.profile import Phase

__all__ = ["PROTOCOL"]

PROTOCOL = FaultGroup("P", "protocol")

_THROTTLE_EVERY = 10


@PROTOCOL.answer("JSON is called HTML", "media_type_is_documented")
def media_type_html(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _with_media_type(answer, context, "text/html; charset=utf-8")


@PROTOCOL.answer("the body has no media type", "media_type_is_documented")
def media_type_missing(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return (
        answer.without_header("Content-Type") if context.answer_kind is AnswerKind.JOB else answer
    )


@PROTOCOL.answer("JSON claims to be Latin-1", "charset_is_utf8", definite=False)
def charset_latin1(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _with_media_type(answer, context, f"{JSON_MEDIA_TYPE}; charset=iso-8859-1")


@PROTOCOL.payload("the JSON text stops in the middle, the length fits", "body_is_json")
def json_truncated(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job is
    # Cut before it is framed, so the length fits: only the JSON gives it away.
    return payload[: len(payload) * 2 // 3]


@PROTOCOL.answer("fewer bytes come than are announced", "body_arrives_whole")
def body_short(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    # A HEAD has no body to fall short.
    if context.answer_kind is not AnswerKind.JOB or context.request.method == "HEAD":
        return answer
    return answer.with_wire(declared_length=len(answer.body) + 40)


@PROTOCOL.payload("a key stands in the object twice", "json_keys_are_unique")
def key_twice(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job has it
    # RFC 8259 4: readers differ in which one they take; most the last, so it is the right one.
    end = payload.find(b":")
    return payload[: end + 1] + b"null," + payload[1:] if end > 0 else payload


@PROTOCOL.body("a number is NaN", "json_numbers_are_finite")
def number_nan(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job has it
    # A key of its own: any documented one would also fail its schema.
    body["progress"] = math.nan
    return body


@PROTOCOL.payload("a byte order mark comes first", "body_has_no_byte_order_mark", "body_is_json")
def byte_order_mark(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job has it
    return b"\xef\xbb\xbf" + payload


@PROTOCOL.payload("a text isn't UTF-8", "body_is_utf8")
def not_utf8(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job has it
    # FF and FE occur nowhere in UTF-8, so no reader can take them for something else.
    return payload.replace(b'":"', b'":"\xff\xfe', 1)


@PROTOCOL.payload("something follows the JSON text", "body_is_json")
def trailing_garbage(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job has it
    return payload + b"<!-- served by web-3 -->"


@PROTOCOL.body("the job is in an envelope", "body_matches_schema")
def enveloped(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job is
    return {"ok": True, "payload": body}


@PROTOCOL.body("the job is in a list", "body_matches_schema")
def in_a_list(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job is
    return [body]


@PROTOCOL.answer("POST, PUT and PATCH are accepted", "unlisted_method_is_refused", definite=False)
def writing_accepted(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _accept_methods(answer, context, "POST", "PUT", "PATCH")


@PROTOCOL.answer("DELETE is accepted", "unlisted_method_is_refused", definite=False)
def delete_accepted(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _accept_methods(answer, context, "DELETE")


@PROTOCOL.answer("405 doesn't list the allowed methods", "refused_method_lists_allowed")
def refusal_without_allow(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.without_header("Allow") if context.answer_kind is AnswerKind.METHOD else answer


@PROTOCOL.answer(
    "OPTIONS lists methods that aren't there", "options_lists_true_methods", definite=False
)
def options_lie(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.OPTIONS:
        return answer
    return answer.with_header("Allow", "GET, HEAD, OPTIONS, PUT, DELETE")


@PROTOCOL.answer("HEAD is refused", "head_is_answered", definite=False)
def head_refused(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.request.method != "HEAD" or context.job_id is None:
        return answer
    return context.fixed_answer(answer, context.script.pages.method).with_header(
        "Allow", "GET, OPTIONS"
    )


@PROTOCOL.answer("HEAD announces another body than GET", "head_matches_get")
def head_differs(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.request.method != "HEAD" or context.answer_kind is not AnswerKind.JOB:
        return answer
    longer = answer.with_wire(declared_length=len(answer.body) + 7)
    return longer.with_header("Content-Type", "text/html; charset=utf-8")


@PROTOCOL.answer("304 comes without a condition", "not_modified_only_when_asked")
def not_modified_unasked(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    # The tag stays: a 304 without one would be wrong in a second way.
    return replace(answer.without_header("Content-Type"), code=304, body=b"")


@PROTOCOL.answer("a job's asker is sent to a login page", "no_redirect")
def redirect_to_login(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_content(302, b"", None).with_header("Location", "/login")


@PROTOCOL.answer(
    "every 10th question is too many, and nobody says when to come back",
    "throttling_says_when",
    definite=False,
)
def throttled_without_hint(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id is None or context.occurrence() % _THROTTLE_EVERY:
        return answer
    return answer.with_json(429, {"error": "Too many requests"})


@PROTOCOL.answer("a job that goes on is answered with 204", "code_is_documented")
def pending_without_content(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_content(204, b"", None) if phase_of(context) is Phase.PENDING else answer


@PROTOCOL.answer("a job that goes on is answered with 202", "code_is_documented")
def pending_accepted(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return replace(answer, code=202) if phase_of(context) is Phase.PENDING else answer


@PROTOCOL.answer("a plain body claims to be compressed", "body_arrives_whole")
def gzip_lie(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_header("Content-Encoding", "gzip")


@PROTOCOL.answer("the connection ends in the middle of a chunk", "body_arrives_whole")
def chunks_cut(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.request.method == "HEAD":
        return answer
    # Half the bytes of the body: with a chunk's own size line before, it ends in the first one.
    return answer.with_wire(chunked=True, truncated_at=len(answer.body) // 2)


@PROTOCOL.payload("the JSON text is the argument of a function", "body_is_json")
def wrapped_in_a_call(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job is
    return b"callback(" + payload + b");"


def _with_media_type(answer: MockAnswer, context: RequestContext, media: str) -> MockAnswer:
    return (
        answer.with_header("Content-Type", media)
        if context.answer_kind is AnswerKind.JOB
        else answer
    )


def _accept_methods(answer: MockAnswer, context: RequestContext, *methods: str) -> MockAnswer:
    # What is accepted does nothing: no job changes, so no other check finds it.
    if context.answer_kind is not AnswerKind.METHOD or context.request.method not in methods:
        return answer
    return answer.with_json(200, {"ok": True})
