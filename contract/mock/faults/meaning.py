"""
Bodies that the schema accepts and that contradict themselves.
"""

from __future__ import annotations

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import Caller
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import (
    end_times,
    later_times,
    phase_of,
    put,
    reset_to_template,
    result_pointers,
    shift_time,
)
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.model.profile import Phase

__all__ = ["MEANING"]

MEANING = FaultGroup("M", "meaning")

_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S


@MEANING.body("the job that comes back is another one", "job_id_is_echoed")
def id_of_another_job(body: JsonObject, context: RequestContext) -> Json:
    others = (
        job.id for job in context.job_store.owned_by(Caller.OWNER) if job.id != context.job_id
    )
    put(body, context.profile.id.at, next(others))
    return body


@MEANING.body(
    "a job has ended and doesn't say when",
    "ended_job_has_end_time",
    definite=False,
    applies=lambda api: bool(end_times(api)),
)
def end_missing(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api) if context.ended else ():
        reset_to_template(body, stamp.at, context)
    return body


@MEANING.body(
    "a job has succeeded without a result",
    "success_has_result",
    applies=lambda api: api.profile.result is not None,
)
def result_missing(body: JsonObject, context: RequestContext) -> Json:
    for at in result_pointers(context.api) if phase_of(context) is Phase.SUCCEEDED else ():
        reset_to_template(body, at, context)
    return body


@MEANING.body(
    "a job has succeeded with an empty result",
    "success_has_result",
    applies=lambda api: api.profile.result is not None,
)
def result_empty(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.result is not None and phase_of(context) is Phase.SUCCEEDED:
        for at in context.profile.result.proof:
            value = pick(body, at)
            if isinstance(value, list | dict | str):
                put(body, at, type(value)())  # empty, and of the right type
    return body


@MEANING.body(
    "a job has succeeded with a reason of failure",
    "success_has_no_failure_reason",
    applies=lambda api: api.profile.failure is not None,
)
def success_with_reason(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.failure is not None and phase_of(context) is Phase.SUCCEEDED:
        put(body, context.profile.failure.at[0], context.script.reason)
    return body


@MEANING.body(
    "a job has failed without a reason",
    "failure_has_reason",
    definite=False,
    applies=lambda api: api.profile.failure is not None,
)
def failure_without_reason(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.failure is not None and phase_of(context) is Phase.FAILED:
        for at in context.profile.failure.at:
            reset_to_template(body, at, context)
    return body


@MEANING.body(
    "a job ended before it was created",
    "end_time_follows_creation",
    applies=lambda api: bool(end_times(api)),
)
def end_before_creation(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api):
        # Only where a time is: an end in a job that goes on would be another fault.
        if context.view is not None and pick(body, stamp.at) is not None:
            put(body, stamp.at, write_time(context.view.created - _HOUR_S, stamp.codec))
    return body


@MEANING.body(
    "a job is created tomorrow",
    "creation_time_is_past",
    applies=lambda api: api.profile.times is not None,
)
def creation_in_future(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None and context.view is not None:
        # All times together, or the job would also have ended before it was created.
        ahead_s = context.now - context.view.created + _DAY_S
        for at in (
            context.profile.times.created,
            *(stamp.at for stamp in later_times(context.api)),
        ):
            shift_time(body, context, at, ahead_s)
    return body


@MEANING.body(
    "a job goes on and has an end",
    "end_time_only_after_end",
    applies=lambda api: any(stamp.allowed_in is not None for stamp in end_times(api)),
)
def end_while_running(body: JsonObject, context: RequestContext) -> Json:
    stamps = [stamp for stamp in end_times(context.api) if stamp.allowed_in is not None]
    if phase_of(context) is Phase.PENDING and stamps:
        put(body, stamps[0].at, write_time(context.now, stamps[0].codec))
    return body
