"""
Servers whose jobs live, and are written, in ways that are unusual and all correct.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import JSON_MEDIA_TYPE, AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext, every_api
from jobproof.contract.mock.body_edits import (
    edit_links,
    edit_time,
    edit_times,
    end_times,
    forbids,
    has_links,
    has_rfc3339_times,
    phase_of,
    put,
    shift_time,
    shift_times,
)
from jobproof.contract.mock.jobs.life import JobView
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Codec, Phase

__all__ = ["LIFE_VARIANTS"]

LIFE_VARIANTS: list[Behaviour] = []

_DAY_S = 86_400.0


def _right(
    hook: Hook, summary: str, applies: Callable[[Api], bool] = every_api
) -> Callable[[Any], Any]:
    def keep(run: Any) -> Any:
        LIFE_VARIANTS.append(
            Behaviour(name=run.__name__, summary=summary, hook=hook, run=run, applies=applies)
        )
        return run

    return keep


def _has_numbered_times(api: Api) -> bool:
    return api.profile.times is not None and api.profile.times.codec is Codec.UNIX


def _has_times(api: Api) -> bool:
    return api.profile.times is not None


def _has_free_reason(api: Api) -> bool:
    failure = api.profile.failure
    return failure is not None and not forbids(api, failure.at[0], {"code": "x", "message": "y"})


def _tolerates_moves(api: Api) -> bool:
    return any(move.verdict == "tolerated" for move in api.profile.status.moves)


# How a job lives.


@_right(Hook.VIEW, "a job goes from its first status straight to its end")
def straight_to_the_end(view: JobView, context: RequestContext) -> JobView:
    if context.api.lifecycle.is_terminal(view.status):
        return view
    return replace(view, history=view.history[:1], extra={})


@_right(Hook.VIEW, "the order of two neighbouring statuses isn't kept", _tolerates_moves)
def neighbours_in_any_order(view: JobView, context: RequestContext) -> JobView:
    for move in context.profile.status.moves:
        if move.verdict == "tolerated" and view.status in move.before:
            if context.occurrence(f"{view.id} {view.status}") % 2 == 0:
                return replace(view, history=(*view.history, (move.after[0], view.history[-1][1])))
    return view


@_right(Hook.BODY, "jobs have waited for five hours when they are first seen", _has_times)
def waits_for_hours(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None:
        shift_time(body, context, context.profile.times.created, -5 * 3600.0)
    return body


@_right(Hook.BODY, "jobs that ended long ago did so years ago", _has_times)
def years_old(body: JsonObject, context: RequestContext) -> Json:
    if context.view is None or context.now - context.view.created < _DAY_S:
        return body
    return shift_times(body, context, -7 * 365 * _DAY_S)


@_right(Hook.BODY, "a cancelled job says why", _has_free_reason)
def cancellation_with_reason(body: JsonObject, context: RequestContext) -> Json:
    failure = context.profile.failure
    if failure is not None and phase_of(context) is Phase.CANCELLED:
        put(body, failure.at[0], {"code": "cancelled_by_user", "message": "Cancelled."})
    return body


@_right(Hook.BODY, "the reason of a failure is a code without words", _has_free_reason)
def reason_in_a_code(body: JsonObject, context: RequestContext) -> Json:
    return _with_reason(body, context, {"code": "E1"})


@_right(Hook.BODY, "the reason of a failure has words and an empty code", _has_free_reason)
def reason_in_words(body: JsonObject, context: RequestContext) -> Json:
    return _with_reason(body, context, {"code": "", "message": "The worker was lost."})


@_right(Hook.BODY, "the reason of a failure is in other scripts, and long", _has_free_reason)
def reason_in_other_scripts(body: JsonObject, context: RequestContext) -> Json:
    words = "\u062e\u0637\u0623 \u5931\u6557 \U0001f4a5 \u2028 " * 500
    return _with_reason(body, context, {"code": "E2", "message": words})


@_right(Hook.BODY, "a job that failed shows what it had made by then", has_links)
def failure_with_partial_result(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.result is not None and phase_of(context) is Phase.FAILED:
        put(body, context.profile.result.links[0], ["https://files.example.com/part-1.png"])
    return body


@_right(Hook.BODY, "an ended job has a count of its views, and says when it was asked for")
def counts_views(body: JsonObject, context: RequestContext) -> Json:
    body["views"] = context.occurrence(context.job_id or "")
    body["asked_at"] = datetime.fromtimestamp(context.now, UTC).isoformat()
    return body


# How its times are written.


@_right(Hook.BODY, "times are written to the microsecond", has_rfc3339_times)
def microseconds(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: text.replace("Z", "456Z"))


@_right(Hook.BODY, "times are written to the nanosecond", has_rfc3339_times)
def nanoseconds(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: text.replace("Z", "456789Z"))


@_right(Hook.BODY, "zeros at the end of a time's fraction are left out", has_rfc3339_times)
def fractions_without_zeros(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: re.sub(r"\.?0+Z", "Z", text))


@_right(Hook.BODY, "times have a small t and z", has_rfc3339_times)
def times_in_small_letters(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, str.lower)


@_right(Hook.BODY, "times name UTC by its offset", has_rfc3339_times)
def offset_of_zero(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: text.replace("Z", "+00:00"))


@_right(Hook.BODY, "times say that their zone is unknown", has_rfc3339_times)
def offset_unknown(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: text.replace("Z", "-00:00"))


@_right(Hook.BODY, "times are cut to the minute: a job may end as it is made", has_rfc3339_times)
def times_to_the_minute(body: JsonObject, context: RequestContext) -> Json:
    return edit_times(body, context, lambda text: f"{text[:17]}00Z")


@_right(Hook.BODY, "the creation time loses its fraction at the end", has_rfc3339_times)
def creation_cut_to_the_second(body: JsonObject, context: RequestContext) -> Json:
    times = context.profile.times
    if times is None or not context.ended:
        return body
    return edit_time(body, times.created, lambda text: re.sub(r"\.[0-9]+", "", text))


@_right(Hook.BODY, "a database rounds times to the second, a cache doesn't", has_rfc3339_times)
def times_rounded_by_turns(body: JsonObject, context: RequestContext) -> Json:
    if context.occurrence(context.job_id or "") % 2:
        return body
    return edit_times(body, context, _rounded)


@_right(Hook.BODY, "times are numbers with a point and a zero", _has_numbered_times)
def times_with_point(body: JsonObject, context: RequestContext) -> Json:
    times = context.profile.times
    for at in (times.created, *(stamp.at for stamp in end_times(context.api))) if times else ():
        value = pick(body, at)
        if isinstance(value, int):
            put(body, at, float(value))
    return body


@_right(Hook.BODY, "the clock of the workers is half a minute ahead", _has_times)
def clock_ahead(body: JsonObject, context: RequestContext) -> Json:
    return shift_times(body, context, 30.0)


@_right(Hook.BODY, "the clock of the workers is half a minute behind", _has_times)
def clock_behind(body: JsonObject, context: RequestContext) -> Json:
    return shift_times(body, context, -30.0)


# How its result is written.


@_right(Hook.BODY, "links are signed anew at each poll", has_links)
def links_signed_anew(body: JsonObject, context: RequestContext) -> Json:
    number = context.occurrence(context.job_id or "")
    signed = f"{datetime.fromtimestamp(context.now, UTC):%Y%m%dT%H%M%SZ}"
    query = f"X-Amz-Date={signed}&X-Amz-Expires=3600&X-Amz-Signature={number:064x}"
    return edit_links(body, context, lambda text: f"{text}?{query}")


@_right(Hook.BODY, "links were signed once, for ten minutes from the end on", has_links)
def links_signed_once(body: JsonObject, context: RequestContext) -> Json:
    if context.view is None:
        return body
    until = context.view.history[-1][1] + 600
    return edit_links(body, context, lambda text: f"{text}?Expires={until:.0f}&Signature=0a1b2c")


@_right(Hook.BODY, "links are in another order at every second poll", has_links)
def links_in_any_order(body: JsonObject, context: RequestContext) -> Json:
    turned = context.occurrence(context.job_id or "") % 2 == 0
    for at in context.profile.result.links if context.profile.result and turned else ():
        links = pick(body, at)
        if isinstance(links, list):
            put(body, at, links[::-1])
    return body


@_right(Hook.BODY, "files come from either of two hosts", has_links)
def links_by_two_hosts(body: JsonObject, context: RequestContext) -> Json:
    number = context.occurrence(context.job_id or "") % 2
    return edit_links(
        body, context, lambda text: f"https://cdn-{number}.example.com{urlsplit(text).path}"
    )


@_right(Hook.BODY, "links have a port, a query, a fragment and escapes", has_links)
def links_in_full_dress(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, _in_full_dress)


@_right(Hook.BODY, "a link is there twice", has_links)
def link_twice(body: JsonObject, context: RequestContext) -> Json:
    for at in context.profile.result.links if context.profile.result else ():
        links = pick(body, at)
        if isinstance(links, list) and links:
            put(body, at, [*links, links[0]])
    return body


# How its JSON is written.


@_right(Hook.BODY, "keys are in another order at every second poll")
def keys_in_any_order(body: JsonObject, context: RequestContext) -> Json:
    return dict(reversed(body.items())) if context.occurrence(context.job_id or "") % 2 else body


@_right(Hook.PAYLOAD, "the JSON is laid out for people")
def laid_out(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job is
    return json.dumps(json.loads(payload), indent=4, ensure_ascii=False).encode() + b"\n"


@_right(Hook.PAYLOAD, "slashes are escaped in JSON, as some languages do")
def slashes_escaped(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every slash is
    return payload.replace(b"/", b"\\/")


@_right(Hook.PAYLOAD, "letters are escaped in JSON, in keys and in values")
def letters_escaped(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job's are
    # No literal of JSON has an o in it, so every one stands in a string.
    return payload.replace(b"o", b"\\u006f")


@_right(Hook.PAYLOAD, "blanks and line breaks stand around the JSON")
def blanks_around(payload: bytes, context: RequestContext) -> bytes:  # noqa: ARG001 -- every job has them
    return b"\r\n\t " + payload + b"\r\n\r\n"


# How the answer is sent.


@_right(Hook.ANSWER, "the charset is in quotes and in capitals")
def charset_in_quotes(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every answer's is
    if answer.header("Content-Type") != JSON_MEDIA_TYPE:
        return answer
    return answer.with_header("Content-Type", f'{JSON_MEDIA_TYPE};Charset="UTF-8"')


@_right(Hook.ANSWER, "a job that goes on says when to ask again")
def says_when_to_ask_again(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB or context.ended:
        return answer
    return answer.with_header("Retry-After", "2")


@_right(Hook.ANSWER, "jobs may not be kept by any cache")
def kept_nowhere(answer: MockAnswer, context: RequestContext) -> MockAnswer:
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    return answer.with_header("Cache-Control", "no-store, max-age=0").with_header(
        "Pragma", "no-cache"
    )


@_right(Hook.ANSWER, "entity tags are weak")
def weak_tags(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- every tag is
    tag = answer.header("ETag")
    return answer.with_header("ETag", f"W/{tag}") if tag is not None else answer


@_right(Hook.ANSWER, "there are no entity tags")
def without_tags(answer: MockAnswer, context: RequestContext) -> MockAnswer:  # noqa: ARG001 -- on no answer
    return answer.without_header("ETag")


def _with_reason(body: JsonObject, context: RequestContext, reason: JsonObject) -> Json:
    if context.profile.failure is not None and phase_of(context) is Phase.FAILED:
        put(body, context.profile.failure.at[0], reason)
    return body


def _rounded(text: str) -> str:
    moment = datetime.fromisoformat(text) + timedelta(seconds=0.5)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def _in_full_dress(text: str) -> str:
    parts = urlsplit(text)
    return f"HTTPS://{parts.netloc}:443{parts.path}?name=a%20b&v=2#t=10"
