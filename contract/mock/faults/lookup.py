"""
Jobs that aren't found, jobs that are found wrongly, and errors in a wrong shape.
"""

from __future__ import annotations

import re
from dataclasses import replace

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.mock.answer import AnswerKind, Caller, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import documents_absence, is_well_formed
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.life import MockJob

__all__ = ["LOOKUP"]

LOOKUP = FaultGroup("E", "errors and lookup")

# More than two random ids have in common.
_NEAR = 6
_LONG = 2000
_THREE_BYTES = 0xFFFF
_PLAIN_ID = re.compile(r"[\w-]+", re.ASCII)


@LOOKUP.job("no job is ever found", "known_job_is_found", proves="known_job_is_found")
def never_found(job: MockJob | None, context: RequestContext) -> MockJob | None:  # noqa: ARG001 -- whatever it is
    return None


@LOOKUP.job("an id that nobody has is answered with a job", "unknown_id_is_not_found")
def unknown_id_answered(job: MockJob | None, context: RequestContext) -> MockJob | None:
    # A foreign job stays hidden: showing it is the fault foreign_job_shown.
    if job is not None or context.job_store.find(context.job_id or "") is not None:
        return job
    return context.job_store.invent_job(context.job_id or "")


@LOOKUP.answer(
    "an id that nobody has is answered with 200 and an error",
    "body_matches_schema",
    "unknown_id_is_not_found",
)
def error_with_200_for_unknown_id(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return replace(answer, code=200) if context.answer_kind is AnswerKind.UNKNOWN else answer


@LOOKUP.answer("a strange id makes the server crash", "no_server_error")
def crash_on_strange_id(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN or _PLAIN_ID.fullmatch(context.job_id or "x"):
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)


@LOOKUP.answer("an id that is too long for its column makes the server crash", "no_server_error")
def crash_on_long_id(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _crash(answer, context, is_fatal=len(context.job_id or "") > _LONG)


@LOOKUP.answer("a character of four bytes makes the server crash", "no_server_error")
def crash_on_emoji(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    # As databases do that keep three bytes a character.
    is_fatal = any(ord(one) > _THREE_BYTES for one in context.job_id or "")
    return _crash(answer, context, is_fatal=is_fatal)


@LOOKUP.answer("an id that is a number makes the server crash", "no_server_error")
def crash_on_number(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    is_fatal = re.fullmatch(r"-?[0-9]{1,9}", context.job_id or "") is not None
    return _crash(answer, context, is_fatal=is_fatal)


@LOOKUP.answer("a path within an id makes the server crash", "no_server_error")
def crash_on_path(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _crash(answer, context, is_fatal=(context.job_id or "").startswith("../"))


@LOOKUP.answer("an id that decodes to nothing makes the server crash", "no_server_error")
def crash_on_broken_escape(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    # A second decoding, of what the first one has left.
    is_fatal = re.search("%(?![0-9A-Fa-f]{2})", context.job_id or "") is not None
    return _crash(answer, context, is_fatal=is_fatal)


@LOOKUP.answer("markup in an id makes the server crash", "no_server_error")
def crash_on_markup(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _crash(answer, context, is_fatal="<" in (context.job_id or ""))


@LOOKUP.job("a word for nothing is the id of a job", "malformed_id_is_refused")
def null_is_an_id(job: MockJob | None, context: RequestContext) -> MockJob | None:
    is_null = job is None and context.job_id in ("null", "undefined")
    return context.job_store.invent_job(context.job_id or "") if is_null else job


@LOOKUP.job("an id of zeros alone is a job's", "malformed_id_is_refused")
def zeros_are_an_id(job: MockJob | None, context: RequestContext) -> MockJob | None:
    is_nil = job is None and bool(re.fullmatch("[0-]{36}", context.job_id or ""))
    return context.job_store.invent_job(context.job_id or "") if is_nil else job


@LOOKUP.answer(
    "an id that nobody has makes the server crash", "no_server_error", proves="no_server_error"
)
def crash_on_unknown_id(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)


@LOOKUP.answer("the answer to an unknown id has no body", "body_is_json", applies=documents_absence)
def not_found_empty(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return replace(answer, body=b"") if context.answer_kind is AnswerKind.UNKNOWN else answer


@LOOKUP.answer(
    "the answer to an unknown id is an HTML page",
    "media_type_is_documented",
    "body_is_json",
    applies=documents_absence,
)
def not_found_html(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    page = (
        b"<!DOCTYPE html><html><head><title>Not found</title></head><body>No such job</body></html>"
    )
    return answer.with_content(answer.code, page, "text/html; charset=utf-8")


@LOOKUP.answer(
    "the answer to an unknown id has another key",
    "body_matches_schema",
    applies=documents_absence,
)
def not_found_with_other_key(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return answer.with_json(answer.code, {"detail": "Not found"})


@LOOKUP.answer(
    "the answer to an unknown id has another type",
    "body_matches_schema",
    applies=documents_absence,
)
def not_found_with_other_type(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    correct: JsonObject = context.script.pages.unknown.body or {}
    body = {k: {"message": v} if isinstance(v, str) else str(v) for k, v in correct.items()}
    return answer.with_json(answer.code, body)


@LOOKUP.answer("a known job is answered with 200 and an error", "body_matches_schema")
def error_with_200(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return replace(context.fixed_answer(answer, context.script.pages.crash), code=200)


@LOOKUP.job(
    "who asks a third time for an id that nobody has finds a job",
    "unknown_id_is_not_found",
    proves="unknown_id_is_not_found",
)
def third_time_makes_a_job(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    if job is not None or not is_well_formed(job_id, context.profile.id):
        return job
    # So near to a job's, or so plain: of altered and of hostile ids other checks speak.
    start = len(context.profile.id.prefix) + _NEAR
    known = (*context.job_store.owned_by(Caller.OWNER), *context.job_store.owned_by(Caller.OTHER))
    near = any(one.id.lower()[:start] == job_id.lower()[:start] for one in known)
    if near or len(set(job_id)) < _NEAR or context.occurrence(job_id) != 3:
        return None
    return context.job_store.invent_job(job_id)


def _crash(answer: MockAnswer, context: RequestContext, *, is_fatal: bool) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN or not is_fatal:
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)
