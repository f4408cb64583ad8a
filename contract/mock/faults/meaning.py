"""
Bodies that the schema accepts and that contradict themselves.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import (
    edit_links,
    edit_strings,
    edit_time,
    end_times,
    forbids,
    has_links,
    has_rfc3339_times,
    later_times,
    phase_of,
    put,
    reset_to_template,
    result_pointers,
    shift_time,
)
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.life import JobView
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Codec, Phase

__all__ = ["MEANING"]

MEANING = FaultGroup("M", "meaning")

_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S
# Later than any job of the mock ends that is polled, and sooner than clocks may be apart.
_FORECAST_S = 45.0
# 9999-12-31T23:59:59Z: what databases have for "never".
_END_OF_DAYS = 253_402_300_799.0
_STUCK = ("end_time_only_after_end",)
_DEAD = ("links_outlive_the_job",)
_PUBLIC = "links_point_to_public_hosts"


def _has_times(api: Api) -> bool:
    return api.profile.times is not None


def _has_reason_of_texts(api: Api) -> bool:
    failure = api.profile.failure
    return failure is not None and not forbids(api, failure.at[0], {"code": "", "message": ""})


@MEANING.body(
    "the job that comes back is another one", "job_id_is_echoed", proves="job_id_is_echoed"
)
def id_of_another_job(body: JsonObject, context: RequestContext) -> Json:
    put(body, context.profile.id.at, context.job_store.another_than(context.job_id or "").id)
    return body


@MEANING.body(
    "a job has ended and doesn't say when",
    "ended_job_has_end_time",
    definite=False,
    applies=lambda api: bool(end_times(api)),
    proves="ended_job_has_end_time",
)
def end_missing(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api) if context.ended else ():
        reset_to_template(body, stamp.at, context)
    return body


@MEANING.body(
    "a job has succeeded without a result",
    "success_has_result",
    applies=lambda api: api.profile.result is not None,
    proves="success_has_result",
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
    proves="success_has_no_failure_reason",
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
    proves="failure_has_reason",
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
    applies=_has_times,
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


@MEANING.body(
    "a job was created in the year 1970: a time that nobody set",
    "creation_time_is_set",
    applies=_has_times,
)
def creation_at_epoch(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None:
        put(body, context.profile.times.created, write_time(0.0, context.codec))
    return body


@MEANING.body(
    "a job of long ago was created in the year 1: a time that nobody set",
    "creation_time_is_set",
    applies=has_rfc3339_times,
)
def creation_in_year_one(body: JsonObject, context: RequestContext) -> Json:
    times, view = context.profile.times, context.view
    # Of a job under way it would also say that it is too old.
    if times is None or view is None or context.now - view.created < _DAY_S:
        return body
    return edit_time(body, times.created, lambda _: "0001-01-01T00:00:00Z")


@MEANING.body(
    "the creation time is in milliseconds, not in seconds",
    "creation_time_is_set",
    "creation_time_is_past",
    applies=_has_times,
)
def creation_in_another_unit(body: JsonObject, context: RequestContext) -> Json:
    times, view = context.profile.times, context.view
    if times is not None and view is not None:
        # As text, it is what comes of reading milliseconds as seconds: 57 000 years to come.
        if times.codec is Codec.RFC3339:
            edit_time(body, times.created, lambda text: f"9{text[1:]}")
        else:
            put(body, times.created, int(view.created * 1000))
    return body


@MEANING.body(
    "a job ended a second before it was created",
    "end_time_follows_creation",
    applies=lambda api: bool(end_times(api)),
    proves="end_time_follows_creation",
)
def end_second_before_creation(body: JsonObject, context: RequestContext) -> Json:
    return _end_after_creation(body, context, -1.0)


@MEANING.body(
    "a job ended half a second before it was created",
    "end_time_follows_creation",
    applies=lambda api: has_rfc3339_times(api) and bool(end_times(api)),
)
def end_half_second_before_creation(body: JsonObject, context: RequestContext) -> Json:
    return _end_after_creation(body, context, -0.5)


@MEANING.body(
    "the end is hours behind: local time with a Z",
    "end_time_follows_creation",
    applies=lambda api: bool(end_times(api)),
)
def end_in_local_time(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api):
        shift_time(body, context, stamp.at, -5 * _HOUR_S)
    return body


@MEANING.body(
    "the end is hours ahead: local time with a Z",
    "end_time_is_past",
    applies=lambda api: bool(end_times(api)),
    proves="end_time_is_past",
)
def end_in_time_to_come(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api):
        shift_time(body, context, stamp.at, 5.5 * _HOUR_S)
    return body


@MEANING.body(
    "the end is the end of all days, as long as it isn't known",
    "end_time_only_after_end",
    applies=lambda api: any(stamp.allowed_in is not None for stamp in end_times(api)),
)
def end_at_end_of_days(body: JsonObject, context: RequestContext) -> Json:
    stamps = [stamp for stamp in end_times(context.api) if stamp.allowed_in is not None]
    if phase_of(context) is Phase.PENDING and stamps:
        put(body, stamps[0].at, write_time(_END_OF_DAYS, stamps[0].codec))
    return body


@MEANING.view("a job that has succeeded keeps the status that it had before", *_STUCK)
def status_stuck(view: JobView, context: RequestContext) -> JobView:
    words = context.profile.status.words
    pending = [name for name, _ in view.history if not words[name].phase.terminal]
    if words[view.status].phase is not Phase.SUCCEEDED or not pending:
        return view
    # What the end brought is all there: its time, its result.
    return replace(view, history=(*view.history, (pending[-1], view.history[-1][1])))


@MEANING.body(
    "a job under way is three days old",
    "job_ends_in_time",
    applies=lambda api: api.profile.times is not None and bool(api.lifecycle.limits),
)
def running_for_days(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None and phase_of(context) is Phase.PENDING:
        shift_time(body, context, context.profile.times.created, -3 * _DAY_S)
    return body


@MEANING.body(
    "a job that goes on has a reason of failure",
    "success_has_no_failure_reason",
    applies=lambda api: api.profile.failure is not None,
)
def reason_while_running(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.failure is not None and phase_of(context) is Phase.PENDING:
        put(body, context.profile.failure.at[0], context.script.reason)
    return body


@MEANING.body(
    "the reason of a failure is made of empty texts",
    "failure_has_reason",
    definite=False,
    applies=_has_reason_of_texts,
)
def reason_says_nothing(body: JsonObject, context: RequestContext) -> Json:
    return _with_reason_texts(body, context, "")


@MEANING.body(
    "the reason of a failure is the word that a serializer has for nothing",
    "failure_has_reason",
    definite=False,
    applies=_has_reason_of_texts,
)
def reason_is_undefined(body: JsonObject, context: RequestContext) -> Json:
    return _with_reason_texts(body, context, "undefined")


@MEANING.body(
    "links had expired a day before the job ended",
    *_DEAD,
    definite=False,
    applies=has_links,
    proves="links_outlive_the_job",
)
def link_expired_at_birth(body: JsonObject, context: RequestContext) -> Json:
    signed = _signed_at(context)
    query = f"X-Amz-Date={signed:%Y%m%dT%H%M%SZ}&X-Amz-Expires=600&X-Amz-Signature=0a1b2c"
    return edit_links(body, context, lambda text: f"{text}?{query}")


@MEANING.body(
    "links name a second of the day before as their end", *_DEAD, definite=False, applies=has_links
)
def link_expires_in_the_past(body: JsonObject, context: RequestContext) -> Json:
    query = f"Expires={_signed_at(context).timestamp():.0f}&Signature=abc&Key-Pair-Id=K1"
    return edit_links(body, context, lambda text: f"{text}?{query}")


@MEANING.body(
    "a link leads to undefined",
    "links_are_filled_in",
    proves="links_are_filled_in",
    definite=False,
    applies=has_links,
)
def link_to_undefined(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda text: f"{text[: text.rfind('/')]}/undefined.png")


@MEANING.body("a link isn't encrypted", "links_use_safe_schemes", definite=False, applies=has_links)
def link_over_http(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda text: text.replace("https://", "http://"))


@MEANING.body("a link holds a password", "links_use_safe_schemes", applies=has_links)
def link_with_password(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda text: text.replace("://", "://minio:minio123@"))


@MEANING.body("a link leads to the reader's own machine", _PUBLIC, applies=has_links)
def link_to_localhost(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda text: f"https://localhost:9000{urlsplit(text).path}")


@MEANING.body("a link leads to a bucket inside the cluster", _PUBLIC, applies=has_links)
def link_into_cluster(body: JsonObject, context: RequestContext) -> Json:
    host = "minio.media.svc.cluster.local"
    return edit_links(body, context, lambda text: f"https://{host}{urlsplit(text).path}")


@MEANING.view("an answer is about the job that was asked for before", "job_id_is_echoed")
def job_asked_before(view: JobView, context: RequestContext) -> JobView:
    before: list[JobView] = context.first_value("", [])
    before.append(view)
    del before[:-2]
    # The same job a moment ago is no other one.
    return before[0] if before[0].id != view.id else view


@MEANING.body(
    "a job is created tomorrow, and never says when it has ended",
    "creation_time_is_past",
    applies=lambda api: bool(end_times(api)),
    proves="creation_time_is_past",
)
def creation_in_future_without_end(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None:
        shift_time(body, context, context.profile.times.created, 8 * _DAY_S)
        for stamp in end_times(context.api):
            reset_to_template(body, stamp.at, context)
    return body


@MEANING.body(
    "a job of days ago has lost its creation: it is the epoch",
    "creation_time_is_set",
    applies=lambda api: api.profile.times is not None,
    proves="creation_time_is_set",
)
def old_creation_at_epoch(body: JsonObject, context: RequestContext) -> Json:
    times, view = context.profile.times, context.view
    if times is not None and view is not None and context.now - view.created > _DAY_S:
        put(body, times.created, write_time(0.0, times.codec))
    return body


@MEANING.body(
    "a job that goes on has the end that is expected of it, and keeps it",
    "end_time_only_after_end",
    applies=lambda api: any(stamp.allowed_in is not None for stamp in end_times(api)),
    proves="end_time_only_after_end",
)
def end_foretold(body: JsonObject, context: RequestContext) -> Json:
    view = context.view
    # Of a job of today alone: what has ended long ago is no forecast any more.
    if view is not None and context.now - view.created < _HOUR_S:
        for stamp in end_times(context.api):
            if stamp.allowed_in is not None:
                put(body, stamp.at, write_time(view.created + _FORECAST_S, stamp.codec))
    return body


def _end_after_creation(body: JsonObject, context: RequestContext, seconds: float) -> Json:
    for stamp in end_times(context.api):
        if context.view is not None and pick(body, stamp.at) is not None:
            put(body, stamp.at, write_time(context.view.created + seconds, stamp.codec))
    return body


def _with_reason_texts(body: JsonObject, context: RequestContext, text: str) -> Json:
    if context.profile.failure is not None and phase_of(context) is Phase.FAILED:
        for at in context.profile.failure.at:
            edit_strings(body, at, lambda _: text)
    return body


def _signed_at(context: RequestContext) -> datetime:
    entered = context.view.history[-1][1] if context.view is not None else context.now
    return datetime.fromtimestamp(entered - _DAY_S, UTC)
