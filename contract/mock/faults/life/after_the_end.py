"""
Ended jobs that go on changing, and ends that contradict what was seen before.
"""

from __future__ import annotations

from dataclasses import replace

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import (
    edit_strings,
    end_times,
    has_links,
    phase_of,
    put,
    reset_to_template,
    result_pointers,
    shift_time,
)
from jobproof.contract.mock.faults.life.history import HISTORY, running_again, with_version
from jobproof.contract.mock.jobs.life import JobView
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Phase

__all__ = ["HISTORY"]

_HOUR_S = 3600.0
# So many polls of an ended job are right before it goes wrong.
_SOON = 2


@HISTORY.view("every third poll of an ended job shows it running", "terminal_status_is_final")
def end_undone(view: JobView, context: RequestContext) -> JobView:
    if not context.api.lifecycle.is_terminal(view.status) or context.occurrence(view.id) % 3:
        return view
    return running_again(view, context.api)


@HISTORY.body(
    "the result of an ended job is another at each poll",
    "ended_job_is_frozen",
    applies=lambda api: api.profile.result is not None,
    proves="ended_job_is_frozen",
)
def result_changes_after_end(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.result is not None and context.ended:
        version = context.occurrence(context.job_id or "")
        for at in context.profile.result.proof:
            edit_strings(body, at, lambda text: with_version(text, version))
    return body


@HISTORY.body(
    "the end is always the moment of the poll",
    "end_time_is_stable",
    applies=lambda api: bool(end_times(api)),
    proves="end_time_is_stable",
)
def end_is_now(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api):
        if pick(body, stamp.at) is not None:
            put(body, stamp.at, write_time(context.now, stamp.codec))
    return body


@HISTORY.body(
    "the end moves on by 0.4 s at each poll",
    "end_time_is_stable",
    applies=lambda api: bool(end_times(api)),
)
def end_creeps(body: JsonObject, context: RequestContext) -> Json:
    if context.ended:
        seconds = 0.4 * context.occurrence(context.job_id or "")
        for stamp in end_times(context.api):
            shift_time(body, context, stamp.at, seconds)
    return body


@HISTORY.body(
    "the end is forgotten from the third poll of an ended job on",
    "end_time_is_stable",
    applies=lambda api: bool(end_times(api)),
)
def end_lost(body: JsonObject, context: RequestContext) -> Json:
    if context.ended and context.occurrence(context.job_id or "") > _SOON:
        for stamp in end_times(context.api):
            reset_to_template(body, stamp.at, context)
    return body


@HISTORY.body(
    "a job that was just running has ended half an hour ago",
    "end_time_follows_last_sight",
    proves="end_time_follows_last_sight",
    applies=lambda api: bool(end_times(api)),
)
def end_precedes_running(body: JsonObject, context: RequestContext) -> Json:
    view, times = context.view, context.profile.times
    if view is None or times is None or context.now - view.created > _HOUR_S:
        return body
    # Of a job that is an hour old, so that it hasn't also ended before it was created.
    put(body, times.created, write_time(view.created - _HOUR_S, times.codec))
    for stamp in end_times(context.api):
        shift_time(body, context, stamp.at, -_HOUR_S / 2)
    return body


@HISTORY.view(
    "a job that has failed is shown a success from the third poll on", "terminal_status_is_final"
)
def failure_turns_success(view: JobView, context: RequestContext) -> JobView:
    return _turned(view, context, Phase.FAILED, Phase.SUCCEEDED)


@HISTORY.view(
    "a job that has succeeded is shown failed from the third poll on", "terminal_status_is_final"
)
def success_turns_failure(view: JobView, context: RequestContext) -> JobView:
    return _turned(view, context, Phase.SUCCEEDED, Phase.FAILED)


@HISTORY.view(
    "a job that was cancelled is shown a success from the third poll on",
    "terminal_status_is_final",
)
def cancellation_turns_success(view: JobView, context: RequestContext) -> JobView:
    return _turned(view, context, Phase.CANCELLED, Phase.SUCCEEDED)


@HISTORY.view("a job that was cancelled runs on from the third poll on", "terminal_status_is_final")
def cancellation_undone(view: JobView, context: RequestContext) -> JobView:
    if context.api.lifecycle.phase(view.status) is not Phase.CANCELLED:
        return view
    if context.occurrence(view.id) <= _SOON:
        return view
    return running_again(view, context.api)


@HISTORY.view("the second poll of an ended job alone shows it running", "terminal_status_is_final")
def stale_once(view: JobView, context: RequestContext) -> JobView:
    if not context.api.lifecycle.is_terminal(view.status) or context.occurrence(view.id) != _SOON:
        return view
    return running_again(view, context.api)


@HISTORY.body(
    "the reason of a failure is another at each poll",
    "ended_job_is_frozen",
    applies=lambda api: api.profile.failure is not None,
)
def reason_changes_after_end(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.failure is not None and context.ended:
        version = context.occurrence(context.job_id or "")
        for at in context.profile.failure.at:
            edit_strings(body, at, lambda text: f"{text} ({version})")
    return body


@HISTORY.body(
    "the reason of a failure is forgotten from the third poll on",
    "ended_job_is_frozen",
    applies=lambda api: api.profile.failure is not None,
)
def reason_lost(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.failure is not None and phase_of(context) is Phase.FAILED:
        if context.occurrence(context.job_id or "") > _SOON:
            for at in context.profile.failure.at:
                reset_to_template(body, at, context)
    return body


@HISTORY.body(
    "the result is forgotten from the third poll of an ended job on",
    "ended_job_is_frozen",
    "success_has_result",
    applies=lambda api: api.profile.result is not None,
)
def result_lost(body: JsonObject, context: RequestContext) -> Json:
    if phase_of(context) is Phase.SUCCEEDED and context.occurrence(context.job_id or "") > _SOON:
        _reset_result(body, context)
    return body


@HISTORY.body(
    "the result is there at every second poll only",
    "ended_job_is_frozen",
    "success_has_result",
    applies=lambda api: api.profile.result is not None,
)
def result_comes_and_goes(body: JsonObject, context: RequestContext) -> Json:
    if phase_of(context) is Phase.SUCCEEDED and context.occurrence(context.job_id or "") % 2 == 0:
        _reset_result(body, context)
    return body


@HISTORY.body(
    "a job is shown as a success twice before its result is there",
    "success_has_result",
    applies=lambda api: api.profile.result is not None,
)
def result_late(body: JsonObject, context: RequestContext) -> Json:
    if phase_of(context) is Phase.SUCCEEDED and context.occurrence(context.job_id or "") <= _SOON:
        _reset_result(body, context)
    return body


@HISTORY.body(
    "an ended job has one more link at each poll", "ended_job_is_frozen", applies=has_links
)
def result_grows_after_end(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.result is not None and phase_of(context) is Phase.SUCCEEDED:
        version = context.occurrence(context.job_id or "")
        for at in context.profile.result.links:
            links = pick(body, at)
            if isinstance(links, list) and links and isinstance(links[0], str):
                more = [with_version(links[0], number) for number in range(version)]
                put(body, at, [*links, *more])
    return body


@HISTORY.body(
    "every fourth poll of an ended job shows another job's result",
    "ended_job_is_frozen",
    applies=lambda api: api.profile.result is not None,
)
def result_of_another_at_times(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.result is None or phase_of(context) is not Phase.SUCCEEDED:
        return body
    if context.occurrence(context.job_id or "") % 4 == 0:
        for at in context.profile.result.proof:
            edit_strings(body, at, lambda text: with_version(text, 0))
    return body


@HISTORY.answer("an ended job is gone from its third poll on", "known_job_is_found")
def gone_after_end(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or not context.ended:
        return answer
    if context.occurrence(context.job_id or "") <= _SOON:
        return answer
    return context.fixed_answer(answer, context.script.pages.unknown)


@HISTORY.body(
    "a failure turns into a cancellation after some polls",
    "terminal_status_is_final",
    applies=lambda api: bool(api.profile.status.at) and _cancelled_word(api) is not None,
    proves="terminal_status_is_final",
)
def failure_becomes_cancellation(body: JsonObject, context: RequestContext) -> Json:
    cancelled = _cancelled_word(context.api)
    if phase_of(context) is not Phase.FAILED or cancelled is None:
        return body
    if context.occurrence(context.job_id or "") > _SOON:
        put(body, context.profile.status.at, cancelled)
    return body


def _cancelled_word(api: Api) -> str | None:
    words = api.profile.status.words
    return next((name for name, one in words.items() if one.phase is Phase.CANCELLED), None)


def _turned(view: JobView, context: RequestContext, old: Phase, new: Phase) -> JobView:
    """
    The same job with an end of phase `new`, from the third poll after one of phase `old` on.
    """
    if context.api.lifecycle.phase(view.status) is not old or context.occurrence(view.id) <= _SOON:
        return view
    words = context.profile.status.words
    status = next((name for name, word in words.items() if word.phase is new), view.status)
    return replace(view, history=(*view.history[:-1], (status, view.history[-1][1])))


def _reset_result(body: JsonObject, context: RequestContext) -> None:
    for at in result_pointers(context.api):
        reset_to_template(body, at, context)
