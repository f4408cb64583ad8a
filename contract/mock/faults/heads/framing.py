"""
Answers whose bytes begin, end or are cut otherwise than HTTP/1.1 has it.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

from jobproof.contract.mock.answer import AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.faults.fault_group import FaultGroup

__all__ = ["FRAMING"]

FRAMING = FaultGroup("W", "framing on the wire")


@FRAMING.answer(
    "a field's name ends in a blank", "field_names_are_tokens", proves="field_names_are_tokens"
)
def blank_before_colon(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _more(answer, context, "X-Trace ", "1")


@FRAMING.answer(
    "a field's value holds a control character",
    "field_values_have_no_controls",
    proves="field_values_have_no_controls",
)
def control_in_value(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _more(answer, context, "X-Worker", "gpu\x07-3")


@FRAMING.answer("a field's value holds a NUL", "body_arrives_whole")
def nul_in_value(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _more(answer, context, "X-Worker", "gpu\x00-3")


@FRAMING.answer(
    "a job comes in chunks and with its length",
    "length_or_chunks_not_both",
    proves="length_or_chunks_not_both",
)
def length_beside_chunks(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_wire(chunked=True, length_too=True) if _is_job(context) else answer


@FRAMING.answer(
    "a job is cut into chunks once and said to be twice",
    "chunks_are_put_on_once",
    proves="chunks_are_put_on_once",
)
def chunks_named_twice(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if not _is_job(context):
        return answer
    return _more(answer.with_wire(chunked=True), context, "Transfer-Encoding", "chunked")


@FRAMING.answer(
    "204 to OPTIONS announces chunks",
    "transfer_coding_has_its_place",
    proves="transfer_coding_has_its_place",
)
def no_content_in_chunks(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.OPTIONS:
        return answer
    return answer.with_header("Transfer-Encoding", "chunked")


@FRAMING.answer(
    "204 to OPTIONS announces a body", "no_content_has_no_length", proves="no_content_has_no_length"
)
def no_content_with_length(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.OPTIONS:
        return answer
    return answer.with_header("Content-Length", "12")


@FRAMING.answer(
    "Connection has proxies take away what caches are told",
    "connection_names_its_own",
    proves="connection_names_its_own",
)
def connection_names_cache_control(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _more(answer, context, "Connection", "Cache-Control")


@FRAMING.answer(
    "304 has the length of another body",
    "not_modified_has_true_length",
    proves="not_modified_has_true_length",
)
def not_modified_with_other_length(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    tag = answer.header("ETag")
    if not _is_job(context) or tag is None or context.request.header("If-None-Match") != tag:
        return answer
    bare = replace(answer.without_header("Content-Type"), code=304, body=b"")
    return bare.with_header("Content-Length", str(len(answer.body) + 2))  # a line end more


@FRAMING.answer(
    "the first bytes are asked for, and come without a word that they are a part",
    "part_says_which",
    proves="part_says_which",
)
def part_without_range(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if not _is_job(context) or context.request.header("Range") is None:
        return answer
    return replace(answer, code=206, body=answer.body[:1])


@FRAMING.answer(
    "the first bytes are asked for, and all come under the name of the first",
    "part_is_what_it_says",
    proves="part_is_what_it_says",
)
def part_longer_than_said(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _part(answer, context, f"bytes 0-7/{len(answer.body)}")


@FRAMING.answer("a part ends behind the whole's end", "part_is_what_it_says")
def part_beyond_the_whole(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _part(answer, context, f"bytes 0-{len(answer.body)}/{len(answer.body)}")


@FRAMING.answer("bytes follow a job's end", "body_arrives_whole")
def bytes_behind(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_wire(behind=b"\r\n0\r\n\r\n") if _is_job(context) else answer


@FRAMING.answer("HEAD is answered with the body", "body_arrives_whole")
def body_after_head(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.request.method != "HEAD":
        return answer
    return answer.with_wire(behind=answer.body)


@FRAMING.answer(
    "the digest is that of another body",
    "digest_is_of_the_content",
    proves="digest_is_of_the_content",
)
def digest_of_another_body(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    digest = b64encode(sha256(answer.body + b"\n").digest()).decode()
    return _more(answer, context, "Content-Digest", f"sha-256=:{digest}:")


@FRAMING.answer("two lengths are announced", "body_arrives_whole")
def two_lengths(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _more(answer, context, "Content-Length", str(len(answer.body) + 1))


@FRAMING.answer("the length has a sign before it", "body_arrives_whole")
def length_with_sign(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _more(answer, context, "Content-Length", f"+{len(answer.body)}")


def _part(answer: MockAnswer, context: RequestContext, stated: str) -> MockAnswer:
    if not _is_job(context) or context.request.header("Range") is None:
        return answer
    return replace(answer, code=206).with_header("Content-Range", stated)


def _is_job(context: RequestContext) -> bool:
    return context.answer_kind is AnswerKind.JOB and context.request.method == "GET"


def _more(answer: MockAnswer, context: RequestContext, name: str, value: str) -> MockAnswer:
    if not _is_job(context):
        return answer
    return replace(answer, headers=(*answer.headers, (name, value)))
