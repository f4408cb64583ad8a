"""
Jobs shown to those who may not see them, and answers that tell too much.
"""

from __future__ import annotations

from jobproof.contract.formats.json_value import Json
from jobproof.contract.mock.answer import JSON, AnswerKind, Caller, MockAnswer, encode
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.life import MockJob

__all__ = ["ACCESS"]

ACCESS = FaultGroup("X", "access and exposure")

_TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/srv/app/jobs/views.py", line 88, in read\n'
    "    row = session.query(Job).filter(Job.id == job_id).one()\n"
    "sqlalchemy.exc.NoResultFound: No row was found when one was required"
)
_PREFIX = 4


@ACCESS.job("somebody else's job is shown", "foreign_job_is_hidden")
def foreign_job_shown(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return job or context.job_store.find(context.asked_for or "")


@ACCESS.caller("no token is needed", "token_is_required")
def token_not_needed(caller: Caller, context: RequestContext) -> Caller:
    return _owner_of(context) if caller is Caller.NONE else caller


@ACCESS.caller("any token will do", "invalid_token_is_refused")
def any_token_will_do(caller: Caller, context: RequestContext) -> Caller:
    return _owner_of(context) if caller is Caller.INVALID else caller


@ACCESS.answer(
    "somebody else's job is forbidden, so it can be told from none",
    "foreign_job_looks_unknown",
)
def foreign_job_forbidden(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if (
        context.outcome is not AnswerKind.UNKNOWN
        or context.job_store.find(context.asked_for or "") is None
    ):
        return answer
    body = _first_text(context.script.pages.unknown.body or {}, "Forbidden")
    return answer.saying(403, encode(body), JSON)


@ACCESS.job("spaces around an id don't matter", "altered_id_finds_nothing", definite=False)
def id_trimmed(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return job or _own(context, context.job_store.find((context.asked_for or "").strip()))


@ACCESS.job(
    "the letter case of an id doesn't matter",
    "id_is_matched_by_case",
    definite=False,
)
def id_in_any_case(job: MockJob | None, context: RequestContext) -> MockJob | None:
    asked = (context.asked_for or "").lower()
    found = (one for one in context.job_store.of(context.caller) if one.id.lower() == asked)
    return job or next(found, None)


@ACCESS.job("the beginning of an id is enough", "altered_id_finds_nothing")
def id_prefix_enough(job: MockJob | None, context: RequestContext) -> MockJob | None:
    asked = context.asked_for or ""
    if job is not None or len(asked) < _PREFIX:
        return job
    return next(
        (one for one in context.job_store.of(context.caller) if one.id.startswith(asked)), None
    )


@ACCESS.answer("a private job may be kept by any cache", "private_answer_is_not_public")
def cache_public(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.outcome is not AnswerKind.JOB:
        return answer
    return answer.with_header("Cache-Control", "public, max-age=60")


@ACCESS.answer(
    "any web page may read, with the user's credentials",
    "no_credentialed_wildcard_origin",
    definite=False,
)
def any_origin_with_credentials(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.asked_for is None:
        return answer
    opened = answer.with_header("Access-Control-Allow-Origin", "*")
    return opened.with_header("Access-Control-Allow-Credentials", "true")


@ACCESS.answer("the answer to an unknown id shows a stack trace", "no_stack_trace", definite=False)
def stack_trace_in_404(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.outcome is not AnswerKind.UNKNOWN:
        return answer
    body = _first_text(context.script.pages.unknown.body or {"error": ""}, _TRACE)
    return answer.saying(answer.code, encode(body), JSON)


def _owner_of(context: RequestContext) -> Caller:
    job = context.job_store.find(context.asked_for or "")
    return Caller(job.tenant) if job is not None else Caller.OWNER


def _own(context: RequestContext, job: MockJob | None) -> MockJob | None:
    return job if job is not None and job.tenant == context.caller else None


def _first_text(value: Json, text: str) -> Json:
    """
    `value` with its first text replaced.
    """
    if not isinstance(value, dict):
        return value
    out = dict(value)
    for key, item in value.items():
        if isinstance(item, str):
            return {**out, key: text}
        if isinstance(item, dict):
            changed = _first_text(item, text)
            if changed != item:
                return {**out, key: changed}
    return out
