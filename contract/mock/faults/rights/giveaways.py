"""
Answers that give away a token, a key, the inside of the server, or the job that they refuse.
"""

from __future__ import annotations

import base64

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import AnswerKind, Caller, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import put
from jobproof.contract.mock.faults.access import needs_token, replace_first_string
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.life import JobView
from jobproof.contract.model.api import Api

__all__ = ["GIVEAWAYS"]

GIVEAWAYS = FaultGroup("G", "what is given away")

_SECRET = "no_secret_in_answer"  # noqa: S105 -- a check
_REFUSAL = "refusal_shows_no_job"
_INSIDE = "error_names_nothing_inside"
_ORIGIN = "no_credentialed_wildcard_origin"


def has_times(api: Api) -> bool:
    """
    APIs that need a token and say when a job was created.
    """
    return needs_token(api) and api.profile.times is not None


@GIVEAWAYS.answer(
    "the refusal of who shows no token says how the job is",
    _REFUSAL,
    applies=needs_token,
    proves=_REFUSAL,
)
def refusal_has_status(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    view = _refused(context)
    if view is None:
        return answer
    said: JsonObject = {**(context.script.pages.anonymous.body or {})}
    put(said, context.profile.status.at, view.status)
    return answer.with_json(answer.code, said)


@GIVEAWAYS.answer("the details of a refusal say how the job is", _REFUSAL, applies=needs_token)
def refusal_details_status(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    view = _refused(context)
    if view is None:
        return answer
    said: JsonObject = {**(context.script.pages.anonymous.body or {})}
    return answer.with_json(answer.code, {**said, "details": [{"job_status": view.status}]})


@GIVEAWAYS.answer("the refusal of a wrong token shows the job", _REFUSAL, applies=has_times)
def refusal_has_job(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    view = _refused(context)
    if view is None or context.credential is not Caller.INVALID:
        return answer
    said = context.script.pages.anonymous.body or {}
    job = view.body(context.script, context.codec)
    return answer.with_json(answer.code, {**said, "resource": job})


@GIVEAWAYS.answer("the head of a refusal says how the job is", _REFUSAL, applies=needs_token)
def refusal_has_status_header(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    view = _refused(context)
    return answer if view is None else answer.with_header("X-Job-Status", view.status)


@GIVEAWAYS.answer("OPTIONS shows the job to anybody", _REFUSAL, applies=has_times)
def options_shows_job(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    job = context.job_store.find(context.job_id or "")
    if context.answer_kind is not AnswerKind.OPTIONS or job is None:
        return answer
    body = job.peek(context.now).body(context.script, context.codec)
    return answer.with_json(200, body).with_header("Allow", answer.header("Allow") or "GET")


@GIVEAWAYS.answer("an unknown id's answer holds the token", _SECRET, applies=needs_token)
def token_in_error(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN or not context.credential.known:
        return answer
    return _with_error(answer, context, f"No job for {_token(context)}")


@GIVEAWAYS.answer("a link in the head holds the token", _SECRET, applies=needs_token)
def token_in_link(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or not context.credential.known:
        return answer
    target = f"{context.request.path}?access_token={_token(context)}"
    return answer.with_header("Link", f'<{target}>; rel="self"')


@GIVEAWAYS.answer("a cookie holds the token", _SECRET, applies=needs_token)
def token_in_cookie(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or not context.credential.known:
        return answer
    return answer.with_header("Set-Cookie", f"t={_token(context)}; Secure; HttpOnly")


@GIVEAWAYS.answer("a location holds the token", _SECRET, applies=needs_token)
def token_in_location(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or not context.credential.known:
        return answer
    target = f"{context.request.path}?access_token={_token(context)}"
    return answer.with_header("Content-Location", target)


@GIVEAWAYS.answer("a debug header holds the token in base64", _SECRET, applies=needs_token)
def token_in_base64(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or not context.credential.known:
        return answer
    return answer.with_header("X-Debug", base64.b64encode(_token(context).encode()).decode())


@GIVEAWAYS.answer("TRACE gives the question back, its token too", _SECRET, applies=needs_token)
def trace_gives_back_token(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    request = context.request
    if request.method != "TRACE" or context.answer_kind is not AnswerKind.METHOD:
        return answer
    lines = [f"TRACE {request.target} HTTP/1.1", *(f"{n}: {v}" for n, v in request.headers)]
    return answer.with_content(200, "\r\n".join(lines).encode("latin-1"), "message/http")


@GIVEAWAYS.answer("an unknown id's answer holds a private key", _SECRET)
def private_key_in_error(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return _with_error(answer, context, "can't sign: -----BEGIN RSA PRIVATE KEY----- MIIEow")


@GIVEAWAYS.answer("an unknown id's answer holds the id of an access key", _SECRET)
def access_key_in_error(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return _with_error(answer, context, "AKIAIOSFODNN7EXAMPLE has no right to read the bucket")


@GIVEAWAYS.answer(
    "an unknown id's answer holds the database's query", _INSIDE, definite=False, proves=_INSIDE
)
def query_in_error(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return _with_error(answer, context, "no rows: SELECT * FROM jobs WHERE id = $1 AND tenant = $2")


@GIVEAWAYS.answer("an unknown id's answer names an inner host", _INSIDE, definite=False)
def host_in_error(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return _with_error(answer, context, "nothing at jobs-db-2.prod.svc.cluster.local")


@GIVEAWAYS.answer("an unknown id's answer names an inner address", _INSIDE, definite=False)
def address_in_error(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return _with_error(answer, context, "connect ECONNREFUSED 10.12.0.7:5432")


@GIVEAWAYS.answer("a refusal names a file of the server", _INSIDE, definite=False)
def file_in_refusal(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.ANONYMOUS:
        return answer
    said = context.script.pages.anonymous.body or {"error": ""}
    text = "refused by /srv/app/guards/token.py"
    return answer.with_json(answer.code, replace_first_string({**said}, text))


@GIVEAWAYS.answer(
    "the head of an unknown id's answer holds a stack trace", "no_stack_trace", definite=False
)
def stack_trace_in_head(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    return answer.with_header("X-Exception", "at Jobs.find (/srv/app/jobs.js:88:15)")


@GIVEAWAYS.answer("any page's origin is sent back, with credentials", _ORIGIN, definite=False)
def origin_sent_back(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    origin = context.request.header("Origin")
    return answer if origin is None else _open_to(answer, origin)


@GIVEAWAYS.answer("pages of no origin may read, with credentials", _ORIGIN, definite=False)
def null_origin_may_read(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return _open_to(answer, "null") if context.answer_kind is AnswerKind.JOB else answer


@GIVEAWAYS.answer(
    "a session's cookie is for scripts, too",
    "session_cookie_is_guarded",
    definite=False,
    proves="session_cookie_is_guarded",
)
def session_cookie_open(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_header("Set-Cookie", "sessionid=9f86d081884c7d65; Path=/")


@GIVEAWAYS.answer(
    "an unknown id's answer lists ids that there are",
    "denial_lists_no_ids",
    definite=False,
    proves="denial_lists_no_ids",
)
def unknown_lists_ids(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    said: JsonObject = {**(context.script.pages.unknown.body or {"error": ""})}
    similar = [job.id for job in context.job_store.owned_by(Caller.OTHER)]
    return answer.with_json(answer.code, {**said, "similar": [*similar]})


def _refused(context: RequestContext) -> JobView | None:
    """
    The job as it is now, where somebody without a right is refused it.
    """
    job = context.job_store.find(context.job_id or "")
    if context.answer_kind is not AnswerKind.ANONYMOUS or job is None:
        return None
    return job.peek(context.now)


def _token(context: RequestContext) -> str:
    return context.job_store.tokens[context.credential]


def _with_error(answer: MockAnswer, context: RequestContext, text: str) -> MockAnswer:
    said: Json = {**(context.script.pages.unknown.body or {"error": ""})}
    return answer.with_json(answer.code, replace_first_string(said, text))


def _open_to(answer: MockAnswer, origin: str) -> MockAnswer:
    shared = answer.with_header("Access-Control-Allow-Origin", origin)
    vary = ", ".join(filter(None, (answer.header("Vary"), "Origin")))
    return shared.with_header("Access-Control-Allow-Credentials", "true").with_header("Vary", vary)
