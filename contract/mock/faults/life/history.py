"""
Answers that are right one by one and wrong one after the other.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import (
    edit_strings,
    edit_time,
    has_rfc3339_times,
    put,
    shift_time,
)
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.life import JobView
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.model.api import Api
from jobproof.contract.model.finding import Basis

__all__ = ["HISTORY", "running_again", "with_version"]

HISTORY = FaultGroup("T", "over time")

# Rare enough that one answer a job, or a few, would miss it.
_EVERY = 20

_THIRD = 3
_DRIFT_S = 5.0
_HOUR_S = 3600.0
_HOUR_S = 3600.0


def _has_times(api: Api) -> bool:
    return api.profile.times is not None


@HISTORY.body(
    "the creation time moves back by 5 s at each poll",
    "creation_time_is_stable",
    applies=_has_times,
)
def creation_drifts(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None:
        shift_time(
            body,
            context,
            context.profile.times.created,
            -_DRIFT_S * context.occurrence(context.job_id or ""),
        )
    return body


@HISTORY.view(
    "every second poll of a running job shows its first status",
    "status_moves_forward",
    basis=Basis.DOCUMENTED,
    source="the moves that the API's profile calls illegal, with their sources",
    proves="status_moves_forward",
)
def status_goes_back(view: JobView, context: RequestContext) -> JobView:
    back = _earlier_status(context.api, view.status)
    if back is None or context.occurrence(view.id) % 2:
        return view
    return view.with_statuses(back)


@HISTORY.body(
    "what a job was asked to do is something else at each poll",
    "job_keeps_what_it_was_given",
    definite=False,
    applies=lambda api: bool(api.profile.given),
    proves="job_keeps_what_it_was_given",
)
def given_changes(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.given:
        version = context.occurrence(context.job_id or "")
        edit_strings(body, context.profile.given[0], lambda text: with_version(text, version))
    return body


@HISTORY.view(
    "a job that has ended long ago is shown running, always",
    "job_ends_in_time",
    proves="job_ends_in_time",
)
def never_ends(view: JobView, context: RequestContext) -> JobView:
    if not context.api.lifecycle.is_terminal(view.status):
        return view
    return running_again(view, context.api)


@HISTORY.answer("every 20th poll of known jobs finds nothing", "known_job_is_found")
def not_found_at_times(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.occurrence() % _EVERY:
        return answer
    return context.fixed_answer(answer, context.script.pages.unknown)


@HISTORY.answer("every 20th question for a job crashes", "no_server_error")
def crash_at_times(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.job_id is None or context.occurrence() % _EVERY:
        return answer
    return context.fixed_answer(answer, context.script.pages.crash)


@HISTORY.answer(
    "the entity tag is the same whatever the body",
    "entity_tag_changes_with_body",
    "not_modified_means_unchanged",
    proves="entity_tag_changes_with_body",
)
def tag_constant(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    return answer.with_header("ETag", '"1"') if context.answer_kind is AnswerKind.JOB else answer


@HISTORY.answer(
    "an old answer comes out of a cache after its time",
    "age_is_within_freshness",
    proves="age_is_within_freshness",
)
def stale_out_of_cache(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    old: MockAnswer = context.first_value(context.job_id or "", answer)
    # Without a tag: an old one would be found by the checks of tags, and for another reason.
    stale = replace(answer, body=old.body).without_header("ETag")
    return stale.with_header("Cache-Control", "private, max-age=5").with_header("Age", "120")


@HISTORY.answer(
    "the token is good for two polls of a job that goes on, and then for one not",
    "token_keeps_working",
    applies=lambda api: api.access.is_required,
    proves="token_keeps_working",
)
def token_worn_out(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.request.method != "GET":
        return answer
    view = context.view
    if view is None or context.api.lifecycle.is_terminal(view.status):
        return answer
    # Of one job, so that it doesn't depend on what is asked for besides.
    if context.occurrence(context.job_id or "") % _THIRD:
        return answer
    return context.fixed_answer(answer, context.script.pages.anonymous)


@HISTORY.answer("every 20th poll of known jobs is refused", "token_keeps_working")
def refused_at_times(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.occurrence() % _EVERY:
        return answer
    return context.fixed_answer(answer, context.script.pages.anonymous)


@HISTORY.body(
    "the creation time is always the moment of the poll",
    "creation_time_is_stable",
    applies=_has_times,
)
def creation_is_now(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None:
        put(body, context.profile.times.created, write_time(context.now, context.codec))
    return body


@HISTORY.body(
    "the creation time is 0.3 s off at every second poll, as of two replicas",
    "creation_time_is_stable",
    applies=has_rfc3339_times,
)
def creation_jitters(body: JsonObject, context: RequestContext) -> Json:
    times = context.profile.times
    if times is not None and context.occurrence(context.job_id or "") % 2:
        edit_time(body, times.created, lambda text: _with_milliseconds(text, 123))
    elif times is not None:
        edit_time(body, times.created, lambda text: _with_milliseconds(text, 457))
    return body


@HISTORY.body(
    "the creation time is an hour off at every second poll: one server's zone is wrong",
    "creation_time_is_stable",
    applies=_has_times,
)
def creation_zone_flips(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None and context.occurrence(context.job_id or "") % 2 == 0:
        shift_time(body, context, context.profile.times.created, -_HOUR_S)
    return body


@HISTORY.body(
    "the creation time is cut to the day once the job has ended",
    "creation_time_is_stable",
    applies=has_rfc3339_times,
    proves="creation_time_is_stable",
)
def creation_cut_at_end(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None and context.ended:
        edit_time(body, context.profile.times.created, lambda text: f"{text[:10]}T00:00:00.000Z")
    return body


@HISTORY.view("every fifth answer about a job is about another one", "job_id_is_echoed")
def another_job_at_times(view: JobView, context: RequestContext) -> JobView:
    if context.occurrence(view.id) % 5:
        return view
    return context.job_store.another_than(view.id).peek(context.now)


@HISTORY.answer("the first poll of each job finds nothing", "known_job_is_found")
def not_found_at_first(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.occurrence(context.job_id or "") > 1:
        return answer
    return context.fixed_answer(answer, context.script.pages.unknown)


@HISTORY.body("every seventh poll of a job shows an object without a key", "body_matches_schema")
def empty_at_times(body: JsonObject, context: RequestContext) -> Json:
    return {} if context.occurrence(context.job_id or "") % 7 == 0 else body


@HISTORY.body("every seventh poll of a job shows it in a list", "body_matches_schema")
def in_a_list_at_times(body: JsonObject, context: RequestContext) -> Json:
    return [body] if context.occurrence(context.job_id or "") % 7 == 0 else body


@HISTORY.body(
    "who reads another language is shown another creation time",
    "job_is_the_same_however_asked",
    applies=lambda api: api.profile.times is not None,
    proves="job_is_the_same_however_asked",
)
def creation_by_language(body: JsonObject, context: RequestContext) -> Json:
    language = context.request.header("Accept-Language") or "en"
    if context.profile.times is not None and not language.startswith("en"):
        # The local time of the language, said to be UTC.
        shift_time(body, context, context.profile.times.created, -_HOUR_S)
    return body


def _earlier_status(api: Api, status: str) -> str | None:
    """
    A status that mustn't follow `status`; None where the profile calls none wrong.
    """
    words = api.profile.status.words
    illegal = [move for move in api.profile.status.moves if move.verdict == "illegal"]
    for move in illegal:
        if status in move.before:
            return move.after[0]
    first = min(words, key=lambda name: words[name].rank)
    # Where the profile names illegal moves, only those are shown: a lower rank alone may be
    # tolerated. Back from an end is a fault of its own, end_undone.
    if illegal or words[status].phase.terminal or words[status].rank == words[first].rank:
        return None
    return first


def running_again(view: JobView, api: Api) -> JobView:
    words = api.profile.status.words
    # Not in a status that may wait for ever: no deadline covers it, so never_ends would be none.
    for status, _ in reversed(view.history):
        if not words[status].phase.terminal and not words[status].waits_unbounded:
            return view.rewound_to(status)
    pending = [name for name, word in words.items() if not word.phase.terminal]
    bounded = [name for name in pending if not words[name].waits_unbounded]
    return view.with_statuses(max(bounded or pending, key=lambda name: words[name].rank))


def with_version(text: str, version: int) -> str:
    if "://" not in text:
        return f"{text}-{version}"
    # Another file: host, folders and query may change by themselves, where a signature is renewed.
    parts = urlsplit(text)
    folder, _, name = parts.path.rpartition("/")
    return f"{parts.scheme}://{parts.netloc}{folder}/v{version}-{name}"


def _with_milliseconds(text: str, number: int) -> str:
    return re.sub(r"\.[0-9]+", f".{number}", text)
