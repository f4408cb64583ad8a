"""
Jobs shown to those who may not see them, and answers that give away too much.
"""

from __future__ import annotations

from jobproof.contract.formats.json_value import Json
from jobproof.contract.mock.answer import (
    AnswerKind,
    Caller,
    MockAnswer,
)
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.model.api import Api

__all__ = ["ACCESS", "needs_token", "owner_of", "replace_first_string"]

_ORIGIN_IS_ONE = "allowed_origin_is_one"

ACCESS = FaultGroup("X", "access and exposure")

_STACK_TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/srv/app/jobs/views.py", line 88, in read\n'
    "    row = session.query(Job).filter(Job.id == job_id).one()\n"
    "sqlalchemy.exc.NoResultFound: No row was found when one was required"
)
# Shorter ones are no tokens but their scheme, or nothing.
_TOKEN_LENGTH = 8
# Less would make any id that is guessed the beginning of some job's.
_PREFIX_LENGTH = 4


@ACCESS.job("somebody else's job is shown", "foreign_job_is_hidden")
def foreign_job_shown(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return job or context.job_store.find(context.job_id or "")


def needs_token(api: Api) -> bool:
    """
    Whether anybody is to be refused for want of a token.
    """
    return api.access.is_required


@ACCESS.caller("no token is needed", "token_is_required", applies=needs_token)
def token_not_needed(caller: Caller, context: RequestContext) -> Caller:
    return owner_of(context) if caller is Caller.NONE else caller


@ACCESS.caller("any token will do", "invalid_token_is_refused", applies=needs_token)
def any_token_will_do(caller: Caller, context: RequestContext) -> Caller:
    return owner_of(context) if caller is Caller.INVALID else caller


@ACCESS.answer(
    "somebody else's job is forbidden, so it can be told from none",
    "foreign_job_looks_unknown",
    proves="foreign_job_looks_unknown",
)
def foreign_job_forbidden(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if (
        context.answer_kind is not AnswerKind.UNKNOWN
        or context.job_store.find(context.job_id or "") is None
    ):
        return answer
    body = replace_first_string(context.script.pages.unknown.body or {}, "Forbidden")
    return answer.with_json(403, body)


@ACCESS.job(
    "spaces around an id don't matter",
    "altered_id_finds_nothing",
    definite=False,
    source="which strings are one and the same id is the API's to say",
)
def id_trimmed(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return job or _own_job(context, context.job_store.find((context.job_id or "").strip()))


@ACCESS.job(
    "the letter case of an id doesn't matter",
    "id_is_matched_by_case",
    definite=False,
    # RFC 9562 leaves open whether a UUID in the other letter case is the same.
    applies=lambda api: api.profile.id.shape != "uuid",
)
def id_in_any_case(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = (context.job_id or "").lower()
    own = context.job_store.owned_by(context.caller)
    return job or next((one for one in own if one.id.lower() == job_id), None)


@ACCESS.job(
    "the beginning of an id is enough",
    "altered_id_finds_nothing",
    proves="altered_id_finds_nothing",
)
def id_prefix_enough(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    if job is not None or len(job_id) < _PREFIX_LENGTH:
        return job
    own = context.job_store.owned_by(context.caller)
    return next((one for one in own if one.id.startswith(job_id)), None)


@ACCESS.answer(
    "a private job may be kept by any cache",
    "private_answer_is_not_public",
    proves="private_answer_is_not_public",
)
def cache_public(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_header("Cache-Control", "public, max-age=60")


@ACCESS.answer(
    "any web page may read, with the user's credentials",
    "no_credentialed_wildcard_origin",
    definite=False,
    proves="no_credentialed_wildcard_origin",
)
def any_origin_with_credentials(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id is None:
        return answer
    # Browsers refuse this pair (Fetch standard), which makes the fault arguable.
    shared = answer.with_header("Access-Control-Allow-Origin", "*")
    return shared.with_header("Access-Control-Allow-Credentials", "true")


@ACCESS.answer(
    "the pages of two sites may read, says one line", _ORIGIN_IS_ONE, proves=_ORIGIN_IS_ONE
)
def two_origins_at_once(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id is None:
        return answer
    both = "https://app.vendor.example, https://www.vendor.example"
    return answer.with_header("Access-Control-Allow-Origin", both)


@ACCESS.answer(
    "the answer to an unknown id shows a stack trace",
    "no_stack_trace",
    definite=False,
    proves="no_stack_trace",
)
def stack_trace_in_404(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    body = replace_first_string(context.script.pages.unknown.body or {"error": ""}, _STACK_TRACE)
    return answer.with_json(answer.code, body)


@ACCESS.answer(
    "a header of the answer repeats the asker's token",
    "no_secret_in_answer",
    applies=lambda api: api.access.is_required,
    proves="no_secret_in_answer",
)
def token_sent_back(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    token = context.job_store.tokens[Caller.OWNER]
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_header("X-Debug-Auth", f"Bearer {token}")


@ACCESS.job(
    "a quote in an id ends the database's condition: the first job is found",
    "malformed_id_is_refused",
    proves="malformed_id_is_refused",
)
def id_is_injected(job: MockJob | None, context: RequestContext) -> MockJob | None:
    if job is not None or "'" not in (context.job_id or ""):
        return job
    return next(iter(context.job_store.owned_by(context.caller)), None)


@ACCESS.job(
    "whoever says to come from the server's own host sees everybody's jobs",
    "foreign_job_is_hidden",
    proves="foreign_job_is_hidden",
)
def own_network_sees_all(job: MockJob | None, context: RequestContext) -> MockJob | None:
    if context.request.header("X-Forwarded-For") != "127.0.0.1":
        return job
    return job or context.job_store.find(context.job_id or "")


@ACCESS.caller(
    "who shows nothing at all may see the owner's jobs",
    "token_is_required",
    applies=needs_token,
    proves="token_is_required",
)
def nothing_shown_is_let_in(caller: Caller, context: RequestContext) -> Caller:
    request, header = context.request, context.api.access.token_at.header
    job = context.job_store.find(context.job_id or "")
    # A token elsewhere isn't valid: of it another check speaks, and so does one of conditions.
    shown = request.query or request.header("Cookie") or request.header(header or "")
    shown = shown or request.header("If-None-Match")
    is_bare = caller is Caller.NONE and not shown
    return Caller.OWNER if is_bare and job is not None and job.tenant == Caller.OWNER else caller


@ACCESS.caller(
    "a token's form is looked at, and not whose it is",
    "invalid_token_is_refused",
    applies=needs_token,
    proves="invalid_token_is_refused",
)
def token_of_the_right_form_will_do(caller: Caller, context: RequestContext) -> Caller:
    at = context.api.access.token_at
    token = at.read(context.request.headers, context.request.query) or ""
    is_formed = caller is Caller.INVALID and len(token) >= _TOKEN_LENGTH
    job = context.job_store.find(context.job_id or "")
    return Caller.OWNER if is_formed and job is not None and job.tenant == Caller.OWNER else caller


def owner_of(context: RequestContext) -> Caller:
    """
    Whom an instance takes somebody for that asks for no token.
    """
    # Whose job it is decides: else a foreign job without a token were not found after all.
    job = context.job_store.find(context.job_id or "")
    return Caller(job.tenant) if job is not None else Caller.OWNER


def _own_job(context: RequestContext, job: MockJob | None) -> MockJob | None:
    # Trimming an id must not show somebody else's job: that is another fault.
    return job if job is not None and job.tenant == context.caller else None


def replace_first_string(value: Json, text: str) -> Json:
    """
    `value` with its first string replaced: the shape stays as documented.
    """
    if not isinstance(value, dict):
        return value
    for key, item in value.items():
        if isinstance(item, str):
            return {**value, key: text}
        if isinstance(item, dict):
            changed = replace_first_string(item, text)
            if changed != item:
                return {**value, key: changed}
    return value
