"""
HTTP and JSON spoken wrongly.
"""

from __future__ import annotations

import math
from dataclasses import replace

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import JSON_MEDIA_TYPE, AnswerKind, Caller, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import phase_of
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.model.profile import Phase

__all__ = ["PROTOCOL"]

PROTOCOL = FaultGroup("P", "protocol")

_THROTTLE_EVERY = 10


@PROTOCOL.answer(
    "JSON is called HTML", "media_type_is_documented", proves="media_type_is_documented"
)
def media_type_html(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _with_media_type(answer, context, "text/html; charset=utf-8")


@PROTOCOL.answer("the body has no media type", "media_type_is_documented")
def media_type_missing(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return (
        answer.without_header("Content-Type") if context.answer_kind is AnswerKind.JOB else answer
    )


@PROTOCOL.answer(
    "JSON claims to be Latin-1", "charset_is_utf8", definite=False, proves="charset_is_utf8"
)
def charset_latin1(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _with_media_type(answer, context, f"{JSON_MEDIA_TYPE}; charset=iso-8859-1")


@PROTOCOL.payload(
    "the JSON text stops in the middle, the length fits", "body_is_json", proves="body_is_json"
)
def json_truncated(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job is
    # Cut before it is framed, so the length fits: only the JSON gives it away.
    return payload[: len(payload) * 2 // 3]


@PROTOCOL.answer(
    "fewer bytes come than are announced", "body_arrives_whole", proves="body_arrives_whole"
)
def body_short(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    # A HEAD has no body to fall short, and neither has a 304.
    if context.answer_kind is not AnswerKind.JOB or context.request.method == "HEAD":
        return answer
    if context.request.header("If-None-Match") in ("*", answer.header("ETag")):
        return answer
    return answer.with_wire(declared_length=len(answer.body) + 40)


@PROTOCOL.payload(
    "a key stands in the object twice", "json_keys_are_unique", proves="json_keys_are_unique"
)
def key_twice(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job has it
    # RFC 8259 4: readers differ in which one they take; most the last, so it is the right one.
    end = payload.find(b":")
    return payload[: end + 1] + b"null," + payload[1:] if end > 0 else payload


@PROTOCOL.body("a number is NaN", "json_numbers_are_finite", proves="json_numbers_are_finite")
def number_nan(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job has it
    # A key of its own: any documented one would also fail its schema.
    body["progress"] = math.nan
    return body


@PROTOCOL.payload(
    "a byte order mark comes first",
    "body_has_no_byte_order_mark",
    "body_is_json",
    proves="body_has_no_byte_order_mark",
)
def byte_order_mark(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job has it
    return b"\xef\xbb\xbf" + payload


@PROTOCOL.payload("a text isn't UTF-8", "body_is_utf8", proves="body_is_utf8")
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


@PROTOCOL.answer("POST is accepted", "unlisted_method_is_refused", definite=False)
def post_accepted(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _accept_methods(answer, context, "POST")


@PROTOCOL.answer("PATCH is accepted", "unlisted_method_is_refused", definite=False)
def patch_accepted(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _accept_methods(answer, context, "PATCH")


@PROTOCOL.answer("PUT is accepted", "unlisted_method_is_refused", definite=False)
def put_accepted(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _accept_methods(answer, context, "PUT")


@PROTOCOL.answer("a method that it doesn't know makes the server crash", "no_server_error")
def crash_on_unknown_method(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.METHOD or context.request.method != "QUERY":
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)


@PROTOCOL.answer(
    "DELETE is accepted",
    "unlisted_method_is_refused",
    definite=False,
    proves="unlisted_method_is_refused",
)
def delete_accepted(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _accept_methods(answer, context, "DELETE")


@PROTOCOL.answer(
    "405 doesn't list the allowed methods",
    "refused_method_lists_allowed",
    proves="refused_method_lists_allowed",
)
def refusal_without_allow(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.without_header("Allow") if context.answer_kind is AnswerKind.METHOD else answer


@PROTOCOL.answer(
    "OPTIONS lists methods that aren't there",
    "options_lists_true_methods",
    definite=False,
    proves="options_lists_true_methods",
)
def options_lie(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.OPTIONS:
        return answer
    return answer.with_header("Allow", "GET, HEAD, OPTIONS, PUT, DELETE")


@PROTOCOL.answer(
    "to whoever has a token, OPTIONS lists methods that aren't there",
    "options_lists_true_methods",
    definite=False,
)
def options_lie_to_owner(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return options_lie(answer, context) if context.credential is Caller.OWNER else answer


@PROTOCOL.answer("HEAD is refused", "head_is_answered", definite=False, proves="head_is_answered")
def head_refused(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.request.method != "HEAD" or context.job_id is None:
        return answer
    return context.fixed_answer(answer, context.script.pages.method).with_header(
        "Allow", "GET, OPTIONS"
    )


@PROTOCOL.answer(
    "HEAD announces another body than GET", "head_matches_get", proves="head_matches_get"
)
def head_differs(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.request.method != "HEAD" or context.answer_kind is not AnswerKind.JOB:
        return answer
    longer = answer.with_wire(declared_length=len(answer.body) + 7)
    return longer.with_header("Content-Type", "text/html; charset=utf-8")


@PROTOCOL.answer(
    "304 comes without a condition",
    "not_modified_only_when_asked",
    proves="not_modified_only_when_asked",
)
def not_modified_unasked(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    is_asked = context.request.header("If-None-Match") is not None
    if context.answer_kind is not AnswerKind.JOB or is_asked:
        return answer
    # The tag stays: a 304 without one would be wrong in a second way.
    return replace(answer.without_header("Content-Type"), code=304, body=b"")


@PROTOCOL.answer("a job's asker is sent to a login page", "no_redirect", proves="no_redirect")
def redirect_to_login(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_content(302, b"", None).with_header("Location", "/login")


@PROTOCOL.answer(
    "every 10th question is too many, and nobody says when to come back",
    "throttling_says_when",
    definite=False,
    proves="throttling_says_when",
)
def throttled_without_hint(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id is None or context.occurrence() % _THROTTLE_EVERY:
        return answer
    return answer.with_json(429, {"error": "Too many requests"})


@PROTOCOL.answer(
    "a job that goes on is answered with 204", "code_is_documented", proves="code_is_documented"
)
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


@PROTOCOL.answer(
    "a store's own way of sending is left in Content-Encoding",
    "content_coding_was_offered",
    proves="content_coding_was_offered",
)
def coding_of_a_store(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_header("Content-Encoding", "aws-chunked")


@PROTOCOL.body(
    "a number has more digits than a double",
    "json_numbers_are_exact",
    definite=False,
    proves="json_numbers_are_exact",
)
def number_beyond_doubles(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job has it
    body["seed"] = 2**63 - 1
    return body


@PROTOCOL.payload(
    "a text was cut within a character",
    "json_text_is_unicode",
    proves="json_text_is_unicode",
)
def half_a_character(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job has it
    # What is left of an emoji where UTF-16 units are counted.
    return payload[:-1] + b',"caption":"done \\ud83d"}' if payload.endswith(b"}") else payload


@PROTOCOL.answer(
    "304 goes by the tag of the first sight, whatever has become of the job",
    "not_modified_means_unchanged",
    proves="not_modified_means_unchanged",
)
def not_modified_since_first_sight(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    first: str | None = context.first_value(context.job_id or "", answer.header("ETag"))
    asked = context.request.header("If-None-Match")
    if first is None or answer.header("ETag") == first:
        return answer
    # Tags come with the first state alone, so that no two bodies are under one.
    bare = answer.without_header("ETag")
    return bare.with_header("ETag", first) if asked == first else bare


@PROTOCOL.answer(
    "the entity tag has no quotes",
    "entity_tag_is_well_formed",
    proves="entity_tag_is_well_formed",
)
def tag_without_quotes(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    tag = answer.header("ETag")
    if context.answer_kind is not AnswerKind.JOB or tag is None:
        return answer
    return answer.with_header("ETag", tag.strip('"'))


@PROTOCOL.answer(
    "the whole job is called a part, whoever asks",
    "part_was_asked_for",
    "code_is_documented",
)
def part_for_everybody(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    size = len(answer.body)
    return replace(answer, code=206).with_header("Content-Range", f"bytes 0-{size - 1}/{size}")


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
