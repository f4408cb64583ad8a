"""
Answers of which some are wrong: an old replica, a canary release, a connection, a moment.
"""

from __future__ import annotations

import random
from dataclasses import replace

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import AnswerKind, Caller, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import rename_key
from jobproof.contract.mock.faults.access import needs_token, owner_of
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.faults.life.history import running_again
from jobproof.contract.mock.jobs.life import JobView, MockJob

__all__ = ["INSTANCES"]

INSTANCES = FaultGroup("R", "some answers")

# Long enough for two questions of one client to overlap, short enough for a run of hundreds.
_OVERLAP_S = 0.2


@INSTANCES.view(
    "one in ten polls of an ended job goes to a replica that has it running",
    # Where one of them alone is asked otherwise, nobody knows that it isn't for that.
    "terminal_status_is_final",
    "job_is_the_same_however_asked",
)
def old_replica_running(view: JobView, context: RequestContext) -> JobView:
    if not context.api.lifecycle.is_terminal(view.status) or not _strikes(context, one_in=10):
        return view
    return running_again(view, context.api)


@INSTANCES.answer(
    "one in twenty polls of known jobs goes to a replica that hasn't the job",
    "known_job_is_found",
)
def old_replica_without_job(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or not _strikes(context, one_in=20):
        return answer
    return context.fixed_answer(answer, context.script.pages.unknown)


@INSTANCES.body(
    "one in twenty polls goes to an old release that names the status otherwise",
    "body_matches_schema",
)
def old_release_at_times(body: JsonObject, context: RequestContext) -> Json:
    return _of_old_release(body, context) if _strikes(context, one_in=20) else body


@INSTANCES.body(
    "every second connection leads to an old release that names the status otherwise",
    "body_matches_schema",
)
def old_release_by_connection(body: JsonObject, context: RequestContext) -> Json:
    return body if context.request.connection % 2 else _of_old_release(body, context)


@INSTANCES.answer(
    "the first answer of a connection, while it warms up, knows no job", "known_job_is_found"
)
def first_answer_knows_no_job(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    # Of the very first one nobody could say that it was the connection's.
    if context.answer_kind is not AnswerKind.JOB or context.request.turn > 1:
        return answer
    return context.fixed_answer(answer, context.script.pages.unknown)


@INSTANCES.answer(
    "once in ten times a kept connection gives the answer to the question before",
    "job_id_is_echoed",
    "known_job_is_found",
    "unknown_id_is_not_found",
    "token_is_required",
    "token_keeps_working",
)
def answer_of_question_before(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    key = str(context.request.connection)
    before: list[MockAnswer] = context.first_value(key, [])
    before.append(answer)
    late = len(before) > 1 and context.request.method == "GET" and _strikes(context, one_in=10)
    # Its length is what this question's would have been told by, so the head goes with it.
    return replace(before[-2], wire=answer.wire) if late else answer


@INSTANCES.answer(
    "two questions at once, by two connections, get one another's answer",
    "job_id_is_echoed",
    "known_job_is_found",
    "unknown_id_is_not_found",
)
def answers_swapped_at_once(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.request.method != "GET" or context.job_id is None:
        return answer
    held: list[tuple[float, int, str, MockAnswer]] = context.first_value("", [])
    mine = (context.now, context.request.connection, context.job_id, answer)
    before, held[:] = held[:], [mine]
    asked: list[None] = context.first_value(str(mine[1]), [])
    asked.append(None)
    # Who asks twice at once dials for it; that others are slow as well would show nothing more.
    slow = answer.with_wire(delay_s=_OVERLAP_S) if len(asked) == 1 else answer
    for at, connection, job_id, other in before:
        is_other = connection != mine[1] and job_id != mine[2]
        if is_other and context.now - at < _OVERLAP_S and context.credential.known:
            return replace(other, wire=slow.wire)
    return slow


@INSTANCES.answer(
    "an error stays on its connection: the next question there has it for an answer",
    "known_job_is_found",
    "token_keeps_working",
)
def error_stays_on_connection(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    errors: list[MockAnswer] = context.first_value(str(context.request.connection), [])
    if context.answer_kind in (AnswerKind.ANONYMOUS, AnswerKind.UNKNOWN):
        errors[:] = [answer]
        return answer
    if context.answer_kind is not AnswerKind.JOB or not errors:
        return answer
    return replace(errors.pop(), wire=answer.wire)


@INSTANCES.caller(
    "one in five questions without a token goes to an instance that asks for none",
    # As it comes, to one that shows nothing, something in another place, or a condition.
    "token_is_required",
    "invalid_token_is_refused",
    "condition_opens_nothing",
    applies=needs_token,
)
def token_not_needed_at_times(caller: Caller, context: RequestContext) -> Caller:
    lets_in = caller is Caller.NONE and _strikes(context, one_in=5)
    return owner_of(context) if lets_in else caller


@INSTANCES.caller(
    "every second connection leads to an instance that asks for no token",
    "token_is_required",
    applies=needs_token,
)
def token_not_needed_by_connection(caller: Caller, context: RequestContext) -> Caller:
    lets_in = caller is Caller.NONE and context.request.connection % 2 == 0
    return owner_of(context) if lets_in else caller


@INSTANCES.job("one in five questions shows somebody else's job", "foreign_job_is_hidden")
def foreign_job_shown_at_times(job: MockJob | None, context: RequestContext) -> MockJob | None:
    found = context.job_store.find(context.job_id or "")
    is_hidden = job is None and found is not None
    return found if is_hidden and _strikes(context, one_in=5) else job


def _of_old_release(body: JsonObject, context: RequestContext) -> Json:
    status = context.profile.status
    rename_key(body, status.at, "state")
    return body


def _strikes(context: RequestContext, *, one_in: int) -> bool:
    """
    Whether it is this answer's turn, as thrown by a die that is the same for the same seed.
    """
    number = context.occurrence("throws")
    seed = context.job_store.tokens[Caller.OWNER]
    return random.Random(f"{seed} {number}").random() * one_in < 1  # noqa: S311 -- no secret
