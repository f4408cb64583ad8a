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

__all__ = ["ACCESS", "needs_token", "owner_of"]

ACCESS = FaultGroup("X", "access and exposure")

_STACK_TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/srv/app/jobs/views.py", line 88, in read\n'
    "    row = session.query(Job).filter(Job.id == job_id).one()\n"
    "sqlalchemy.exc.NoResultFound: No row was found when one was required"
)
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
)
def foreign_job_forbidden(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if (
        context.answer_kind is not AnswerKind.UNKNOWN
        or context.job_store.find(context.job_id or "") is None
    ):
        return answer
    body = _replace_first_string(context.script.pages.unknown.body or {}, "Forbidden")
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
)
def id_in_any_case(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = (context.job_id or "").lower()
    own = context.job_store.owned_by(context.caller)
    return job or next((one for one in own if one.id.lower() == job_id), None)


@ACCESS.job("the beginning of an id is enough", "altered_id_finds_nothing")
def id_prefix_enough(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    if job is not None or len(job_id) < _PREFIX_LENGTH:
        return job
    own = context.job_store.owned_by(context.caller)
    return next((one for one in own if one.id.startswith(job_id)), None)


@ACCESS.answer("a private job may be kept by any cache", "private_answer_is_not_public")
def cache_public(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_header("Cache-Control", "public, max-age=60")


@ACCESS.answer(
    "any web page may read, with the user's credentials",
    "no_credentialed_wildcard_origin",
    definite=False,
)
def any_origin_with_credentials(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id is None:
        return answer
    # Browsers refuse this pair (Fetch standard), which makes the fault arguable.
    shared = answer.with_header("Access-Control-Allow-Origin", "*")
    return shared.with_header("Access-Control-Allow-Credentials", "true")


@ACCESS.answer("the answer to an unknown id shows a stack trace", "no_stack_trace", definite=False)
def stack_trace_in_404(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.UNKNOWN:
        return answer
    body = _replace_first_string(context.script.pages.unknown.body or {"error": ""}, _STACK_TRACE)
    return answer.with_json(answer.code, body)


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


def _replace_first_string(value: Json, text: str) -> Json:
    """
    `value` with its first string replaced: the shape stays as documented.
    """
    if not isinstance(value, dict):
        return value
    for key, item in value.items():
        if isinstance(item, str):
            return {**value, key: text}
        if isinstance(item, dict):
            changed = _replace_first_string(item, text)
            if changed != item:
                return {**value, key: changed}
    return value
