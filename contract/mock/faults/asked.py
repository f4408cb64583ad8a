"""
Answers that depend on how the question is put.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import AnswerKind, Caller, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import edit_links, has_links, reset_to_template
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.life import JobView, MockJob
from jobproof.contract.model.api import Api

__all__ = ["ASKED", "by_header"]

ASKED = FaultGroup("Q", "how it is asked")

_SAME = "job_is_the_same_however_asked"
_FORM = "condition_is_read_in_every_form"
_PAGE = b"<!doctype html><title>Job</title><p>Your job is on its way."


def has_result(api: Api) -> bool:
    """
    APIs whose jobs have something to show.
    """
    return api.profile.result is not None


def has_end(api: Api) -> bool:
    """
    APIs whose jobs say when they ended.
    """
    return api.profile.times is not None and bool(api.profile.times.later)


def by_header(api: Api) -> bool:
    """
    APIs that ask for a token, and for it in a header with a scheme.
    """
    at = api.access.token_at
    return api.access.is_required and at.place == "header" and bool(at.prefix)


@ASKED.body("who asks in another language sees no result", _SAME, applies=has_result)
def language_hides_result(body: JsonObject, context: RequestContext) -> Json:
    if "de" in (context.request.header("Accept-Language") or ""):
        for at in context.profile.result.at if context.profile.result else ():
            reset_to_template(body, at, context)
    return body


@ASKED.answer("a browser gets a page", _SAME, "media_type_is_documented", "body_is_json")
def browser_gets_page(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    is_browser = (context.request.header("User-Agent") or "").startswith("Mozilla/")
    if context.answer_kind is not AnswerKind.JOB or not is_browser:
        return answer
    return answer.with_content(200, _PAGE, "text/html; charset=utf-8").without_header("ETag")


@ASKED.answer("a tool of the command line gets plain text", _SAME, "media_type_is_documented")
def tool_gets_text(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    is_tool = (context.request.header("User-Agent") or "").startswith("curl/")
    if context.answer_kind is not AnswerKind.JOB or not is_tool:
        return answer
    text = answer.with_content(200, b"Your job is on its way.\n", "text/plain")
    return text.without_header("ETag")


@ASKED.body("links lead to the host that the asker names", _SAME, applies=has_links)
def links_by_forwarded_host(body: JsonObject, context: RequestContext) -> Json:
    host = context.request.header("X-Forwarded-Host")
    if host is None:
        return body
    return edit_links(body, context, lambda link: urlsplit(link)._replace(netloc=host).geturl())


@ASKED.view("who comes through a proxy sees the job's first status", _SAME)
def forwarded_sees_first_status(view: JobView, context: RequestContext) -> JobView:
    if context.request.header("X-Forwarded-For") is None:
        return view
    words = context.profile.status.words
    return view.with_statuses(min(words, key=lambda name: words[name].rank))


@ASKED.answer("a question from another site's page crashes", "no_server_error", _SAME)
def origin_crashes(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.request.header("Origin") is None:
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)


@ASKED.job("who has a cookie sees another job of the owner's", _SAME)
def cookie_picks_job(job: MockJob | None, context: RequestContext) -> MockJob | None:
    if job is None or "session=" not in (context.request.header("Cookie") or ""):
        return job
    own = [one for one in context.job_store.owned_by(context.caller) if one.id != job.id]
    return own[-1] if own else job


@ASKED.body("a parameter that nobody declared hides the result", _SAME, applies=has_result)
def query_hides_result(body: JsonObject, context: RequestContext) -> Json:
    if "debug=" in context.request.query:
        for at in context.profile.result.at if context.profile.result else ():
            reset_to_template(body, at, context)
    return body


@ASKED.answer(
    "with a callback in the query, the job is a script",
    "media_type_is_documented",
    "body_is_json",
    _SAME,
)
def script_for_callback(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or "callback=" not in context.request.query:
        return answer
    script = b"jobproof(" + answer.body + b");"
    return answer.with_content(200, script, "application/javascript")


@ASKED.answer("who takes any media type gets none", _SAME, "code_is_documented")
def any_type_refused(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.request.header("Accept") != "*/*":
        return answer
    return answer.with_json(406, {"error": "Not acceptable"})


@ASKED.answer("the letter case of a media type counts", _SAME, "code_is_documented")
def media_type_in_one_case(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    accepted = context.request.header("Accept") or ""
    if context.answer_kind is not AnswerKind.JOB or "json" not in accepted.lower():
        return answer
    return answer if "json" in accepted else answer.with_json(406, {"error": "Not acceptable"})


@ASKED.answer("a range of media types is taken for a type", _SAME, "code_is_documented")
def media_range_refused(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    accepted = context.request.header("Accept")
    if context.answer_kind is not AnswerKind.JOB or accepted != "application/*":
        return answer
    return answer.with_json(406, {"error": "Not acceptable"})


@ASKED.answer("who wants nothing out of a cache crashes the server", "no_server_error", _SAME)
def freshness_crashes(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    asked = context.request.header("Cache-Control")
    if context.answer_kind is not AnswerKind.JOB or asked is None:
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)


@ASKED.answer("weights of media types are misread", _SAME, "code_is_documented")
def weights_misread(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    if not (context.request.header("Accept") or "").startswith("text/plain;q="):
        return answer
    return answer.with_json(406, {"error": "Only application/json can be had"})


@ASKED.answer("any entity tag is taken for the right one", _SAME)
def any_tag_matches(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.request.header("If-None-Match") is None:
        return answer
    return _not_modified(answer, context)


@ASKED.answer("of an entity tag its beginning counts", _SAME)
def tag_beginning_matches(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    asked, tag = context.request.header("If-None-Match"), answer.header("ETag")
    if asked is None or tag is None or asked[:9] != tag[:9]:
        return answer
    return _not_modified(answer, context)


@ASKED.answer("a range that can be had is refused", _SAME, "code_is_documented")
def range_refused(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.request.header("Range") is None:
        return answer
    return answer.with_json(416, {"error": "Range not satisfiable"})


@ASKED.body("a tool of the command line isn't told when the job ended", _SAME, applies=has_end)
def tool_sees_no_end(body: JsonObject, context: RequestContext) -> Json:
    if (context.request.header("User-Agent") or "").startswith("curl/"):
        for later in context.profile.times.later if context.profile.times else ():
            reset_to_template(body, later.at, context)
    return body


@ASKED.body("who names another host is led to other files", _SAME, applies=has_links)
def other_files_by_forwarded_host(body: JsonObject, context: RequestContext) -> Json:
    if context.request.header("X-Forwarded-Host") is None:
        return body
    return edit_links(body, context, lambda _link: "https://cdn.example/images/missing.png")


@ASKED.answer("of several tags none is read", _FORM, proves=_FORM)
def listed_tags_unread(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _unread(answer, context, lambda asked: "," in asked)


@ASKED.answer("tags are compared strongly", _FORM)
def weak_tags_unread(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    own = answer.header("ETag") or ""
    return _unread(answer, context, lambda asked: "W/" in asked and not own.startswith("W/"))


@ASKED.answer("a star is a tag that no job has", _FORM)
def star_unread(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _unread(answer, context, lambda asked: asked == "*")


@ASKED.answer("a date counts although a tag is given", _SAME)
def date_beats_tag(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    asked = context.request
    if asked.header("If-None-Match") is None or asked.header("If-Modified-Since") is None:
        return answer
    return _not_modified(answer, context)


@ASKED.answer("nothing has ever changed since a date", _SAME)
def old_date_matches(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    asked = context.request
    if asked.header("If-Modified-Since") is None or asked.header("If-None-Match") is not None:
        return answer
    return _not_modified(answer, context)


@ASKED.answer("what is no entity tag crashes the server", "no_server_error")
def no_tag_crashes(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    tag = context.request.header("If-None-Match")
    if context.answer_kind is not AnswerKind.JOB or tag is None or '"' in tag or tag == "*":
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)


@ASKED.answer("what is no date is refused", _SAME, "code_is_documented")
def no_date_refused(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    since = context.request.header("If-Modified-Since")
    if context.answer_kind is not AnswerKind.JOB or since is None or since.endswith(" GMT"):
        return answer
    return answer.with_json(400, {"error": "If-Modified-Since is no date"})


@ASKED.answer("a job that is there fails a condition that anything meets", _SAME, definite=False)
def anything_matches_not(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.request.header("If-Match") != "*":
        return answer
    return answer.with_json(412, {"error": "Precondition failed"})


@ASKED.job("a percent-encoded letter of an id isn't understood", _SAME, definite=False)
def encoded_letter_unknown(job: MockJob | None, context: RequestContext) -> MockJob | None:
    # Of the id itself nothing has to be encoded.
    return None if job is not None and "%" in context.request.path else job


@ASKED.caller("the scheme's name is matched by case", _SAME, definite=False, applies=by_header)
def scheme_by_case(caller: Caller, context: RequestContext) -> Caller:
    at = context.api.access.token_at
    sent = context.request.header(at.name) or ""
    return caller if sent.startswith(at.prefix) or not caller.known else Caller.INVALID


@ASKED.caller("the token's field is looked for in one letter case", _SAME, applies=by_header)
def field_by_case(caller: Caller, context: RequestContext) -> Caller:
    name = context.api.access.token_at.name
    sent = [one for one, _ in context.request.headers]
    return caller if name in sent or not caller.known else Caller.INVALID


@ASKED.answer("a header names the method that is carried out", "unknown_id_is_not_found")
def method_overridden(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    named = context.request.header("X-HTTP-Method-Override")
    if named is None or context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return answer.with_content(204, b"", None)


@ASKED.answer(
    "the condition is looked at before the right: somebody else's job is not modified",
    "condition_opens_nothing",
)
def any_tag_shows_foreign(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.request.header("If-None-Match") != "*":
        return answer
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    if context.job_store.find(context.job_id or "") is None:
        return answer
    return replace(answer.without_header("Content-Type"), code=304, body=b"")


@ASKED.job("who claims to be an administrator sees every job", "foreign_job_is_hidden")
def claims_show_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    if job is not None or context.request.header("X-Role") is None:
        return job
    return context.job_store.find(context.job_id or "")


@ASKED.job("with a debug parameter every job is shown", "foreign_job_is_hidden")
def query_shows_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    if job is not None or "debug=" not in context.request.query:
        return job
    return context.job_store.find(context.job_id or "")


def _unread(
    answer: MockAnswer, context: RequestContext, is_such: Callable[[str], bool]
) -> MockAnswer:
    asked = context.request.header("If-None-Match")
    if context.answer_kind is not AnswerKind.JOB or asked is None or not is_such(asked):
        return answer
    return replace(answer, is_settled=True)


def _not_modified(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return replace(answer.without_header("Content-Type"), code=304, body=b"")
