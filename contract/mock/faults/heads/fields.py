"""
Header fields that say a thing twice, in no form, or wrongly.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from email.utils import formatdate

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.mock.answer import AnswerKind, Caller, MockAnswer, encode_json
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.faults.fault_group import FaultGroup

__all__ = ["FIELDS"]

FIELDS = FaultGroup("H", "header fields")

_THROTTLE_EVERY = 10


@FIELDS.answer(
    "a job's media type is said twice, and is JSON and text",
    "single_fields_come_once",
    proves="single_fields_come_once",
)
def type_twice(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _twice(answer, context, "Content-Type", "text/plain")


@FIELDS.answer("a job has two entity tags", "single_fields_come_once")
def tag_twice(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _twice(answer, context, "ETag", '"of-another-layer"')


@FIELDS.answer(
    "the media type names a charset without saying that it is one",
    "content_type_is_well_formed",
    proves="content_type_is_well_formed",
)
def type_with_loose_end(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Content-Type", "application/json; utf-8")


@FIELDS.answer(
    "Date is written as in JSON", "dates_have_the_one_form", proves="dates_have_the_one_form"
)
def date_in_iso(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Date", "2026-09-21T14:13:20Z")


@FIELDS.answer("Date is in another zone", "dates_have_the_one_form")
def date_in_local_time(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Date", "Mon, 21 Sep 2026 16:13:20 +0200")


@FIELDS.answer("Date names another day of the week", "dates_have_the_one_form")
def date_on_another_day(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Date", "Tue, 21 Sep 2026 14:13:20 GMT")


@FIELDS.answer(
    "a job's answer has no Date, other answers have one",
    "every_answer_has_its_date",
    proves="every_answer_has_its_date",
)
def date_left_out(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.without_header("Date") if context.answer_kind is AnswerKind.JOB else answer


@FIELDS.answer(
    "a job was last modified tomorrow", "last_modified_is_past", proves="last_modified_is_past"
)
def modified_tomorrow(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    tomorrow = formatdate(context.now + 86_400, usegmt=True)
    return _of_job(answer, context, "Last-Modified", tomorrow)


@FIELDS.answer("Last-Modified is a count of seconds", "dates_have_the_one_form")
def modified_as_number(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Last-Modified", "1790000000")


@FIELDS.answer("a weak tag begins with a small letter", "entity_tag_is_well_formed")
def tag_weak_in_small_letter(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "ETag", f"w/{answer.header('ETag')}")


@FIELDS.answer(
    "Content-Language is a locale of the operating system",
    "content_language_is_well_formed",
    proves="content_language_is_well_formed",
)
def language_of_a_locale(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Content-Language", "en_US.UTF-8")


@FIELDS.answer(
    "Content-Location has a blank in it",
    "uri_fields_are_references",
    proves="uri_fields_are_references",
)
def content_location_with_blank(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Content-Location", "/jobs/the latest")


@FIELDS.answer(
    "a Link's target stands in no brackets", "link_is_well_formed", proves="link_is_well_formed"
)
def link_without_brackets(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Link", "/jobs; rel=collection")


@FIELDS.answer("a Link doesn't say how it is related", "link_is_well_formed")
def link_without_relation(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Link", "</jobs>; title=all")


@FIELDS.answer(
    "Vary lists its names with blanks between",
    "listed_names_are_names",
    proves="listed_names_are_names",
)
def vary_without_commas(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Vary", "Authorization Accept-Encoding")


@FIELDS.answer("405 lists the allowed methods as a list in JSON", "listed_names_are_names")
def allow_as_json(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _if_kind(answer, context, AnswerKind.METHOD, "Allow", '["GET", "HEAD"]')


@FIELDS.answer(
    "405 lists the method that it refuses",
    "refused_method_is_not_allowed",
    proves="refused_method_is_not_allowed",
)
def allow_lists_the_refused(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.METHOD:
        return answer
    return answer.with_header("Allow", f"GET, HEAD, {context.request.method}")


@FIELDS.answer(
    "405 leaves GET out of what is allowed",
    "refusal_allows_what_there_is",
    proves="refusal_allows_what_there_is",
)
def allow_without_get(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _if_kind(answer, context, AnswerKind.METHOD, "Allow", "HEAD, OPTIONS")


@FIELDS.answer(
    "every 10th question is too many, for less than no time",
    "retry_after_is_well_formed",
    definite=False,
    proves="retry_after_is_well_formed",
)
def throttled_until_negative(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _throttled(answer, context, "-5")


@FIELDS.answer(
    "every 10th question is too many, until a time as in JSON",
    "retry_after_is_well_formed",
    definite=False,
)
def throttled_until_iso(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _throttled(answer, context, "2026-09-21T14:13:20Z")


@FIELDS.answer(
    "401 doesn't say how to get in",
    "refusal_has_challenge",
    proves="refusal_has_challenge",
)
def refusal_without_challenge(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return (
        answer.without_header("WWW-Authenticate")
        if context.answer_kind is AnswerKind.ANONYMOUS
        else answer
    )


@FIELDS.answer(
    "a challenge has parameters and no scheme",
    "challenge_is_well_formed",
    proves="challenge_is_well_formed",
)
def challenge_without_scheme(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _if_kind(answer, context, AnswerKind.ANONYMOUS, "WWW-Authenticate", 'realm="api"')


@FIELDS.answer("a challenge has two realms", "challenge_is_well_formed")
def challenge_with_two_realms(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    two = 'Bearer realm="api", realm="jobs"'
    return _if_kind(answer, context, AnswerKind.ANONYMOUS, "WWW-Authenticate", two)


@FIELDS.answer(
    "a token is documented, a name and a password are asked for",
    "challenge_names_documented_scheme",
    proves="challenge_names_documented_scheme",
)
def challenge_by_password(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    challenge = 'Basic realm="api"'
    return _if_kind(answer, context, AnswerKind.ANONYMOUS, "WWW-Authenticate", challenge)


@FIELDS.answer(
    "who sends no token is told that it is invalid",
    "challenge_fits_the_question",
    definite=False,
    proves="challenge_fits_the_question",
)
def absent_token_called_invalid(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.credential is not Caller.NONE:
        return answer
    challenge = 'Bearer realm="api", error="invalid_token"'
    return _if_kind(answer, context, AnswerKind.ANONYMOUS, "WWW-Authenticate", challenge)


@FIELDS.answer("a job is younger than new", "age_is_whole_seconds", proves="age_is_whole_seconds")
def age_negative(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Age", "-1")


@FIELDS.answer(
    "caches are told a time in words",
    "cache_control_is_well_formed",
    proves="cache_control_is_well_formed",
)
def cache_order_in_words(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Cache-Control", "private, max-age=soon")


@FIELDS.answer("caches are told with semicolons between", "cache_control_is_well_formed")
def cache_order_with_semicolons(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Cache-Control", "private; max-age=0")


@FIELDS.answer(
    "a compressed job is to be kept, for whatever it is asked in",
    "coded_answer_varies",
    definite=False,
    proves="coded_answer_varies",
)
def kept_without_vary(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.request.method != "GET":
        return answer
    accepted = (context.request.header("Accept-Encoding") or "").lower()
    if "gzip" not in accepted:
        return answer
    coded = replace(answer, body=gzip.compress(answer.body, mtime=0))
    coded = coded.without_header("Vary", "ETag").with_header("Content-Encoding", "gzip")
    return coded.with_header("Cache-Control", "private, max-age=1")


@FIELDS.answer(
    "304 has no entity tag", "not_modified_repeats_the_tag", proves="not_modified_repeats_the_tag"
)
def not_modified_without_tag(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _if_unchanged(answer, context, None)


@FIELDS.answer("304 has another entity tag than it was asked about", "not_modified_repeats_the_tag")
def not_modified_under_another_tag(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _if_unchanged(answer, context, '"of-another-layer"')


@FIELDS.answer(
    "304 doesn't say how long it may be kept",
    "not_modified_repeats_the_rest",
    proves="not_modified_repeats_the_rest",
)
def not_modified_without_cache_control(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    short = _if_unchanged(answer, context, answer.header("ETag"))
    return short.without_header("Cache-Control") if short.code == 304 else answer


@FIELDS.answer("304 doesn't say by what the job varies", "not_modified_repeats_the_rest")
def not_modified_without_vary(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    answer = _of_job(answer, context, "Vary", "Authorization, Accept-Encoding")
    short = _if_unchanged(answer, context, answer.header("ETag"))
    return short.without_header("Vary") if short.code == 304 else answer


@FIELDS.answer(
    "a job's end for caches is written as in JSON", "dates_have_the_one_form", definite=False
)
def expires_as_in_json(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _of_job(answer, context, "Expires", "2026-11-30T10:00:00Z")


@FIELDS.answer(
    "a problem says 403 where the code is 401",
    "problem_repeats_the_code",
    proves="problem_repeats_the_code",
)
def problem_of_another_code(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _problem(answer, context, {"type": "about:blank", "status": 403})


@FIELDS.answer(
    "a problem's type is a sentence",
    "problem_members_have_their_types",
    definite=False,
    proves="problem_members_have_their_types",
)
def problem_in_words(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _problem(answer, context, {"type": "not let in", "status": 401})


def _if_kind(
    answer: MockAnswer, context: RequestContext, kind: AnswerKind, name: str, value: str
) -> MockAnswer:
    return answer.with_header(name, value) if context.answer_kind is kind else answer


def _of_job(answer: MockAnswer, context: RequestContext, name: str, value: str) -> MockAnswer:
    return _if_kind(answer, context, AnswerKind.JOB, name, value)


def _twice(answer: MockAnswer, context: RequestContext, name: str, value: str) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return replace(answer, headers=(*answer.headers, (name, value)))


def _throttled(answer: MockAnswer, context: RequestContext, until: str) -> MockAnswer:
    if context.job_id is None or context.occurrence() % _THROTTLE_EVERY:
        return answer
    refusal = answer.with_json(429, {"error": "Too many requests"})
    return refusal.with_header("Retry-After", until)


def _if_unchanged(answer: MockAnswer, context: RequestContext, tag: str | None) -> MockAnswer:
    condition, own = context.request.header("If-None-Match"), answer.header("ETag")
    if context.answer_kind is not AnswerKind.JOB or condition not in ("*", own):
        return answer
    bare = replace(answer.without_header("Content-Type", "ETag"), code=304, body=b"")
    return bare if tag is None else bare.with_header("ETag", tag)


def _problem(answer: MockAnswer, context: RequestContext, problem: JsonObject) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS:
        return answer
    return answer.with_content(401, encode_json(problem), "application/problem+json")
