"""
Somebody else's job: how it is shown after all, or told from one that doesn't exist.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.mock.answer import JSON_MEDIA_TYPE, AnswerKind, Caller, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.faults.access import needs_token, replace_first_string
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.faults.rights.tokens import tells_failures
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.model.profile import Phase

__all__ = ["SIGHT"]

SIGHT = FaultGroup("A", "who sees, and who can tell")

_HIDDEN = "foreign_job_is_hidden"
_ALIKE = "foreign_job_looks_unknown"
_OUTSIDE = "existence_is_hidden_from_outsiders"


@SIGHT.job("HEAD finds everybody's jobs", _HIDDEN)
def head_shows_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return _any(job, context, context.request.method == "HEAD")


@SIGHT.job("who takes any media type sees everybody's jobs", _HIDDEN)
def any_type_shows_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return _any(job, context, context.request.header("Accept") == "*/*")


@SIGHT.job("the first bytes of everybody's jobs are shown", _HIDDEN)
def range_shows_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return _any(job, context, context.request.header("Range") is not None)


@SIGHT.job("who has a cookie sees everybody's jobs", _HIDDEN)
def cookie_shows_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return _any(job, context, "session=" in (context.request.header("Cookie") or ""))


@SIGHT.job("who says by a cookie that it is an administrator sees everybody's jobs", _HIDDEN)
def admin_cookie_shows_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return _any(job, context, "admin=true" in (context.request.header("Cookie") or ""))


@SIGHT.job("who names an account sees the jobs of everybody", _HIDDEN)
def account_shows_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return _any(job, context, context.request.header("X-Account-Id") is not None)


@SIGHT.job("a user in the query sees everybody's jobs", _HIDDEN)
def queried_user_shows_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return _any(job, context, "user_id=" in context.request.query)


@SIGHT.job("a web page sees everybody's jobs", _HIDDEN)
def origin_shows_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return _any(job, context, context.request.header("Origin") is not None)


@SIGHT.job("once it has ended, a job is everybody's", _HIDDEN)
def ended_shown_to_all(job: MockJob | None, context: RequestContext) -> MockJob | None:
    status = _status(context)
    return _any(job, context, context.api.lifecycle.is_terminal(status))


@SIGHT.job("as long as it runs, a job is everybody's", _HIDDEN)
def running_shown_to_all(job: MockJob | None, context: RequestContext) -> MockJob | None:
    status = _status(context)
    return _any(job, context, not context.api.lifecycle.is_terminal(status))


@SIGHT.job("a failed job is everybody's", _HIDDEN, applies=tells_failures)
def failed_shown_to_all(job: MockJob | None, context: RequestContext) -> MockJob | None:
    word = context.profile.status.words.get(_status(context) or "")
    return _any(job, context, word is not None and word.phase is Phase.FAILED)


@SIGHT.answer("somebody else's job is answered with nothing at all", _HIDDEN)
def foreign_is_no_content(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_content(204, b"", None) if _is_foreign(context) else answer


@SIGHT.job("headers that name the method show everybody's jobs", _HIDDEN)
def own_method_shows_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return _any(job, context, context.request.header("X-HTTP-Method-Override") == "GET")


@SIGHT.job("an id in the query counts, whosever it is", _HIDDEN, "job_id_is_echoed")
def query_names_job(job: MockJob | None, context: RequestContext) -> MockJob | None:
    named = parse_qs(context.request.query).get("id", [""])[-1]
    return context.job_store.find(named) or job


@SIGHT.job("a path in the head counts, and is allowed to all", _HIDDEN, "job_id_is_echoed")
def header_names_job(job: MockJob | None, context: RequestContext) -> MockJob | None:
    path = context.request.header("X-Original-URL") or ""
    return context.job_store.find(path.rpartition("/")[2]) or job


@SIGHT.job("of a list of ids the first has to be one's own, and the last is shown", _HIDDEN)
def list_ends_in_foreign(job: MockJob | None, context: RequestContext) -> MockJob | None:
    first, comma, _ = (context.job_id or "").partition(",")
    own = context.job_store.find(first) if comma else None
    if own is None or own.tenant != context.caller:
        return job
    return context.job_store.find((context.job_id or "").rpartition(",")[2])


@SIGHT.answer("the refusal of somebody else's job has a line end more", _ALIKE)
def foreign_has_line_end(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return replace(answer, body=answer.body + b"\n") if _is_foreign(context) else answer


@SIGHT.answer("the refusal of somebody else's job sets a cookie", _ALIKE)
def foreign_sets_cookie(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if not _is_foreign(context):
        return answer
    return answer.with_header("Set-Cookie", "denied=1; Path=/; Secure; HttpOnly; SameSite=Lax")


@SIGHT.answer("the refusal of somebody else's job names its charset", _ALIKE)
def foreign_names_charset(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if not _is_foreign(context):
        return answer
    kind = answer.header("Content-Type") or JSON_MEDIA_TYPE
    return answer.with_header("Content-Type", f"{kind}; charset=utf-8")


@SIGHT.answer("HEAD forbids somebody else's job, GET doesn't know it", _ALIKE)
def foreign_forbidden_by_head(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.request.method != "HEAD" or not _is_foreign(context):
        return answer
    return answer.with_json(403, {"error": "Forbidden"})


@SIGHT.answer("somebody else's job asks for another token", _ALIKE)
def foreign_unauthorized(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if not _is_foreign(context):
        return answer
    return context.fixed_answer(answer, context.script.pages.anonymous)


@SIGHT.answer("somebody else's job is a bad request", _ALIKE)
def foreign_bad_request(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _with_code(answer, context, 400)


@SIGHT.answer("somebody else's job is a conflict", _ALIKE)
def foreign_conflict(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _with_code(answer, context, 409)


@SIGHT.answer("somebody else's job is gone", _ALIKE)
def foreign_gone(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _with_code(answer, context, 410)


@SIGHT.answer("that a job is another workspace's is said in so many words", _ALIKE)
def foreign_says_whose(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if not _is_foreign(context):
        return answer
    said = "The job belongs to another workspace"
    return answer.with_json(answer.code, replace_first_string(_body(context), said))


@SIGHT.answer("the refusal of somebody else's job has a code of its own", _ALIKE)
def foreign_has_code(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    code = "access_denied" if _is_foreign(context) else "no_such_job"
    return answer.with_json(answer.code, {**_body(context), "code": code})


@SIGHT.answer("with a debug parameter a refusal says whose the job is", _ALIKE)
def debugging_says_whose(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if not _is_foreign(context) or "debug=true" not in context.request.query:
        return answer
    return answer.with_json(answer.code, {**_body(context), "tenant": "acme"})


@SIGHT.answer("the refusal of somebody else's job names its owner in its head", _ALIKE)
def foreign_names_owner(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_header("X-Owner", "acme") if _is_foreign(context) else answer


@SIGHT.answer("the refusal of somebody else's job has a tag", _ALIKE)
def foreign_has_tag(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_header("ETag", '"5d41402a"') if _is_foreign(context) else answer


@SIGHT.answer("a refusal's head says for which reason", _ALIKE)
def foreign_reason_in_head(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    reason = "not-yours" if _is_foreign(context) else "not-found"
    return answer.with_header("X-Error-Reason", reason)


@SIGHT.answer("by HEAD a refusal says for which reason", _ALIKE, definite=False)
def foreign_reason_by_head(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN or context.request.method != "HEAD":
        return answer
    reason = "not-yours" if _is_foreign(context) else "not-found"
    return answer.with_header("X-Error-Reason", reason)


@SIGHT.answer("the refusal of somebody else's job is kept otherwise", _ALIKE)
def foreign_cached_otherwise(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_header("Cache-Control", "no-store") if _is_foreign(context) else answer


@SIGHT.answer(
    "without a token, an unknown id is not found and a known one asks for a token",
    _OUTSIDE,
    applies=needs_token,
    definite=False,
    proves=_OUTSIDE,
)
def unknown_before_token(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS or _find(context) is not None:
        return answer
    bare = answer.without_header("WWW-Authenticate")
    return context.fixed_answer(bare, context.script.pages.unknown)


@SIGHT.answer(
    "with a wrong token, an unknown id is not found and a known one is refused",
    _OUTSIDE,
    applies=needs_token,
    definite=False,
)
def unknown_before_wrong_token(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    is_wrong = context.credential is Caller.INVALID
    if context.answer_kind is not AnswerKind.ANONYMOUS or not is_wrong or _find(context):
        return answer
    bare = answer.without_header("WWW-Authenticate")
    return context.fixed_answer(bare, context.script.pages.unknown)


@SIGHT.answer(
    "without a token, a known job is forbidden and an unknown one asks for a token",
    _OUTSIDE,
    applies=needs_token,
    definite=False,
)
def known_forbidden_outside(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS or _find(context) is None:
        return answer
    return answer.without_header("WWW-Authenticate").with_json(403, {"error": "Forbidden"})


def _any(job: MockJob | None, context: RequestContext, by_trick: bool) -> MockJob | None:
    return _find(context) if job is None and by_trick else job


def _find(context: RequestContext) -> MockJob | None:
    return context.job_store.find(context.job_id or "")


def _is_foreign(context: RequestContext) -> bool:
    return context.answer_kind is AnswerKind.UNKNOWN and _find(context) is not None


def _status(context: RequestContext) -> str | None:
    job = _find(context)
    return job.peek(context.now).status if job is not None else None


def _body(context: RequestContext) -> JsonObject:
    return {**(context.script.pages.unknown.body or {"error": ""})}


def _with_code(answer: MockAnswer, context: RequestContext, code: int) -> MockAnswer:
    return answer.with_json(code, _body(context)) if _is_foreign(context) else answer
