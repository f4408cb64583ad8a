"""
Jobs that another spelling of an id finds, or finds for those who may not see them.
"""

from __future__ import annotations

import fnmatch
import random
import re
import unicodedata
from urllib.parse import unquote

from jobproof.contract.mock.answer import AnswerKind, Caller, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.faults.access import needs_token
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.model.api import Api

__all__ = ["IDS"]

IDS = FaultGroup("I", "ids in other spellings")

# Less would make any id that is guessed a part of some job's.
_FEWEST = 4
_HYPHENS = 4
_PLAIN_ID = re.compile(r"[\w-]+", re.ASCII)


def has_hyphens(api: Api) -> bool:
    """
    APIs whose ids are UUIDs, which some write without hyphens.
    """
    return api.profile.id.fresh(random.Random(0)).count("-") == _HYPHENS  # noqa: S311 -- an id


@IDS.job("the end of an id is enough", "altered_id_finds_nothing")
def id_suffix_enough(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    if job is not None or len(job_id) < _FEWEST:
        return job
    return next((one for one in _own(context) if one.id.endswith(job_id)), None)


@IDS.job("what comes after an id is cut off", "altered_id_finds_nothing")
def id_cut_to_length(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    # Blanks and NUL are cut by other hands.
    if job is not None or _PLAIN_ID.fullmatch(job_id) is None:
        return job
    return next((one for one in _own(context) if job_id.startswith(one.id)), None)


@IDS.job("an id is a pattern of SQL", "altered_id_finds_nothing")
def id_as_sql_pattern(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    # A pattern that finds anything is another fault: strings that are no id at all.
    if job is not None or len(job_id) < _FEWEST or not job_id.endswith("%"):
        return job
    return next((one for one in _own(context) if one.id.startswith(job_id[:-1])), None)


@IDS.job("an id is a pattern of file names", "altered_id_finds_nothing")
def id_as_glob(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    if job is not None or len(job_id) < _FEWEST or not set("*?[") & set(job_id):
        return job
    return next((one for one in _own(context) if fnmatch.fnmatchcase(one.id, job_id)), None)


@IDS.job("an id ends at its first NUL", "altered_id_finds_nothing")
def id_ends_at_nul(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return job or _find_own(context, (context.job_id or "").partition("\0")[0])


@IDS.job("an id ends at its first encoded slash", "altered_id_finds_nothing")
def id_ends_at_slash(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return job or _find_own(context, (context.job_id or "").partition("/")[0])


@IDS.job("characters in full width are read as plain ones", "altered_id_finds_nothing")
def id_folded(job: MockJob | None, context: RequestContext) -> MockJob | None:
    return job or _find_own(context, unicodedata.normalize("NFKC", context.job_id or ""))


@IDS.job("in the other letter case somebody else's id shows the job", "foreign_job_is_hidden")
def foreign_job_in_any_case(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    if job is not None or context.job_store.find(job_id) is not None:
        return job
    foreign = context.job_store.owned_by(Caller.OTHER)
    return next((one for one in foreign if one.id.lower() == job_id.lower()), None)


@IDS.job("with a format after it somebody else's id shows the job", "foreign_job_is_hidden")
def foreign_job_with_format(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    if job is not None or not job_id.endswith(".json"):
        return job
    return context.job_store.find(job_id.removesuffix(".json"))


@IDS.job("with a character encoded somebody else's id shows the job", "foreign_job_is_hidden")
def foreign_job_when_encoded(job: MockJob | None, context: RequestContext) -> MockJob | None:
    if job is not None or not _is_encoded(context):
        return job
    return context.job_store.find(context.job_id or "")


@IDS.job("with a character encoded twice somebody else's id shows the job", "foreign_job_is_hidden")
def foreign_job_when_encoded_twice(job: MockJob | None, context: RequestContext) -> MockJob | None:
    text = unquote(context.job_id or "")
    return job if job is not None or text == context.job_id else context.job_store.find(text)


@IDS.job("with a parameter after it somebody else's id shows the job", "foreign_job_is_hidden")
def foreign_job_with_parameter(job: MockJob | None, context: RequestContext) -> MockJob | None:
    before, cut, _ = (context.job_id or "").partition(";")
    return context.job_store.find(before) if job is None and cut else job


@IDS.job("with a blank after it somebody else's id shows the job", "foreign_job_is_hidden")
def foreign_job_with_blank(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    is_padded = job is None and job_id != job_id.strip()
    return context.job_store.find(job_id.strip()) if is_padded else job


@IDS.job(
    "without its hyphens somebody else's id shows the job",
    "foreign_job_is_hidden",
    applies=has_hyphens,
)
def foreign_job_without_hyphens(job: MockJob | None, context: RequestContext) -> MockJob | None:
    job_id = context.job_id or ""
    if job is not None or "-" in job_id:
        return job
    foreign = context.job_store.owned_by(Caller.OTHER)
    return next((one for one in foreign if one.id.replace("-", "") == job_id), None)


@IDS.answer("with a slash after it somebody else's id shows the job", "foreign_job_is_hidden")
def foreign_job_with_slash(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    job = _before_slash(context)
    if job is None or not context.credential.known or job.tenant == context.credential:
        return answer
    return _shown(answer, job, context)


@IDS.answer(
    "with a slash after the id no token is needed", "token_is_required", applies=needs_token
)
def token_not_needed_with_slash(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    job = _before_slash(context)
    if job is None or context.credential is not Caller.NONE:
        return answer
    return _shown(answer, job, context)


@IDS.answer(
    "with a parameter after the id no token is needed", "token_is_required", applies=needs_token
)
def token_not_needed_with_parameter(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    before, cut, _ = (context.job_id or "").partition(";")
    job = context.job_store.find(before) if cut and context.request.method == "GET" else None
    if job is None or context.credential is not Caller.NONE:
        return answer
    return _shown(answer, job, context)


@IDS.caller(
    "with a character of the id encoded no token is needed",
    "token_is_required",
    applies=needs_token,
)
def token_not_needed_when_encoded(caller: Caller, context: RequestContext) -> Caller:
    if caller is not Caller.NONE or not _is_encoded(context):
        return caller
    job = context.job_store.find(context.job_id or "")
    return Caller(job.tenant) if job is not None else caller


def _own(context: RequestContext) -> tuple[MockJob, ...]:
    return context.job_store.owned_by(context.caller)


def _find_own(context: RequestContext, job_id: str) -> MockJob | None:
    # Somebody else's job stays hidden: showing it is another fault.
    return next((one for one in _own(context) if one.id == job_id), None)


def _is_encoded(context: RequestContext) -> bool:
    """
    Whether the id stands in the path with something encoded that needs it not.
    """
    written = context.request.path.rpartition("/")[2]
    return written != context.job_id and unquote(written) == context.job_id


def _before_slash(context: RequestContext) -> MockJob | None:
    path = context.request.path
    if context.answer_kind is not AnswerKind.PATH or not path.endswith("/"):
        return None
    if context.request.method != "GET":
        return None
    return context.job_store.find(path[:-1].rpartition("/")[2])


def _shown(answer: MockAnswer, job: MockJob, context: RequestContext) -> MockAnswer:
    view = job.peek(context.now)
    return answer.with_json(200, view.body(context.script, context.codec))
